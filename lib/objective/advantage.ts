/**
 * Group-relative advantages: one number per rollout, the same for all of its tokens.
 *
 * - `grpo`: A = R − mean of the group, divided by its standard deviation if asked for (GRPO; without the division,
 *   Dr. GRPO and paper Eq. 18). The deviation is the unbiased one, plus {@linkcode STD_EPS}, as in verl.
 * - `rloo`: A = R − mean of the other rollouts = (R − mean) · n / (n − 1).
 *
 * As in verl, a group of one rollout has mean 0 and deviation 1: its advantage is its reward. Paper Algorithm 1
 * takes the mean before scaling and penalty; Eq. 18 and the released code, followed here, after both.
 *
 * @module
 */
import { NumericError, UsageError } from "#errors";

/** Added to the standard deviation of a group (verl's `epsilon`). */
export const STD_EPS = 1e-6;

/** Rewards of a group that differ by less than this, relative to the largest, count as equal. */
const FLAT_TOLERANCE = 1e-12;

/** How to turn rewards into advantages. */
export interface AdvantageOptions {
  /** What a reward is compared with. */
  estimator: "grpo" | "rloo";
  /** Whether to divide by the group's standard deviation; only GRPO can. */
  divideByStd: boolean;
  /** Number of rollouts that each group must have; any number if left out. */
  groupSize?: number;
}

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
  /** Groups of two or more rollouts that all have the same reward: they teach nothing. */
  flatGroups: number;
}

/**
 * Advantages of all rollouts of a batch.
 *
 * @param rewards [rollouts]
 * @param uids [rollouts] group of each rollout
 * @throws {NumericError} if a reward is not finite, or no group has rewards that differ
 * @throws {UsageError} if the arrays differ in length or are empty, a group has not `groupSize` rollouts, or RLOO
 * is to be divided by the deviation
 */
export function groupAdvantages(
  rewards: ArrayLike<number>,
  uids: readonly string[],
  { estimator, divideByStd, groupSize }: AdvantageOptions,
): Advantages {
  if (estimator === "rloo" && divideByStd) {
    throw new UsageError("RLOO does not divide by the standard deviation", 'Set it to false, or use "grpo"');
  }
  if (rewards.length === 0 || rewards.length !== uids.length) {
    throw new UsageError(`${rewards.length} rewards have ${uids.length} groups`, "Pass one uid per reward");
  }
  const members = new Map<string, number[]>();
  for (const [i, uid] of uids.entries()) {
    if (!Number.isFinite(rewards[i])) {
      throw new NumericError(
        `Reward ${i} of group "${uid}" is ${rewards[i]}`,
        "Look for the first step with a non-finite loss or gradient; lower the learning rate",
      );
    }
    if (!members.get(uid)?.push(i)) members.set(uid, [i]);
  }
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
    const values = indices.map((i) => rewards[i]!);
    const { mean, std, advantages: own } = advantagesOfGroup(values, { estimator, divideByStd });
    groups.push({ uid, size, mean, std });
    if (size > 1 && isFlat(values)) flatGroups++;
    for (const [j, i] of indices.entries()) advantages[i] = own[j]!;
  }
  if (flatGroups === members.size) {
    throw new NumericError(
      `Rewards do not differ within any of ${flatGroups} groups, so every advantage is 0`,
      "Check that rollouts of one prompt differ: temperature above 0, more than one token, random numbers of " +
        "their own",
    );
  }
  return { advantages, groups, flatGroups };
}

/**
 * Advantages of one group, which depend on no other, with the mean and the unbiased standard deviation of its rewards.
 *
 * @param rewards finite, one or more
 */
export function advantagesOfGroup(
  rewards: readonly number[],
  { estimator, divideByStd }: Pick<AdvantageOptions, "estimator" | "divideByStd">,
): Pick<GroupStatistics, "mean" | "std"> & { advantages: number[] } {
  const size = rewards.length;
  const mean = rewards.reduce((sum, r) => sum + r, 0) / size;
  const squares = rewards.reduce((sum, r) => sum + (r - mean) ** 2, 0);
  const std = size > 1 ? Math.sqrt(squares / (size - 1)) : 0;
  const baseline = size > 1 ? mean : 0;
  const scale = size === 1
    ? (divideByStd ? 1 + STD_EPS : 1)
    : estimator === "rloo"
    ? (size - 1) / size
    : divideByStd
    ? std + STD_EPS
    : 1;
  return { mean, std, advantages: rewards.map((reward) => (reward - baseline) / scale) };
}

/** Whether rewards are equal up to rounding. */
function isFlat(rewards: readonly number[]): boolean {
  const low = Math.min(...rewards), high = Math.max(...rewards);
  return high - low <= FLAT_TOLERANCE * Math.max(Math.abs(low), Math.abs(high), 1);
}
