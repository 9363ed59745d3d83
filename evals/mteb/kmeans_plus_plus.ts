/**
 * Greedy k-means++ (Arthur and Vassilvitskii 2007): starting centres far from each other, as
 * `sklearn.cluster.kmeans_plusplus` picks them.
 *
 * @module
 */
import { productError, rowProducts } from "../../kernels/cpu/products.ts";
import { blasRowSums, blasSum, numpySum } from "./float32_sums.ts";
import type { RandomState } from "./numpy_random.ts";
import { innerProduct, type Points, squaredNorms } from "./points.ts";
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
  const distances = new Distances(points);
  const picked = new Int32Array(clusters);
  picked[0] = draws.firstCentre === "integer"
    ? random.interval(n - 1)
    : random.weightedChoice(n, new Int32Array(1))[0]!;

  let nearest = distances.from(picked.subarray(0, 1))[0]!;
  let potential = draws.potential === "numpy" ? numpySum(nearest) : blasSum(nearest);
  const running = draws.runningSum === "float32" ? new Float32Array(n) : new Float64Array(n);
  for (let c = 1; c < clusters; c++) {
    const targets = Array.from({ length: candidates }, () => random.double() * potential);
    accumulate(nearest, running);
    const rows = targets.map((target) => Math.min(firstAtLeast(running, target), n - 1));
    const leaving = distances.from(rows);
    for (const list of leaving) for (let i = 0; i < n; i++) if (nearest[i]! < list[i]!) list[i] = nearest[i]!;
    const sums = draws.potential === "numpy" ? leaving.map(numpySum) : blasRowSums(leaving);
    potential = Math.min(...sums);
    const best = sums.indexOf(potential);
    picked[c] = rows[best]!;
    nearest = leaving[best]!;
  }
  return picked;
}

/**
 * Squared distances ‖a‖² + ‖b‖² − 2⟨a, b⟩ between points, in float64, at least 0, then rounded to float32. Their products are
 * those of a matrix where its rounding cannot have changed the float32, and else by definition: to a point itself it is 0.
 */
class Distances {
  readonly #points: Points;
  readonly #wide: Float64Array;
  readonly #norms: Float64Array;
  readonly #error: number;

  constructor(points: Points) {
    this.#points = points;
    this.#wide = new Float64Array(points.data);
    this.#norms = squaredNorms(points);
    const largest = this.#norms.reduce((a, b) => Math.max(a, b), 0);
    this.#error = productError("float64", points.columns, largest);
  }

  /** From each of some rows to all points; one array of [points.rows] for each. */
  from(rows: ArrayLike<number>): Float32Array[] {
    const { rows: n, columns: d } = this.#points, m = rows.length, norms = this.#norms, error = this.#error;
    const chosen = new Float64Array(m * d), products = new Float64Array(n * m);
    for (let t = 0; t < m; t++) chosen.set(this.#wide.subarray(rows[t]! * d, (rows[t]! + 1) * d), t * d);
    rowProducts(this.#wide, chosen, d, products);
    return Array.from({ length: m }, (_, t) => {
      const norm = norms[rows[t]!]!, found = new Float32Array(n);
      for (let i = 0, at = t; i < n; i++, at += m) {
        const sum = norm + norms[i]!, product = products[at]!;
        const least = Math.fround(sum - 2 * (product + error)),
          most = Math.fround(sum - 2 * (product - error));
        const distance = least === most
          ? most
          : Math.fround(sum - 2 * innerProduct(this.#points, i, this.#points, rows[t]!));
        found[i] = distance > 0 ? distance : 0;
      }
      return found;
    });
  }
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
