/**
 * The reward of a rationale: how well the embedding that it makes stands towards its query, its siblings and the
 * rest of the batch (paper Eq. 13, 15 and 17; released code, grace.py).
 *
 *     R = multiplier · (positive + negative + λ1 · consistency + λ2 · crossGroup), then the length penalty
 *
 * Supervised training scores the rationales d_i^k of a positive document against its query q_i and its mined
 * negatives n_i. Unsupervised training is the same with the anchor a_i (another rationale of the same text) as
 * q_i, and without mined negatives. The terms are in `reward_terms.ts`.
 *
 * What the paper and the released code do differently, or wrongly, is a named option each; `variants.ts` resolves
 * the protocols to options. With `negatives: "shared"`, negative and crossGroup are the same for all rollouts of
 * a group, so they cancel in any advantage with a group baseline.
 *
 * @module
 */
import { NumericError, UsageError } from "#errors";
import { applyLengthPenalty, type LengthPenaltyOptions } from "./length_penalty.ts";
import { type Cluster, clusterGroups, type UnitGroup } from "./reward_clusters.ts";
import { consistency, crossGroup, negativeSimilarity, positiveSimilarity } from "./reward_terms.ts";
import { type Embedding, unit } from "./vector.ts";

/** What training on a batch needs besides the rollouts: mined negatives, or none. */
export type TrainingMode = "supervised" | "unsupervised";

/** Switches of the reward. */
export interface RewardOptions extends LengthPenaltyOptions {
  /** Whether groups have mined negatives. */
  mode: TrainingMode;
  /**
   * What repels: `shared` compares the query (paper Eq. 13 and 15), `per-rollout` the rollout's own embedding, with
   * the mined negatives and with the other groups.
   */
  negatives: "shared" | "per-rollout";
  /** How many mined negatives a group has: exactly one (released code), or any number, summed (paper Eq. 13). */
  negativeSet: "single" | "sum";
  /**
   * What makes a group: `uid` is one per training example; `prompt` merges examples with equal prompts, as the
   * released code does.
   */
  grouping: "prompt" | "uid";
  /** 1 / τ: factor of the whole reward before the length penalty. */
  rewardMultiplier: number;
  /** λ1, weight of the consistency term. */
  lambda1: number;
  /** λ2, weight of the cross-group term. */
  lambda2: number;
}

/** The rollouts of one training example and what they are compared with. Embeddings need not be normalised. */
export interface RewardGroup {
  /** Identity of the training example within the batch. */
  uid: string;
  /** Identity of the prompt of its rollouts: equal exactly if the prompts' tokens are equal. */
  promptKey: string;
  /** [dim] embedding of the query, or of the anchor in unsupervised training. */
  query: Embedding;
  /** [M][dim] embeddings of the mined negatives; empty in unsupervised training. */
  negatives: readonly Embedding[];
  /** [K][dim] embeddings of the rollouts. */
  rollouts: readonly Embedding[];
  /** [K] whether the rollout was cut off before its end (`isTruncated` in `length_penalty.ts`). */
  truncated: readonly boolean[];
}

/** Rewards of the rollouts of one group, [K] each. The four terms are cosines, signed as they enter the total. */
export interface GroupRewards {
  /** The group. */
  uid: string;
  /** Towards the query. */
  positive: Float64Array;
  /** Away from the mined negatives; 0 in unsupervised training. */
  negative: Float64Array;
  /** Towards the siblings. */
  consistency: Float64Array;
  /** Away from the other groups. */
  crossGroup: Float64Array;
  /** The reward R: weighted, multiplied, penalised. */
  total: Float64Array;
}

/** Rewards of a batch. */
export interface BatchRewards {
  /** In the order of the groups given. */
  groups: GroupRewards[];
  /** How many groups were merged into an earlier one (0 unless `grouping` is `prompt`). */
  mergedGroups: number;
}

/**
 * Rewards of all rollouts of a batch.
 *
 * @throws {UsageError} if a group lacks what the options need: rollouts, siblings while λ1 ≠ 0, other groups while
 * λ2 ≠ 0, the right number of mined negatives, a uid of its own
 * @throws {NumericError} if an embedding is not finite or is zero, or a reward is not finite
 */
export function batchRewards(groups: readonly RewardGroup[], options: RewardOptions): BatchRewards {
  const { units, clusters } = unitGroups(groups, options);
  const rewards = groups.map(({ uid, truncated }, i): GroupRewards => {
    const terms = termsOf(units[i]!, clusterOf(clusters, i), options);
    const total = terms.positive.map((positive, k) => {
      const own = {
        positive,
        negative: terms.negative[k]!,
        consistency: terms.consistency[k]!,
        crossGroup: terms.crossGroup[k]!,
      };
      const reward = totalReward(own, truncated[k]!, options);
      if (!Number.isFinite(reward)) {
        throw new NumericError(
          `Reward of rollout ${k} of group "${uid}" is ${reward}`,
          "Check reward_multiplier, lambda1, lambda2 and gamma",
        );
      }
      return reward;
    });
    return { uid, ...terms, total };
  });
  return { groups: rewards, mergedGroups: groups.length - clusters.length };
}

