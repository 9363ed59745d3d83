/**
 * Writes GGUF files (version 3, little-endian), one tensor in memory at a time, all of them in F32.
 *
 * Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 *
 * @module
 */
import { writeAll } from "../journal/atomic.ts";
import type { NamedTensor } from "./safetensors_writer.ts";

/** A metadata value with its type. */
export type GgufTyped =
  | { readonly u32: number }
  | { readonly f32: number }
  | { readonly bool: boolean }
  | { readonly string: string }
  | { readonly strings: readonly string[] }
  | { readonly i32s: readonly number[] };

/** Codes of value types. */
const CODES = { u32: 4, i32: 5, f32: 6, bool: 7, string: 8, array: 9 } as const;

const MAGIC = 0x46554747, VERSION = 3, F32 = 0;

/** Tensors begin at multiples of this many bytes, the format's own default. */
const ALIGNMENT = 32;

/**
 * Writes one file and flushes it (fsync).
 *
 * @param shapes every tensor under llama.cpp's name, outermost dimension first, in the order of their bytes
 * @param tensors the same tensors in the same order; taken one by one
 * @throws {Error} when `tensors` and `shapes` disagree: a defect of the caller
 */
export function writeGgufFile(
  path: string,
  metadata: ReadonlyMap<string, GgufTyped>,
  shapes: ReadonlyMap<string, readonly number[]>,
  tensors: Iterable<NamedTensor>,
): void {
  using file = Deno.openSync(path, { write: true, createNew: true });
  let position = 0;
  const write = (bytes: Uint8Array) => {
    writeAll(file, bytes);
    position += bytes.length;
  };
  const align = () => write(new Uint8Array(padding(position)));
  write(header(metadata, shapes));
  const expected = shapes.entries();
  for (const { name, shape, data } of tensors) {
    const [wanted, wantedShape] = expected.next().value ?? ["nothing", []];
    if (name !== wanted || shape.join() !== wantedShape.join() || data.length !== elements(shape)) {
      throw new Error(
        `"${name}" [${shape}] with ${data.length} values stands where "${wanted}" [${wantedShape}] should`,
      );
    }
    align();
    write(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  const missing = expected.next();
  if (!missing.done) throw new Error(`"${missing.value[0]}" was never given to be written`);
  align();
  file.syncSync();
}

function header(
  metadata: ReadonlyMap<string, GgufTyped>,
  shapes: ReadonlyMap<string, readonly number[]>,
): Uint8Array {
  const out = new Bytes();
  out.u32(MAGIC);
  out.u32(VERSION);
  out.u64(shapes.size);
  out.u64(metadata.size);
  for (const [key, value] of metadata) {
    out.string(key);
    out.value(value);
  }
  let offset = 0;
  for (const [name, shape] of shapes) {
    out.string(name);
    out.u32(shape.length);
    for (const size of shape.toReversed()) out.u64(size);
    out.u32(F32);
    out.u64(offset);
    offset += 4 * elements(shape);
    offset += padding(offset);
  }
  return out.joined();
}

const elements = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1);

const padding = (position: number) => (ALIGNMENT - position % ALIGNMENT) % ALIGNMENT;

/** Bytes that are appended to. */
class Bytes {
  #bytes = new Uint8Array(1 << 16);
  #length = 0;
  readonly #utf8 = new TextEncoder();

  #append(bytes: Uint8Array): void {
    if (this.#length + bytes.length > this.#bytes.length) {
      const larger = new Uint8Array(2 * (this.#length + bytes.length));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #number(bytes: number, set: (view: DataView) => void): void {
    const view = new DataView(new ArrayBuffer(bytes));
    set(view);
    this.#append(new Uint8Array(view.buffer));
  }

  u32(value: number): void {
    this.#number(4, (view) => view.setUint32(0, value, true));
  }

  u64(value: number): void {
    this.#number(8, (view) => view.setBigUint64(0, BigInt(value), true));
  }

  string(text: string): void {
    const bytes = this.#utf8.encode(text);
    this.u64(bytes.length);
    this.#append(bytes);
  }

  value(value: GgufTyped): void {
    if ("u32" in value) {
      this.u32(CODES.u32);
      this.u32(value.u32);
    } else if ("f32" in value) {
      this.u32(CODES.f32);
      this.#number(4, (view) => view.setFloat32(0, value.f32, true));
    } else if ("bool" in value) {
      this.u32(CODES.bool);
      this.#append(Uint8Array.of(value.bool ? 1 : 0));
    } else if ("string" in value) {
      this.u32(CODES.string);
      this.string(value.string);
    } else if ("strings" in value) {
      this.#array(CODES.string, value.strings, (text) => this.string(text));
    } else {
      this.#array(CODES.i32, value.i32s, (one) => this.#number(4, (view) => view.setInt32(0, one, true)));
    }
  }

  #array<T>(code: number, values: readonly T[], write: (value: T) => void): void {
    this.u32(CODES.array);
    this.u32(code);
    this.u64(values.length);
    values.forEach(write);
  }

  joined(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }
}
