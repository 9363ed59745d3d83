/**
 * Reads the primitive values of a GGUF header one after the other, never past the end of the file.
 *
 * @module
 */
import { UsageError } from "#errors";
import { RandomAccessFile } from "./random_access_file.ts";

/** A metadata value; 64-bit integers are plain numbers (larger ones than 2^53 are refused). */
export type GgufValue = number | string | boolean | GgufValue[];

/** Value types of GGUF metadata: code to the fewest bytes that one value takes. */
const MIN_BYTES: Readonly<Record<number, number>> = {
  0: 1, // u8
  1: 1, // i8
  2: 2, // u16
  3: 2, // i16
  4: 4, // u32
  5: 4, // i32
  6: 4, // f32
  7: 1, // bool
  8: 8, // string: its length
  9: 12, // array: element type and count
  10: 8, // u64
  11: 8, // i64
  12: 8, // f64
};
const STRING = 8, ARRAY = 9;
/** Arrays of arrays are legal but unused; deeper ones only serve to overflow a stack. */
const MAX_DEPTH = 3;
/** More elements than any vocabulary or merge table has (the largest today have about 600,000). */
const MAX_ARRAY = 1 << 23;
/** Bytes held in memory at a time; a longer string gets its own. */
const WINDOW = 64 * 1024;

/** A position in a GGUF file. */
export class GgufCursor {
  /** Offset of the next byte. */
  position = 0;
  #window: DataView<ArrayBuffer> = new DataView(new ArrayBuffer(0));
  #windowStart = 0;
  readonly #utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

  /** Starts at the first byte. */
  constructor(readonly file: RandomAccessFile) {}

  /** Path of the file, for messages. */
  get path(): string {
    return this.file.path;
  }

  /** Size of the file in bytes. */
  get size(): number {
    return this.file.size;
  }

  /** An unsigned 32-bit integer. */
  u32(what: string): number {
    return this.#view(4, what).getUint32(this.#advance(4), true);
  }

  /** An unsigned 64-bit integer that fits a number exactly. */
  u64(what: string): number {
    return this.#exact(this.#view(8, what).getBigUint64(this.#advance(8), true), what);
  }

  /** A count of things that take at least `minBytes` each, so that it can be checked against the rest of the file. */
  count(what: string, minBytes: number): number {
    const count = this.u64(what);
    if (count * minBytes > this.size - this.position) {
      this.refuse(`claims ${count} for ${what}, more than its ${this.size} bytes can hold`);
    }
    return count;
  }

  /** A length-prefixed UTF-8 string. */
  string(what: string): string {
    const length = this.count(`the length of ${what}`, 1);
    const view = this.#view(length, what);
    const bytes = new Uint8Array(view.buffer, this.#advance(length), length);
    try {
      return this.#utf8.decode(bytes);
    } catch (cause) {
      throw new UsageError(
        `${this.path} has bytes that are not UTF-8 in ${what}`,
        "download the file again",
        { cause },
      );
    }
  }

  /** A typed metadata value. */
  value(key: string): GgufValue {
    return this.#typed(this.u32(`the type of ${key}`), key, 0);
  }

  /** Fails with a statement about the file. */
  refuse(what: string): never {
    throw new UsageError(`${this.path} ${what}`, "download the file again; it is damaged or not a GGUF file");
  }

  #typed(type: number, key: string, depth: number): GgufValue {
    if (type === STRING) return this.string(key);
    if (type === ARRAY) return this.#array(key, depth);
    const size = MIN_BYTES[type];
    if (size === undefined) this.refuse(`gives ${key} the unknown type ${type}`);
    const view = this.#view(size, key), at = this.#advance(size);
    switch (type) {
      case 0:
        return view.getUint8(at);
      case 1:
        return view.getInt8(at);
      case 2:
        return view.getUint16(at, true);
      case 3:
        return view.getInt16(at, true);
      case 4:
        return view.getUint32(at, true);
      case 5:
        return view.getInt32(at, true);
      case 6:
        return view.getFloat32(at, true);
      case 7:
        return view.getUint8(at) !== 0;
      case 10:
        return this.#exact(view.getBigUint64(at, true), key);
      case 11:
        return this.#exact(view.getBigInt64(at, true), key);
      default:
        return view.getFloat64(at, true);
    }
  }

  #array(key: string, depth: number): GgufValue[] {
    const type = this.u32(`the element type of ${key}`);
    const minBytes = MIN_BYTES[type];
    if (minBytes === undefined) this.refuse(`gives the elements of ${key} the unknown type ${type}`);
    if (type === ARRAY && depth >= MAX_DEPTH) this.refuse(`nests arrays too deeply in ${key}`);
    const count = this.count(`the length of ${key}`, minBytes);
    if (count > MAX_ARRAY) this.refuse(`claims ${count} elements in ${key}`);
    const values: GgufValue[] = [];
    for (let i = 0; i < count; i++) values.push(this.#typed(type, key, depth + 1));
    return values;
  }

  #exact(value: bigint, what: string): number {
    const number = Number(value);
    if (!Number.isSafeInteger(number)) this.refuse(`gives ${value} as ${what}`);
    return number;
  }

  /** Makes the next `length` bytes available in the window. */
  #view(length: number, what: string): DataView<ArrayBuffer> {
    if (this.position + length > this.size) this.refuse(`ends in the middle of ${what}`);
    if (
      this.position < this.#windowStart ||
      this.position + length > this.#windowStart + this.#window.byteLength
    ) {
      const bytes = new Uint8Array(Math.min(Math.max(length, WINDOW), this.size - this.position));
      this.file.read(this.position, bytes);
      this.#window = new DataView(bytes.buffer);
      this.#windowStart = this.position;
    }
    return this.#window;
  }

  /** Moves on by `length` bytes; returns where in the window they begin. */
  #advance(length: number): number {
    const at = this.position - this.#windowStart;
    this.position += length;
    return at;
  }
}
