/**
 * Arrays in memory that threads share, and messages that hold such arrays.
 *
 * @module
 */

/** Floats that another thread sees without a copy. */
export function sharedFloats(length: number): Float32Array<SharedArrayBuffer> {
  return new Float32Array(new SharedArrayBuffer(Float32Array.BYTES_PER_ELEMENT * length));
}

/** Integers that another thread sees without a copy. */
export function sharedIntegers(length: number): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT * length));
}

/** Shared memory that is taken for a while, and used again. */
export class SharedFloats {
  readonly #taken = new Map<number, Float32Array<SharedArrayBuffer>>();
  #free: Float32Array<SharedArrayBuffer>[] = [];
  /** Floats that are taken. */
  used = 0;

  /** Memory of as many floats, taken in the name of a number. What stood in it before is left. */
  take(name: number, length: number): Float32Array {
    const fits = this.#free.findIndex((memory) => memory.length >= length);
    const memory = fits < 0 ? sharedFloats(length) : this.#free.splice(fits, 1)[0]!;
    // What is too small now is not kept, so that there is never much more than was taken at some time.
    if (fits < 0) this.#free = [];
    this.#taken.set(name, memory);
    this.used += memory.length;
    return memory.subarray(0, length);
  }

  /** Gives back what was taken in that name, if anything was. */
  free(name: number): void {
    const memory = this.#taken.get(name);
    if (memory === undefined) return;
    this.#taken.delete(name);
    this.used -= memory.length;
    this.#free.push(memory);
  }
}

/** A typed array as a message has it. */
interface PackedArray {
  readonly array: "Float32Array" | "Int32Array";
  readonly buffer: SharedArrayBuffer;
  readonly offset: number;
  readonly length: number;
}

/**
 * The same plain value with each typed array in it as a description of its memory, which is shared, or else copied to such. Deno's
 * ports look at every number of an array that they receive, 60 ms for 3 MB, and never into a buffer.
 */
export function packed(value: unknown): unknown {
  if (value instanceof Float32Array || value instanceof Int32Array) {
    const array = value instanceof Float32Array ? "Float32Array" : "Int32Array";
    if (value.buffer instanceof SharedArrayBuffer) {
      return {
        array,
        buffer: value.buffer,
        offset: value.byteOffset,
        length: value.length,
      } satisfies PackedArray;
    }
    const copy = array === "Float32Array" ? sharedFloats(value.length) : sharedIntegers(value.length);
    copy.set(value);
    return { array, buffer: copy.buffer, offset: 0, length: value.length } satisfies PackedArray;
  }
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, packed(entry)]));
}

/** The value that was {@linkcode packed}. */
export function unpacked(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if ("buffer" in value) {
    const { array, buffer, offset, length } = value as PackedArray;
    return array === "Float32Array"
      ? new Float32Array(buffer, offset, length)
      : new Int32Array(buffer, offset, length);
  }
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, unpacked(entry)]));
}
