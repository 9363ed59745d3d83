/**
 * The baseline of ReMax (Li 2023, arXiv 2310.10505, Eq. 8): the reward of what the model writes greedily.
 *
 * The reward of a rationale depends on its siblings here, so that "the same reward for another rationale" has to be said
 * exactly: the baseline of rollout k is what the greedy rationale would be rewarded with in the place of rollout k, among the
 * other K − 1. It does not depend on rollout k, so it leaves the gradient unbiased, and terms that all rollouts of a group
 * share cancel in the advantage.
 *
 * GRACE's released code asks its reward for the greedy rationales without their hidden states, which gives 0 (B4).
 *
 * @module
 */
import { NumericError, UsageError } from "#errors";
import {
  clusterOf,
  type RewardGroup,
  type RewardOptions,
  termsOf,
  totalReward,
  unitGroups,
} from "./reward.ts";
import { type Embedding, unit } from "./vector.ts";

/** What a group's prompt is continued with greedily. */
export interface GreedyRationale {
  /** [dim], need not be normalised. */
  readonly embedding: Embedding;
  /** Whether it was cut off before its end. */
  readonly truncated: boolean;
}

/**
 * Baselines of all rollouts, [groups][K].
 *
 * @param groups as they are rewarded
 * @param greedy of each group
 * @throws {UsageError} as `batchRewards` does, or if a group has no greedy rationale
 * @throws {NumericError} if an embedding is not finite or is zero, or a reward is not finite
 */
export function greedyRewards(
  groups: readonly RewardGroup[],
  greedy: readonly GreedyRationale[],
  options: RewardOptions,
): Float64Array[] {
  if (greedy.length !== groups.length) {
    throw new UsageError(
      `${groups.length} reward groups have ${greedy.length} greedy rationales`,
      "Pass one of each group",
    );
  }
  const { units, clusters } = unitGroups(groups, options);
  return groups.map(({ uid }, i) => {
    const { embedding, truncated } = greedy[i]!,
      group = units[i]!,
      { cluster, others } = clusterOf(clusters, i);
    const stand = unit(embedding, `Embedding of the greedy rationale of group "${uid}"`);
    return Float64Array.from(group.rollouts, (replaced) => {
      const rollouts = cluster.rollouts.map((rollout) => rollout === replaced ? stand : rollout);
      const place = { cluster: { ...cluster, rollouts }, others };
      const terms = termsOf({ ...group, rollouts: [stand] }, place, options);
      const reward = totalReward(
        {
          positive: terms.positive[0]!,
          negative: terms.negative[0]!,
          consistency: terms.consistency[0]!,
          crossGroup: terms.crossGroup[0]!,
        },
        truncated,
        options,
      );
      if (Number.isFinite(reward)) return reward;
      throw new NumericError(
        `Reward of the greedy rationale of group "${uid}" is ${reward}`,
        "Check reward_multiplier, lambda1, lambda2 and gamma",
      );
    });
  });
}
