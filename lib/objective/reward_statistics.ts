/**
 * What the journal keeps about the rewards of a step. The variance within groups is what a group-relative
 * advantage can see of a term: a term whose variance there is 0 teaches nothing, whatever its weight.
 *
 * @module
 */
import { UsageError } from "#errors";
import type { GroupRewards } from "./reward.ts";

/** Names of the terms of the reward, and of the reward itself. */
export const REWARD_COMPONENTS = ["positive", "negative", "consistency", "crossGroup", "total"] as const;

/** One of {@linkcode REWARD_COMPONENTS}. */
export type RewardComponent = typeof REWARD_COMPONENTS[number];

/** Statistics of one term over a batch. */
export interface ComponentStatistics {
  /** Over all rollouts. */
  mean: number;
  /** Mean over groups of the variance (divided by K) of the group's rollouts. */
  withinGroupVariance: number;
}

/**
 * Mean and within-group variance of each term and of the reward.
 *
 * @throws {UsageError} if there is no group
 */
export function rewardStatistics(
  groups: readonly GroupRewards[],
): Record<RewardComponent, ComponentStatistics> {
  if (groups.length === 0) throw new UsageError("No rewards to describe", "Pass at least one group");
  const meanOf = (values: ArrayLike<number>) =>
    Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;
  const describe = (component: RewardComponent): ComponentStatistics => ({
    mean: meanOf(groups.flatMap((group) => [...group[component]])),
    withinGroupVariance: meanOf(groups.map((group) => {
      const mean = meanOf(group[component]);
      return meanOf(group[component].map((value) => (value - mean) ** 2));
    })),
  });
  return Object.fromEntries(REWARD_COMPONENTS.map((name) => [name, describe(name)])) as Record<
    RewardComponent,
    ComponentStatistics
  >;
}
