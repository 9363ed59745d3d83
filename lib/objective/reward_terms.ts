/**
 * The four terms of the reward, [K] cosines per group, signed as they enter it. All vectors have norm 1.
 *
 * s is the cosine, q_i the query (or anchor), d_i^k a rollout, n_i the mined negatives of group i.
 *
 * @module
 */
import type { Cluster, UnitGroup } from "./reward_clusters.ts";
import { dot } from "./vector.ts";

/** s(q_i, d_i^k): pulls a rollout towards its query (first term of paper Eq. 13). */
export function positiveSimilarity({ query, rollouts }: UnitGroup): Float64Array {
  return Float64Array.from(rollouts, (d) => dot(query, d));
}

/**
 * Second term of paper Eq. 13, 0 without mined negatives.
 *
 * - `shared`: −Σ_n s(q_i, n), the same for all rollouts of the group; query and negatives are those of the
 *   cluster's first member (released code).
 * - `per-rollout`: −Σ_n s(d_i^k, n).
 */
export function negativeSimilarity(
  group: UnitGroup,
  cluster: Cluster,
  negatives: "shared" | "per-rollout",
): Float64Array {
  const sum = (to: Float64Array, from: readonly Float64Array[]) => from.reduce((s, n) => s - dot(to, n), 0);
  const shared = sum(cluster.query, cluster.negatives);
  return Float64Array.from(
    group.rollouts,
    (d) => negatives === "shared" ? shared : sum(d, group.negatives),
  );
}

/** Mean over siblings j ≠ k of s(d_i^k, d_i^j) (the consistency reward of the paper); 0 for a rollout without siblings. */
export function consistency({ rollouts }: UnitGroup, cluster: Cluster): Float64Array {
  const siblings = cluster.rollouts.length - 1;
  return Float64Array.from(rollouts, (d) => {
    let sum = 0;
    for (const other of cluster.rollouts) if (other !== d) sum += dot(d, other);
    return siblings > 0 ? sum / siblings : 0;
  });
}

/**
 * Mean over the other groups j, negated; 0 if there are none.
 *
 * - `shared`: of max_l s(q_i, d_j^l) (paper Eq. 15), the same for all rollouts of the group.
 * - `per-rollout`: of s(d_i^k, q_j) (released code in unsupervised training: no maximum).
 */
export function crossGroup(
  { query, rollouts }: UnitGroup,
  others: readonly Cluster[],
  negatives: "shared" | "per-rollout",
): Float64Array {
  const repulsion = (similarity: (other: Cluster) => number) =>
    others.length > 0 ? others.reduce((sum, other) => sum - similarity(other), 0) / others.length : 0;
  if (negatives === "per-rollout") {
    return Float64Array.from(rollouts, (d) => repulsion((other) => dot(d, other.query)));
  }
  const hardest = repulsion((other) =>
    other.rollouts.reduce((max, d) => Math.max(max, dot(query, d)), -Infinity)
  );
  return new Float64Array(rollouts.length).fill(hardest);
}
