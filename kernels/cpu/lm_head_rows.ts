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
  /** exp(z − max) */
  readonly e: Float32Array;
  /** Largest scaled logit of the chunk. */
  readonly max: number;
  /** Id of the first logit. */
  readonly column: number;
}

/** Token at which the cumulative distribution passes `uniform`. */
export function invert(row: readonly RowChunk[], sums: RowSums, uniform: number): number {
  let target = uniform * sums.sum;
  let last = 0;
  for (const { e, max, column } of row) {
    const scale = Math.exp(max - sums.max);
    let total = 0;
    for (let j = 0; j < e.length; j++) total += e[j]!;
    if (target >= total * scale) {
      target -= total * scale;
      if (total * scale > 0) last = column + lastPositive(e);
      continue;
    }
    let cumulative = 0;
    for (let j = 0; j < e.length; j++) {
      cumulative += e[j]! * scale;
      if (cumulative > target) return column + j;
    }
    return column + lastPositive(e);
  }
  // Rounding left a sliver past the end: the last token that has any probability.
  return last;
}

function lastPositive(e: Float32Array): number {
  let j = e.length - 1;
  while (j > 0 && e[j] === 0) j--;
  return j;
}

/** The largest logit, the lowest id among equals. */
export function argmax(row: readonly RowChunk[]): number {
  let best = -Infinity, id = 0;
  for (const { logits, max, column } of row) {
    if (max > best) {
      best = max;
      id = column + logits.indexOf(max);
    }
  }
  return id;
}

/** All logits of a row. */
export function joined(row: readonly RowChunk[], vocab: number): Float32Array {
  const all = new Float32Array(vocab);
  for (const { logits, column } of row) all.set(logits, column);
  return all;
}
