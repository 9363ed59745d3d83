/**
 * Arrays of numbers that a thread uses again and again.
 *
 * Fresh memory is slow: the system clears it and hands it out by pages of 4 KiB, for some µs each, and what JavaScript no longer
 * refers to goes back only when it is collected. A probe of 77 classes needs 10 MB, which took 2 of its 14 ms.
 *
 * @module
 */

/** Bytes that are kept for later, at most: before there would be more, all are left to the collector. */
const MOST_KEPT = 2 ** 26;

type Numbers = Float32Array | Float64Array | Int32Array;

/** By their size in bytes. */
const kept = new Map<number, ArrayBuffer[]>();
let keptBytes = 0;

/** Arrays that are given back together, after which nobody may look at them. What stands in a new one is left from before. */
export class BorrowedArrays {
  readonly #buffers: ArrayBuffer[] = [];

  /** As many float32. */
  float32(length: number): Float32Array<ArrayBuffer> {
    return new Float32Array(this.#borrow(length * Float32Array.BYTES_PER_ELEMENT), 0, length);
  }

  /** As many float64. */
  float64(length: number): Float64Array<ArrayBuffer> {
    return new Float64Array(this.#borrow(length * Float64Array.BYTES_PER_ELEMENT), 0, length);
  }

  /** As many integers. */
  int32(length: number): Int32Array<ArrayBuffer> {
    return new Int32Array(this.#borrow(length * Int32Array.BYTES_PER_ELEMENT), 0, length);
  }

  /** As many numbers of the type of another array. */
  like<T extends Numbers>(other: T, length: number): T {
    const found = other instanceof Float64Array
      ? this.float64(length)
      : other instanceof Float32Array
      ? this.float32(length)
      : this.int32(length);
    return found as Numbers as T;
  }

  /** Gives all of them back. */
  [Symbol.dispose](): void {
    for (const buffer of this.#buffers.splice(0)) {
      const size = buffer.byteLength;
      if (keptBytes + size > MOST_KEPT) {
        kept.clear();
        keptBytes = 0;
      }
      if (size > MOST_KEPT) continue;
      const others = kept.get(size);
      if (others) others.push(buffer);
      else kept.set(size, [buffer]);
      keptBytes += size;
    }
  }

  #borrow(bytes: number): ArrayBuffer {
    const size = roundedUp(bytes), buffer = kept.get(size)?.pop();
    if (buffer) keptBytes -= size;
    const found = buffer ?? new ArrayBuffer(size);
    this.#buffers.push(found);
    return found;
  }
}

/** To one of four sizes between a power of two and the next, so that what is needed is mostly there. */
function roundedUp(bytes: number): number {
  const step = 2 ** Math.max(6, Math.floor(Math.log2(bytes || 1)) - 2);
  return Math.ceil(bytes / step) * step;
}
