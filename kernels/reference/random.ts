/**
 * Reproducible numbers for tests. They are all exact in f32 (or in bf16, or in f16), so that an engine and the float64
 * reference start from the same input and differ only by what they compute.
 *
 * @module
 */
import type { HalfType } from "../element_type.ts";

/** What weights may be stored as. */
export type StoredType = "f32" | HalfType;

const words = new Uint32Array(1);
const singles = new Float32Array(words.buffer);

/** Drops the lower 16 bits of an f32: the result is exact in bf16. */
export function truncateToBf16(value: number): number {
  singles[0] = value;
  words[0]! &= 0xffff0000;
  return singles[0]!;
}

/** A seeded generator (mulberry32): small and good enough for test data, and for nothing else. */
export class TestRandom {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** Uniform in [0, 1), a multiple of 2⁻²⁴ and so exact in f32. */
  uniform(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let x = this.#state;
    x = Math.imul(x ^ x >>> 15, x | 1);
    x ^= x + Math.imul(x ^ x >>> 7, x | 61);
    return ((x ^ x >>> 14) >>> 8) / 2 ** 24;
  }

  /** Uniform integer in [0, limit). */
  integer(limit: number): number {
    return Math.floor(this.uniform() * limit);
  }

  /** `count` uniform integers in [0, limit). */
  integers(count: number, limit: number): Int32Array<ArrayBuffer> {
    return Int32Array.from({ length: count }, () => this.integer(limit));
  }

  /** Normal with mean 0 and variance 1, exact in f32 (Box and Muller). */
  normal(): number {
    return Math.fround(Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform()));
  }

  /** `count` normals of standard deviation `scale`, exact in f32. */
  normals(count: number, scale = 1): Float64Array<ArrayBuffer> {
    return Float64Array.from({ length: count }, () => Math.fround(this.normal() * scale));
  }

  /** `count` normals of standard deviation `scale`, exact in bf16. */
  bf16Normals(count: number, scale = 1): Float64Array<ArrayBuffer> {
    return Float64Array.from({ length: count }, () => truncateToBf16(this.normal() * scale));
  }

  /** `count` normals of standard deviation `scale`, exact in `stored`. */
  weights(stored: StoredType, count: number, scale = 1): Float64Array<ArrayBuffer> {
    if (stored === "f32") return this.normals(count, scale);
    if (stored === "bf16") return this.bf16Normals(count, scale);
    return this.normals(count, scale).map(Math.f16round);
  }
}
