/**
 * What the evaluations draw from numpy's legacy global generator (`numpy.random.seed`, `RandomState`).
 *
 * @module
 */
import { Mt19937 } from "../mt19937.ts";

/** `numpy.random.RandomState(seed)`: the same draws in the same order. */
export class RandomState {
  readonly #words: Mt19937;
  /** Of the last call of {@linkcode RandomState.weightedChoice}: k-means asks for as many rows again and again. */
  #bounds: Float64Array | undefined;

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

  /** `permutation(n)`: 0..n-1 shuffled. `choice(n, k, replace=False)` is its first k. */
  permutation(n: number): Int32Array {
    const list = Int32Array.from({ length: n }, (_, i) => i);
    this.shuffle(list);
    return list;
  }

  /** `randint(0, high, size)`: whole numbers in [0, high). */
  integers(high: number, size: number): Int32Array {
    const drawn = new Int32Array(size);
    for (let i = 0; i < size; i++) drawn[i] = this.interval(high - 1);
    return drawn;
  }

  /** `random_sample()`: a double in [0, 1) with 53 random bits. */
  double(): number {
    const high = this.#words.nextU32() >>> 5, low = this.#words.nextU32() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  }

  /**
   * `choice(n, size, p)` with equal float32 weights, one double each: the form in which scikit-learn asks for unweighted
   * rows. The bounds between rows are running sums and carry their rounding, as numpy's do.
   *
   * @param out as many indices as it has are drawn, and written to it
   */
  weightedChoice(n: number, out: Int32Array): Int32Array {
    const bounds = this.#bounds?.length === n ? this.#bounds : this.#bounds = equalBounds(n);
    for (let i = 0; i < out.length; i++) {
      const value = this.double();
      // The guess is off by rounding only.
      let index = Math.min(Math.floor(value * n), n - 1);
      while (index > 0 && bounds[index - 1]! > value) index--;
      while (bounds[index]! <= value) index++;
      out[i] = index;
    }
    return out;
  }
}

/** Upper bounds of n shares of [0, 1) with equal float32 weights. */
function equalBounds(n: number): Float64Array {
  const weight = Math.fround(1 / n), bounds = new Float64Array(n);
  for (let i = 0, sum = 0; i < n; i++) bounds[i] = sum += weight;
  const last = bounds[n - 1]!;
  for (let i = 0; i < n; i++) bounds[i] = bounds[i]! / last;
  return bounds;
}
