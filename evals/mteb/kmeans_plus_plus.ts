/**
 * Greedy k-means++ (Arthur and Vassilvitskii 2007): starting centres far from each other, as
 * `sklearn.cluster.kmeans_plusplus` picks them.
 *
 * @module
 */
import { blasRowSums, blasSum, numpySum } from "./float32_sums.ts";
import type { RandomState } from "./numpy_random.ts";
import { gather, innerProducts, type Points, squaredNorms } from "./points.ts";
import type { SklearnDraws } from "./sklearn_draws.ts";

/**
 * Rows of `points` that become the starting centres, in the order picked. Each centre after the first is the best
 * of 2 + ⌊ln k⌋ candidates, drawn with a probability proportional to D², the squared distance to the nearest
 * centre so far; the best is the one that leaves the smallest sum of D².
 *
 * Distances are float64 rounded to float32 and their sums are float32, added in scikit-learn's order.
 *
 * @param clusters at least 1
 */
export function kMeansPlusPlus(
  points: Points,
  clusters: number,
  random: RandomState,
  draws: Pick<SklearnDraws, "firstCentre" | "runningSum" | "potential">,
): Int32Array {
  const n = points.rows;
  const candidates = 2 + Math.floor(Math.log(clusters));
  const norms = squaredNorms(points);
  const picked = new Int32Array(clusters);
  picked[0] = draws.firstCentre === "integer" ? random.interval(n - 1) : random.weightedChoice(n, 1)[0]!;

  let nearest = squaredDistances(points, norms, picked.subarray(0, 1))[0]!;
  let potential = draws.potential === "numpy" ? numpySum(nearest) : blasSum(nearest);
  const running = draws.runningSum === "float32" ? new Float32Array(n) : new Float64Array(n);
  for (let c = 1; c < clusters; c++) {
    const targets = Array.from({ length: candidates }, () => random.double() * potential);
    accumulate(nearest, running);
    const rows = targets.map((target) => Math.min(firstAtLeast(running, target), n - 1));
    const distances = squaredDistances(points, norms, rows);
    for (const list of distances) for (let i = 0; i < n; i++) list[i] = Math.min(list[i]!, nearest[i]!);
    const sums = draws.potential === "numpy" ? distances.map(numpySum) : blasRowSums(distances);
    potential = Math.min(...sums);
    const best = sums.indexOf(potential);
    picked[c] = rows[best]!;
    nearest = distances[best]!;
  }
  return picked;
}

/** Squared distances from each of some rows to all points; one array of [points.rows] for each. */
function squaredDistances(points: Points, norms: Float64Array, rows: ArrayLike<number>): Float32Array[] {
  const m = rows.length;
  const products = new Float64Array(points.rows * m);
  innerProducts(points, 0, points.rows, gather(points, rows), products);
  return Array.from({ length: m }, (_, t) => {
    const norm = norms[rows[t]!]!;
    return Float32Array.from(norms, (other, i) => Math.max(norm + other - 2 * products[i * m + t]!, 0));
  });
}

/** Running sums, rounded after every addition to the type of `out`. */
function accumulate(values: Float32Array, out: Float32Array | Float64Array): void {
  out[0] = values[0]!;
  for (let i = 1; i < values.length; i++) out[i] = out[i - 1]! + values[i]!;
}

/** First index whose value is at least `target` in an ascending list; its length if there is none. */
function firstAtLeast(ascending: ArrayLike<number>, target: number): number {
  let low = 0, high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle]! < target) low = middle + 1;
    else high = middle;
  }
  return low;
}
