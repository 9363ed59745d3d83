/**
 * Whitening of advantages over all response tokens of a batch (REINFORCE++, Hu 2025, arXiv 2501.03262, Eq. 4; verl,
 * torch_functional.py, `masked_whiten`). A rollout has one advantage A_i for its L_i tokens, so that
 *
 *     mean = Σ L_i A_i / N,  variance = Σ L_i (A_i − mean)² / (N − 1),  N = Σ L_i,  A_i ← (A_i − mean) / √(variance + 1e-8)
 *
 * @module
 */
import { NumericError } from "#errors";

/** Added to the variance (verl's constant). */
export const WHITENING_EPS = 1e-8;

/** Mean and unbiased variance over tokens. */
export interface TokenMoments {
  /** Mean over the tokens of a batch. */
  readonly mean: number;
  /** Unbiased variance over them. */
  readonly variance: number;
}

/**
 * Moments over the tokens of all rollouts.
 *
 * @param values [rollouts], the same for every token of a rollout
 * @param lengths [rollouts] response tokens, at least one each
 * @throws {NumericError} if there are fewer than two tokens in all, which have no variance
 */
export function tokenMoments(values: ArrayLike<number>, lengths: ArrayLike<number>): TokenMoments {
  let tokens = 0, sum = 0, squares = 0;
  for (let i = 0; i < values.length; i++) {
    tokens += lengths[i]!;
    sum += lengths[i]! * values[i]!;
  }
  if (tokens < 2) {
    throw new NumericError(`Advantages of ${tokens} token cannot be whitened`, "Sample longer rationales");
  }
  const mean = sum / tokens;
  for (let i = 0; i < values.length; i++) squares += lengths[i]! * (values[i]! - mean) ** 2;
  return { mean, variance: squares / (tokens - 1) };
}

/** The values at mean 0 and variance 1. */
export function whiten(values: Iterable<number>, { mean, variance }: TokenMoments): Float64Array {
  const deviation = Math.sqrt(variance + WHITENING_EPS);
  return Float64Array.from(values, (value) => (value - mean) / deviation);
}
