/**
 * From the vectors of a text's tokens to one vector, as sentence-transformers' `Pooling` does it.
 *
 * @module
 */

/** Ways to pool, in sentence-transformers' words. */
export const POOLING_MODES = [
  "cls",
  "max",
  "mean",
  "mean_sqrt_len_tokens",
  "weightedmean",
  "lasttoken",
] as const;

/** One of {@linkcode POOLING_MODES}. */
export type PoolingMode = typeof POOLING_MODES[number];

/** How to pool. */
export interface Pooling {
  /** The results stand beside each other in this order. */
  readonly modes: readonly PoolingMode[];
  /** Whether the tokens of a prompt are pooled like those of the text. */
  readonly includePrompt: boolean;
}

/**
 * Pools the tokens of one text. Sums are made in float64 in the order of the tokens and rounded once.
 *
 * @param tokens [count, width], row by row
 * @param skipped tokens at the beginning that are left out (of a prompt); "cls" and the weights by position know no prompt
 * @returns [width for each mode]
 */
export function poolTokens(
  tokens: Float32Array,
  width: number,
  { modes }: Pick<Pooling, "modes">,
  skipped = 0,
): Float32Array<ArrayBuffer> {
  const pooled = new Float32Array(width * modes.length);
  const count = tokens.length / width;
  modes.forEach((mode, place) => {
    const weight = weights(mode, count, Math.min(skipped, count));
    const sums = new Float64Array(width).fill(mode === "max" ? -Infinity : 0);
    for (let t = 0; t < count; t++) {
      const w = weight[t]!;
      if (w === 0) continue;
      for (let i = 0; i < width; i++) {
        const x = tokens[t * width + i]!;
        // JavaScript's max() keeps NaN, so that a broken token is not hidden.
        sums[i] = mode === "max" ? Math.max(sums[i]!, x) : sums[i]! + w * x;
      }
    }
    pooled.set(sums, place * width);
  });
  return pooled;
}

/** What each token counts; "max" takes those that count at all. */
function weights(mode: PoolingMode, count: number, skipped: number): Float64Array {
  const weight = new Float64Array(count);
  const kept = count - skipped;
  switch (mode) {
    case "cls":
      weight[0] = 1;
      break;
    case "lasttoken":
      weight[count - 1] = 1;
      break;
    case "max":
      weight.fill(1, skipped);
      break;
    case "mean":
      weight.fill(1 / kept, skipped);
      break;
    case "mean_sqrt_len_tokens":
      weight.fill(1 / Math.sqrt(kept), skipped);
      break;
    case "weightedmean": {
      let sum = 0;
      for (let t = skipped; t < count; t++) sum += t + 1;
      for (let t = skipped; t < count; t++) weight[t] = (t + 1) / sum;
    }
  }
  return weight;
}
