/**
 * What the evaluations draw from numpy's legacy global generator (`numpy.random.seed`, `RandomState`).
 *
 * @module
 */
import { Mt19937 } from "../mt19937.ts";

/** `numpy.random.RandomState(seed)`: the same draws in the same order. */
export class RandomState {
  readonly #words: Mt19937;

  /** @param seed whole number in [0, 2^32) */
  constructor(seed: number) {
    this.#words = Mt19937.fromSeed(seed);
  }

  /**
   * A whole number in [0, max], by masked rejection; takes no draw when max is 0.
   *
   * @param max whole number below 2^32
   */
  interval(max: number): number {
    if (max === 0) return 0;
    const mask = 0xffffffff >>> Math.clz32(max);
    while (true) {
      const value = (this.#words.nextU32() & mask) >>> 0;
      if (value <= max) return value;
    }
  }

  /** Fisher-Yates from the end, in place. */
  shuffle<T>(list: { [index: number]: T; readonly length: number }): void {
    for (let i = list.length - 1; i > 0; i--) {
      const j = this.interval(i);
      const held = list[i]!;
      list[i] = list[j]!;
      list[j] = held;
    }
  }
}
