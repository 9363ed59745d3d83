/**
 * Advantages: one number per rollout, the same for all of its tokens. `estimators.ts` has the equations.
 *
 * As in verl, a group of one rollout has mean 0 and deviation 1: its advantage is its reward. Paper Algorithm 1
 * takes the mean before scaling and penalty; Eq. 18 and the released code, followed here, after both.
 *
 * @module
 */
import { NumericError, UsageError } from "#errors";
import { type AdvantageEstimator, type AdvantageOptions, ESTIMATORS } from "./estimators.ts";
import { advantagesOfGroup, requireFacts, type RolloutFacts } from "./group_advantage.ts";
import { type TokenMoments, tokenMoments, whiten } from "./whitening.ts";

export type { AdvantageEstimator, AdvantageOptions } from "./estimators.ts";
export type { RolloutFacts } from "./group_advantage.ts";

/** Rewards that differ by less than this, relative to the largest, count as equal. */
const FLAT_TOLERANCE = 1e-12;

/** Rewards of one group in numbers. */
export interface GroupStatistics {
  /** The group. */
  uid: string;
  /** Number of rollouts. */
  size: number;
  /** Mean reward. */
  mean: number;
  /** Unbiased standard deviation; 0 for a group of one. */
  std: number;
}

/** Advantages of a batch. */
export interface Advantages {
  /** [rollouts], in the order of the rewards. */
  advantages: Float64Array;
  /** In the order of first appearance. */
  groups: GroupStatistics[];
  /** Groups of two or more rollouts that all have the same reward: they teach nothing where the baseline is the group's. */
  flatGroups: number;
  /** What the advantages were whitened with; absent where the estimator does not. */
  whitening?: TokenMoments;
}

/**
 * Advantages of all rollouts of a batch.
 *
 * @param rewards [rollouts]
 * @param uids [rollouts] group of each rollout
 * @param facts what else the estimator reads, see `estimators.ts`
 * @throws {NumericError} if a reward or a baseline is not finite, or every advantage would be 0
 * @throws {UsageError} if the arrays differ in length or are empty, a group has not `groupSize` rollouts, an estimator that
 * does not is to divide by the deviation, or it lacks facts
 */
export function groupAdvantages(
  rewards: ArrayLike<number>,
  uids: readonly string[],
  options: AdvantageOptions,
  facts: RolloutFacts = {},
): Advantages {
  const { estimator, divideByStd, groupSize } = options;
  if (divideByStd && !ESTIMATORS[estimator].dividesByStd) {
    throw new UsageError(
      `"${estimator}" does not divide by the standard deviation`,
      'Set it to false, or use "grpo" or "grpo-passk"',
    );
  }
  if (rewards.length === 0 || rewards.length !== uids.length) {
    throw new UsageError(`${rewards.length} rewards have ${uids.length} groups`, "Pass one uid per reward");
  }
  requireFacts(estimator, rewards.length, facts);
  const members = membersOf(rewards, uids, facts);
  const advantages = new Float64Array(rewards.length);
  const groups: GroupStatistics[] = [];
  let flatGroups = 0;
  for (const [uid, indices] of members) {
    const size = indices.length;
    if (groupSize !== undefined && size !== groupSize) {
      throw new UsageError(
        `Group "${uid}" has ${size} rollouts instead of ${groupSize}`,
        "Pass whole groups",
      );
    }
    const of = (values: ArrayLike<number>) => indices.map((i) => values[i]!);
    const values = of(rewards);
    const own = advantagesOfGroup(values, options, {
      lengths: facts.lengths && of(facts.lengths),
      baselines: facts.baselines && of(facts.baselines),
    });
    groups.push({ uid, size, mean: own.mean, std: own.std });
    if (size > 1 && isFlat(values)) flatGroups++;
    for (const [j, i] of indices.entries()) advantages[i] = own.advantages[j]!;
  }
  requireSignal(estimator, rewards, advantages, { flatGroups, groups: groups.length });
  if (!ESTIMATORS[estimator].whitens) return { advantages, groups, flatGroups };
  const whitening = tokenMoments(advantages, facts.lengths!);
  return { advantages: whiten(advantages, whitening), groups, flatGroups, whitening };
}

/** Rollouts of each group, in the order of first appearance. */
function membersOf(
  rewards: ArrayLike<number>,
  uids: readonly string[],
  { lengths, baselines }: RolloutFacts,
): Map<string, number[]> {
  const members = new Map<string, number[]>();
  for (const [i, uid] of uids.entries()) {
    for (const [what, value] of [["Reward", rewards[i]], ["Baseline", baselines ? baselines[i] : 0]]) {
      if (Number.isFinite(value)) continue;
      throw new NumericError(
        `${what} ${i} of group "${uid}" is ${value}`,
        "Look for the first step with a non-finite loss or gradient; lower the learning rate",
      );
    }
    if (lengths && !(lengths[i]! >= 1)) {
      throw new UsageError(`Rollout ${i} of group "${uid}" has ${lengths[i]} tokens`, "Pass at least 1");
    }
    if (!members.get(uid)?.push(i)) members.set(uid, [i]);
  }
  return members;
}

/** Fails if every advantage is 0, or what rounding leaves of it: an update would be by noise. */
function requireSignal(
  estimator: AdvantageEstimator,
  rewards: ArrayLike<number>,
  advantages: Float64Array,
  { flatGroups, groups }: { flatGroups: number; groups: number },
): void {
  const all = Array.from(rewards), largest = all.reduce((most, r) => Math.max(most, Math.abs(r)), 1);
  const refuse = (what: string): never => {
    throw new NumericError(
      what,
      "Check that rollouts of one prompt differ: temperature above 0, more than one token, random numbers of " +
        "their own",
    );
  };
  if (ESTIMATORS[estimator].groupBaseline && flatGroups === groups) {
    refuse(`Rewards do not differ within any of ${flatGroups} groups, so every advantage is 0`);
  }
  if (estimator === "reinforce++" && isFlat(all)) {
    refuse("Rewards do not differ within the batch, so every advantage is 0");
  }
  if (advantages.every((value) => Math.abs(value) <= FLAT_TOLERANCE * largest)) {
    refuse(`Every advantage of "${estimator}" is 0`);
  }
}

/** Whether rewards are equal up to rounding. */
function isFlat(rewards: readonly number[]): boolean {
  const low = Math.min(...rewards), high = Math.max(...rewards);
  return high - low <= FLAT_TOLERANCE * Math.max(Math.abs(low), Math.abs(high), 1);
}
