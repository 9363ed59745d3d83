/**
 * The V-measure of a clustering (Rosenberg and Hirschberg 2007), as `sklearn.metrics.v_measure_score` has it.
 *
 * @module
 */

/** Homogeneity, completeness and their harmonic mean; each in [0, 1] up to rounding. */
export interface VMeasure {
  /** I(C; K) / H(C): 1 if every cluster holds one class only. */
  readonly homogeneity: number;
  /** I(C; K) / H(K): 1 if every class lies in one cluster. */
  readonly completeness: number;
  readonly vMeasure: number;
}

/** Terms of the mutual information below this are rounding errors of zero, and counted as zero. */
const EPSILON = 2 ** -52;

/**
 * Compares clusters with classes. Labels are equal or not; their names and order do not matter. With one class
 * homogeneity is 1, with one cluster completeness is.
 *
 * @throws RangeError if the lists differ in length or are empty
 */
export function vMeasure<C, K>(classes: readonly C[], clusters: ArrayLike<K>): VMeasure {
  const n = classes.length;
  if (n === 0 || clusters.length !== n) {
    throw new RangeError(`${n} classes cannot be compared with ${clusters.length} clusters`);
  }
  const classSizes = new Map<C, number>(), clusterSizes = new Map<K, number>();
  const table = new Map<C, Map<K, number>>();
  for (let i = 0; i < n; i++) {
    const c = classes[i]!, k = clusters[i]!;
    increment(classSizes, c);
    increment(clusterSizes, k);
    let row = table.get(c);
    if (row === undefined) table.set(c, row = new Map());
    increment(row, k);
  }

  const information = mutualInformation(table, classSizes, clusterSizes, n);
  const homogeneity = classSizes.size === 1 ? 1 : information / entropy(classSizes, n);
  const completeness = clusterSizes.size === 1 ? 1 : information / entropy(clusterSizes, n);
  const sum = homogeneity + completeness;
  return { homogeneity, completeness, vMeasure: sum === 0 ? 0 : 2 * homogeneity * completeness / sum };
}

/** I(C; K) in nats. */
function mutualInformation<C, K>(
  table: Map<C, Map<K, number>>,
  classSizes: Map<C, number>,
  clusterSizes: Map<K, number>,
  n: number,
): number {
  if (classSizes.size === 1 || clusterSizes.size === 1) return 0;
  const logN = Math.log(n);
  let sum = 0;
  for (const [c, row] of table) {
    for (const [k, count] of row) {
      const logOuter = -Math.log(classSizes.get(c)! * clusterSizes.get(k)!) + logN + logN;
      const term = count / n * (Math.log(count) - logN) + count / n * logOuter;
      if (Math.abs(term) >= EPSILON) sum += term;
    }
  }
  return Math.max(sum, 0);
}

/** Entropy in nats of a partition into parts of these sizes. */
function entropy(sizes: Map<unknown, number>, n: number): number {
  let sum = 0;
  for (const size of sizes.values()) sum -= size / n * (Math.log(size) - Math.log(n));
  return sum;
}

function increment<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
