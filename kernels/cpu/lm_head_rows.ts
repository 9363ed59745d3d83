/**
 * What is done with one row of logits that come in chunks: sums over all of them, and the choice of a token.
 *
 * @module
 */

/** Running log-sum-exp of one row over chunks: everything is relative to the largest logit so far. */
export class RowSums {
  /** Largest scaled logit so far. */
  max = -Infinity;
  /** Σ exp(z − max). */
  sum = 0;
  /** Σ exp(z − max)·(z − max). */
  moment = 0;

  /** Takes in a chunk, given its own maximum and the sums relative to it. */
  add(max: number, sum: number, moment: number): void {
    if (max > this.max) {
      const scale = Math.exp(this.max - max);
      // Σ e^(z−M')·(z−M') = scale·(Σ e^(z−M)·(z−M) + (M−M')·Σ e^(z−M))
      this.moment = this.sum === 0 ? 0 : scale * (this.moment + (this.max - max) * this.sum);
      this.sum *= scale;
      this.max = max;
    }
    const scale = Math.exp(max - this.max);
    this.moment += scale * (moment + (max - this.max) * sum);
    this.sum += scale * sum;
  }

  /** log Σ exp z. */
  get logSumExp(): number {
    return this.max + Math.log(this.sum);
  }

  /** Entropy in nats. */
  get entropy(): number {
    return Math.log(this.sum) - this.moment / this.sum;
  }
}

/** A row's logits of one chunk. */
export interface RowChunk {
  /** As they are, not divided by the temperature. */
  readonly logits: Float32Array;
  /** exp(z − max), where a token is drawn by it. */
  readonly e?: Float32Array | undefined;
  /** Largest scaled logit of the chunk. */
  readonly max: number;
  /** Id of the first logit. */
  readonly column: number;
}

/** Probabilities that are added up before the sum is compared with the target. */
const stride = 64;

/** Σ e[from..to) as four partial sums: one chain of additions would wait for each. */
function sumOf(e: Float32Array, from: number, to: number): number {
  let a = 0, b = 0, c = 0, d = 0, j = from;
  for (; j + 3 < to; j += 4) {
    a += e[j]!;
    b += e[j + 1]!;
    c += e[j + 2]!;
    d += e[j + 3]!;
  }
  for (; j < to; j++) a += e[j]!;
  return (a + b) + (c + d);
}

/** Token at which the cumulative distribution passes `uniform`. */
export function invert(row: readonly RowChunk[], sums: RowSums, uniform: number): number {
  const target = uniform * sums.sum;
  let before = 0, last = 0;
  for (const { e, max, column } of row) {
    if (!e) throw new Error("invert: a chunk without exponentials");
    const scale = Math.exp(max - sums.max);
    for (let from = 0; from < e.length; from += stride) {
      const to = Math.min(e.length, from + stride), sum = sumOf(e, from, to) * scale;
      if (before + sum > target) {
        let cumulative = before;
        for (let j = from; j < to; j++) {
          cumulative += e[j]! * scale;
          if (cumulative > target) return column + j;
        }
        return column + lastPositive(e, from, to);
      }
      if (sum > 0) last = column + lastPositive(e, from, to);
      before += sum;
    }
  }
  // Rounding left a sliver past the end: the last token that has any probability.
  return last;
}

function lastPositive(e: Float32Array, from: number, to: number): number {
  let j = to - 1;
  while (j > from && e[j] === 0) j--;
  return j;
}

/** The largest logit, the lowest id among equals. */
export function argmax(row: readonly RowChunk[]): number {
  let best = row[0]!;
  for (const chunk of row) if (chunk.max > best.max) best = chunk;
  // NaN is found nowhere; the log-probability, NaN too, tells of it.
  return best.column + Math.max(0, best.logits.indexOf(best.max));
}

/** All logits of a row. */
export function joined(row: readonly RowChunk[], vocab: number): Float32Array {
  const all = new Float32Array(vocab);
  for (const { logits, column } of row) all.set(logits, column);
  return all;
}
