/**
 * The estimators of an advantage. R_i is the reward of rollout i of n in its group, L_i its number of response tokens; every
 * token of a rollout has the advantage A_i, since rewards stand on the last token and are not discounted (γ = 1).
 *
 * | estimator | A_i | source |
 * | --- | --- | --- |
 * | `grpo` | R_i − mean(R), divided by std(R) + 1e-6 if asked for | Shao 2024, arXiv 2402.03300; without division Dr. GRPO and paper Eq. 18 |
 * | `rloo` | R_i − mean of the other rollouts = (R_i − mean(R)) · n / (n − 1) | Ahmadian 2024, arXiv 2402.14740 |
 * | `opo` | R_i − Σ_j L_j R_j / Σ_j L_j | Hao 2025, arXiv 2505.23585 |
 * | `grpo-passk` | R_1st − R_2nd for the best rollout, 0 for all others; divided as `grpo` is | Tang 2025, arXiv 2503.19595 |
 * | `reinforce++` | R_i, whitened over all response tokens of the batch (`whitening.ts`) | Hu 2025, arXiv 2501.03262 |
 * | `reinforce++-baseline` | R_i − mean(R), whitened likewise | the same |
 * | `remax` | R_i − reward of the greedy rollout of the prompt (`greedy_reward.ts`) | Li 2023, arXiv 2310.10505 |
 * | `no-baseline` | R_i: what `remax` is in GRACE's released code, whose baseline is always 0 (B4) | Williams 1992 |
 *
 * All as in verl, `core_algos.py`. REINFORCE++ and its authors' code also put a KL penalty into the reward of each token,
 * which verl leaves to a setting of its own and is not done here.
 *
 * Where they see nothing: a group of one rollout has the baseline 0 and is refused by `grpo-passk`, as in verl. Groups whose
 * rewards are all equal give advantages of 0 wherever a group's own rewards are the baseline, before any whitening.
 *
 * @module
 */

/** What an estimator reads and does. */
export interface EstimatorFacts {
  /** Whether advantages can be divided by the standard deviation of the group. */
  readonly dividesByStd: boolean;
  /** Whether the baseline is made of the group's own rewards, so that a group of equal rewards teaches nothing. */
  readonly groupBaseline: boolean;
  /** Whether it reads the lengths of rollouts. */
  readonly lengths: boolean;
  /** Whether it reads the reward of a greedy rollout, which has to be sampled. */
  readonly baselines: boolean;
  /** Whether advantages are whitened over the tokens of the batch. */
  readonly whitens: boolean;
}

const plain: EstimatorFacts = {
  dividesByStd: false,
  groupBaseline: true,
  lengths: false,
  baselines: false,
  whitens: false,
};

/** Names of all estimators, with what each reads and does. */
export const ESTIMATORS = {
  grpo: { ...plain, dividesByStd: true },
  rloo: plain,
  opo: { ...plain, lengths: true },
  "grpo-passk": { ...plain, dividesByStd: true },
  "reinforce++": { ...plain, groupBaseline: false, lengths: true, whitens: true },
  "reinforce++-baseline": { ...plain, lengths: true, whitens: true },
  remax: { ...plain, groupBaseline: false, baselines: true },
  "no-baseline": { ...plain, groupBaseline: false },
} as const satisfies Record<string, EstimatorFacts>;

/** Name of an estimator. */
export type AdvantageEstimator = keyof typeof ESTIMATORS;

/** Names of all estimators. */
export const ESTIMATOR_NAMES = Object.keys(ESTIMATORS) as AdvantageEstimator[];

/** How to turn rewards into advantages. */
export interface AdvantageOptions {
  /** What a reward is compared with. */
  estimator: AdvantageEstimator;
  /** Whether to divide by the group's standard deviation; only some can. */
  divideByStd: boolean;
  /** Number of rollouts that each group must have; any number if left out. */
  groupSize?: number;
}