/**
 * The groups with embeddings of norm 1, and which of them the reward treats as one.
 *
 * @throws as {@linkcode batchRewards} does
 */
export function unitGroups(
  groups: readonly RewardGroup[],
  options: RewardOptions,
): { units: UnitGroup[]; clusters: Cluster[] } {
  checkGroups(groups, options);
  const units = groups.map(toUnits);
  const clusters = clusterGroups(units, options.grouping);
  checkClusters(clusters.map((c) => c.rollouts.length), options);
  return { units, clusters };
}

/** The cluster that a group is in, and all others. */
export function clusterOf(
  clusters: readonly Cluster[],
  group: number,
): { cluster: Cluster; others: Cluster[] } {
  const cluster = clusters.find(({ members }) => members.includes(group))!;
  return { cluster, others: clusters.filter((other) => other !== cluster) };
}

/** The four terms of the rewards of a group, [rollouts of the group] each. */
export function termsOf(
  group: UnitGroup,
  { cluster, others }: { readonly cluster: Cluster; readonly others: readonly Cluster[] },
  { negatives }: Pick<RewardOptions, "negatives">,
): Record<keyof RewardTerms, Float64Array> {
  return {
    positive: positiveSimilarity(group),
    negative: negativeSimilarity(group, cluster, negatives),
    consistency: consistency(group, cluster),
    crossGroup: crossGroup(group, others, negatives),
  };
}

/** The four terms of one rollout's reward. */
export type RewardTerms = Readonly<Record<"positive" | "negative" | "consistency" | "crossGroup", number>>;

/** The reward of a rollout from its terms: weighted, multiplied, penalised. */
export function totalReward(
  { positive, negative, consistency, crossGroup }: RewardTerms,
  truncated: boolean,
  options: Pick<RewardOptions, "lambda1" | "lambda2" | "rewardMultiplier" | keyof LengthPenaltyOptions>,
): number {
  const sum = positive + negative + options.lambda1 * consistency + options.lambda2 * crossGroup;
  return applyLengthPenalty(options.rewardMultiplier * sum, truncated, options);
}

/** Fails unless the groups have the shape that the options ask for. */
function checkGroups(groups: readonly RewardGroup[], { mode, negativeSet }: RewardOptions): void {
  if (groups.length === 0) {
    throw new UsageError("Batch has no reward group", "Pass at least one training example");
  }
  if (new Set(groups.map((g) => g.uid)).size < groups.length) {
    throw new UsageError(
      "Two reward groups have one uid",
      "Give each training example of a batch its own uid",
    );
  }
  for (const { uid, negatives, rollouts, truncated } of groups) {
    if (rollouts.length === 0) {
      throw new UsageError(
        `Reward group "${uid}" has no rollouts`,
        "Check that generation returned all of them",
      );
    }
    if (truncated.length !== rollouts.length) {
      throw new UsageError(
        `Reward group "${uid}" has ${rollouts.length} rollouts but ${truncated.length} truncation flags`,
        "Pass one flag per rollout",
      );
    }
    const fits = mode === "unsupervised"
      ? negatives.length === 0
      : negativeSet === "single"
      ? negatives.length === 1
      : negatives.length > 0;
    if (!fits) {
      throw new UsageError(
        `Reward group "${uid}" has ${negatives.length} mined negatives`,
        mode === "unsupervised"
          ? "Unsupervised training takes none; choose supervised training to use them"
          : negativeSet === "single"
          ? 'Pass exactly one per example, or set negative_set to "sum"'
          : "Pass at least one per example, or choose unsupervised training",
      );
    }
  }
}

/** Fails if a term that has weight is not defined: the mean over no siblings, or over no other groups. */
function checkClusters(sizes: readonly number[], { lambda1, lambda2 }: RewardOptions): void {
  if (lambda1 !== 0 && sizes.some((size) => size < 2)) {
    throw new UsageError(
      "Consistency needs at least two rollouts per group",
      "Sample two or more rollouts, or set lambda1 to 0",
    );
  }
  if (lambda2 !== 0 && sizes.length < 2) {
    throw new UsageError(
      "Cross-group reward needs at least two groups with different prompts",
      "Use a batch of two or more examples, or set lambda2 to 0",
    );
  }
}

/** The group with every embedding checked and divided by its norm. */
function toUnits({ uid, promptKey, query, negatives, rollouts }: RewardGroup): UnitGroup {
  return {
    promptKey,
    query: unit(query, `Query embedding of group "${uid}"`),
    negatives: negatives.map((n, m) => unit(n, `Negative embedding ${m} of group "${uid}"`)),
    rollouts: rollouts.map((d, k) => unit(d, `Embedding of rollout ${k} of group "${uid}"`)),
  };
}
