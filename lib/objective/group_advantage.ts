/**
 * What the rewards of one group are compared with, and the advantages that come of it, before any whitening.
 *
 * @module
 */
import { UsageError } from "#errors";
import { type AdvantageEstimator, type AdvantageOptions, ESTIMATORS } from "./estimators.ts";

/** Added to the standard deviation of a group (verl's `epsilon`). */
export const STD_EPS = 1e-6;

/** What an estimator needs to know of rollouts besides their rewards, see `estimators.ts`. */
export interface RolloutFacts {
  /** [rollouts] response tokens, the end-of-sequence token included. */
  readonly lengths?: ArrayLike<number> | undefined;
  /** [rollouts] reward of the prompt's greedy rationale in the rollout's place (`greedy_reward.ts`). */
  readonly baselines?: ArrayLike<number> | undefined;
}

/** Advantages of one group with the mean and the unbiased standard deviation of its rewards. */
export interface GroupAdvantages {
  /** Mean reward. */
  readonly mean: number;
  /** Unbiased standard deviation; 0 for a group of one. */
  readonly std: number;
  /** [K] */
  readonly advantages: number[];
}

/**
 * Advantages of one group, which depend on no other; of an estimator that whitens, what is whitened.
 *
 * @param rewards finite, one or more
 * @throws {UsageError} if the estimator needs facts that are not given, or a group of two
 */
export function advantagesOfGroup(
  rewards: readonly number[],
  { estimator, divideByStd }: Pick<AdvantageOptions, "estimator" | "divideByStd">,
  facts: RolloutFacts = {},
): GroupAdvantages {
  const size = rewards.length;
  requireFacts(estimator, size, facts);
  const mean = rewards.reduce((sum, r) => sum + r, 0) / size;
  const squares = rewards.reduce((sum, r) => sum + (r - mean) ** 2, 0);
  const std = size > 1 ? Math.sqrt(squares / (size - 1)) : 0;
  const minus = (baseline: number, scale = 1) => rewards.map((reward) => (reward - baseline) / scale);
  const groupMean = size > 1 ? mean : 0;
  const advantages = () => {
    switch (estimator) {
      case "grpo":
        return minus(groupMean, !divideByStd ? 1 : size > 1 ? std + STD_EPS : 1 + STD_EPS);
      case "rloo":
        return minus(groupMean, size > 1 ? (size - 1) / size : 1);
      case "opo":
        return minus(size > 1 ? lengthWeightedMean(rewards, facts.lengths!) : 0);
      case "grpo-passk":
        return bestAlone(rewards, divideByStd ? std + STD_EPS : 1);
      case "reinforce++-baseline":
        return minus(groupMean);
      case "remax":
        return rewards.map((reward, i) => reward - facts.baselines![i]!);
      case "reinforce++":
      case "no-baseline":
        return [...rewards];
    }
  };
  return { mean, std, advantages: advantages() };
}

/** Σ L r / Σ L: the baseline of least variance where gradients grow with length. */
function lengthWeightedMean(rewards: readonly number[], lengths: ArrayLike<number>): number {
  let tokens = 0, sum = 0;
  rewards.forEach((reward, i) => {
    tokens += lengths[i]!;
    sum += lengths[i]! * reward;
  });
  return sum / tokens;
}

/** The lead of the best rollout over the second best, 0 for all others. */
function bestAlone(rewards: readonly number[], scale: number): number[] {
  if (rewards.length < 2) {
    throw new UsageError(`A group of ${rewards.length} has no second best`, "Sample two or more rollouts");
  }
  const best = rewards.indexOf(Math.max(...rewards));
  const second = Math.max(...rewards.filter((_, i) => i !== best));
  return rewards.map((reward, i) => i === best ? (reward - second) / scale : 0);
}

/**
 * Fails unless what the estimator reads is there for each rollout.
 *
 * @throws {UsageError} naming what is missing
 */
export function requireFacts(estimator: AdvantageEstimator, size: number, facts: RolloutFacts): void {
  for (const what of ["lengths", "baselines"] as const) {
    if (!ESTIMATORS[estimator][what] || facts[what]?.length === size) continue;
    throw new UsageError(
      `"${estimator}" got ${facts[what]?.length ?? 0} ${what} of ${size} rollouts`,
      "Pass one of each rollout",
    );
  }
}
