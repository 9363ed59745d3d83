/**
 * The KL term of a policy loss: an estimate, token by token, of KL(π ‖ π_ref) from the sampled tokens (Schulman 2020,
 * joschu.net/blog/kl-approx.html), with d = log π − log π_ref:
 *
 *     k1 = d,  k2 = d² / 2,  k3 = e^(−d) + d − 1  (Shao 2024, arXiv 2402.03300, Eq. 4)
 *
 * and its derivative by log π: 1, d and 1 − e^(−d). All three are unbiased or nearly so as values; as a loss only k2's gradient
 * is that of the KL divergence of the policy that sampled, and k1's is 0 on average.
 *
 * In k3, d is clamped as the log ratio of the loss is, as in verl (core_algos.py, `kl_penalty`), which also bounds the value at 10
 * and so has no gradient where the policy has moved farthest; that is not done here.
 *
 * @module
 */

/** Names of the estimators. */
export const KL_ESTIMATORS = ["k1", "k2", "k3"] as const;

/** One of {@linkcode KL_ESTIMATORS}. */
export type KlEstimator = typeof KL_ESTIMATORS[number];

/** A KL term in the loss of a token. */
export interface KlTerm {
  /** β, its factor; above 0. */
  readonly coef: number;
  readonly estimator: KlEstimator;
}

/**
 * The estimate for one token, and its derivative by log π; both exactly 0 where log π is log π_ref.
 *
 * @param difference d
 * @param clamp d of k3 is clamped to ± this
 */
export function klPenalty(
  difference: number,
  estimator: KlEstimator,
  clamp: number,
): { value: number; slope: number } {
  if (estimator === "k1") return { value: difference, slope: 1 };
  if (estimator === "k2") return { value: difference * difference / 2, slope: difference };
  const x = -Math.min(clamp, Math.max(-clamp, difference));
  return { value: Math.expm1(x) - x, slope: x === -difference ? -Math.expm1(x) : 0 };
}
