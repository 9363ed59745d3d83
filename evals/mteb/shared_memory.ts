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

/** Floats that are kept for later, at most: 256 MiB. */
const MOST_KEPT = 2 ** 26;

/** By rising length. */
const kept: Float32Array<SharedArrayBuffer>[] = [];

/**
 * Floats that another thread sees, of memory that was given back if there is some: fresh memory of this kind is the slowest, 8 ms
 * for 3 MB. What stood in it before is left.
 */
export function borrowShared(length: number): Float32Array<SharedArrayBuffer> {
  const fits = kept.findIndex((memory) => memory.length >= length);
  const memory = fits < 0 ? sharedFloats(length) : kept.splice(fits, 1)[0]!;
  return memory.subarray(0, length);
}

/** Gives back what was borrowed, which no thread may look at any more. */
export function giveBackShared(borrowed: Float32Array<SharedArrayBuffer>): void {
  kept.push(new Float32Array(borrowed.buffer));
  kept.sort((a, b) => a.length - b.length);
  // The shortest ones are the least likely to fit again.
  for (let floats = kept.reduce((sum, { length }) => sum + length, 0); floats > MOST_KEPT;) {
    floats -= kept.shift()!.length;
  }
}

type Numbers = Float32Array | Float64Array | Int32Array;

/** A typed array as a message has it. */
interface PackedArray {
  readonly type: "f32" | "f64" | "i32";
  readonly buffer: SharedArrayBuffer;
  readonly offset: number;
  readonly length: number;
}

function typeOf(array: Numbers): PackedArray["type"] {
  return array instanceof Float32Array ? "f32" : array instanceof Float64Array ? "f64" : "i32";
}

function view({ type, buffer, offset, length }: PackedArray): Numbers {
  switch (type) {
    case "f32":
      return new Float32Array(buffer, offset, length);
    case "f64":
      return new Float64Array(buffer, offset, length);
    case "i32":
      return new Int32Array(buffer, offset, length);
  }
}

/**
 * The same plain value with each typed array in it as a description of its memory, which is shared, or else copied to such. Deno's
 * ports look at every number of an array that they receive, 60 ms for 3 MB, and never into a buffer.
 */
export function packed(value: unknown): unknown {
  if (value instanceof Float32Array || value instanceof Float64Array || value instanceof Int32Array) {
    const type = typeOf(value), { buffer, byteOffset: offset, length } = value;
    if (buffer instanceof SharedArrayBuffer) return { type, buffer, offset, length } satisfies PackedArray;
    const copy = { type, buffer: new SharedArrayBuffer(value.byteLength), offset: 0, length };
    view(copy).set(value);
    return copy;
  }
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, packed(entry)]));
}

/** The value that was {@linkcode packed}. */
export function unpacked(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if ("buffer" in value) return view(value as PackedArray);
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, unpacked(entry)]));
}
