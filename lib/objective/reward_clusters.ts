/**
 * Which training examples of a batch count as one group of the reward.
 *
 * The released code groups rows by equality of the padded prompt (grace.py, `_auto_group_by_prompts`), so two
 * examples with the same positive document become one group: consistency runs over the rollouts of both, the first
 * example's query and negative stand for both, and the twin's rollouts are no hard negatives. Advantages still go
 * by uid. Grouping by uid keeps examples apart.
 *
 * @module
 */

/** A reward group whose embeddings have norm 1. */
export interface UnitGroup {
  /** Equal exactly if the prompts are. */
  promptKey: string;
  /** [dim] */
  query: Float64Array;
  /** [M][dim] */
  negatives: Float64Array[];
  /** [K][dim] */
  rollouts: Float64Array[];
}

/** One or more groups that the reward treats as one. */
export interface Cluster {
  /** Indices of the groups in it, ascending. */
  members: number[];
  /** [dim] query of the first member, which stands for the cluster. */
  query: Float64Array;
  /** [M][dim] negatives of the first member. */
  negatives: Float64Array[];
  /** Rollouts of all members, [ΣK][dim]. */
  rollouts: Float64Array[];
}

/** Clusters in the order of their first members. */
export function clusterGroups(groups: readonly UnitGroup[], grouping: "prompt" | "uid"): Cluster[] {
  const clusters = new Map<string | number, Cluster>();
  for (const [index, { promptKey, query, negatives, rollouts }] of groups.entries()) {
    const key = grouping === "prompt" ? promptKey : index;
    const cluster = clusters.get(key);
    if (cluster) {
      cluster.members.push(index);
      cluster.rollouts.push(...rollouts);
    } else {
      clusters.set(key, { members: [index], query, negatives, rollouts: [...rollouts] });
    }
  }
  return [...clusters.values()];
}
