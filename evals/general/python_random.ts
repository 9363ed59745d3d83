/**
 * What lm-evaluation-harness draws from Python's `random.Random`: few-shot examples.
 *
 * @module
 */
import { Mt19937 } from "../mt19937.ts";

/** `random.Random(seed)` for a non-negative whole seed below 2^53. */
export class PythonRandom {
  readonly #words: Mt19937;

  /** @param seed non-negative safe integer */
  constructor(seed: number) {
    const low = seed % 2 ** 32, high = Math.floor(seed / 2 ** 32);
    this.#words = Mt19937.fromKey(high > 0 ? [low, high] : [low]);
  }

  /** A whole number in [0, n), for 1 <= n <= 2^31: draws as many bits as n has until they are below n. */
  below(n: number): number {
    const shift = Math.clz32(n);
    while (true) {
      const value = this.#words.nextU32() >>> shift;
      if (value < n) return value;
    }
  }

  /**
   * `sample(range(n), k)`: k distinct numbers of [0, n) in the order drawn. Like CPython it draws from a
   * shrinking pool where that is the smaller structure, and otherwise redraws repeats: the two branches
   * consume the stream differently.
   *
   * @throws RangeError if k > n
   */
  sampleRange(n: number, k: number): number[] {
    if (k > n) throw new RangeError(`cannot sample ${k} of ${n}`);
    const poolLimit = 21 + (k > 5 ? 4 ** Math.ceil(Math.log(k * 3) / Math.log(4)) : 0);
    const result: number[] = [];
    if (n <= poolLimit) {
      const pool = Array.from({ length: n }, (_, i) => i);
      for (let i = 0; i < k; i++) {
        const j = this.below(n - i);
        result.push(pool[j]!);
        pool[j] = pool[n - i - 1]!;
      }
      return result;
    }
    const taken = new Set<number>();
    while (result.length < k) {
      const j = this.below(n);
      if (taken.has(j)) continue;
      taken.add(j);
      result.push(j);
    }
    return result;
  }
}
