/**
 * Greedy k-means++ (Arthur and Vassilvitskii 2007): starting centres far from each other, as
 * `sklearn.cluster.kmeans_plusplus` picks them.
 *
 * @module
 */
import { BorrowedArrays } from "../../kernels/cpu/borrowed_arrays.ts";
import { productError, rowProducts } from "../../kernels/cpu/products.ts";
import { blasRowSums, blasSum, numpySum } from "./float32_sums.ts";
import type { RandomState } from "./numpy_random.ts";
import { innerProduct, type Points, squaredNorms } from "./points.ts";
import type { SklearnDraws } from "./sklearn_draws.ts";

/**
 * Places of the rows that become the starting centres, in the order picked. Each centre after the first is the best
 * of 2 + ⌊ln k⌋ candidates, drawn with a probability proportional to D², the squared distance to the nearest
 * centre so far; the best is the one that leaves the smallest sum of D².
 *
 * Distances are float64 rounded to float32 and their sums are float32, added in scikit-learn's order.
 *
 * @param clusters at least 1
 * @param sample rows among which centres are picked, with repeats; default: all, each once. What is returned are places in it
 */
export function kMeansPlusPlus(
  points: Points,
  clusters: number,
  random: RandomState,
  draws: Pick<SklearnDraws, "firstCentre" | "runningSum" | "potential">,
  sample: ArrayLike<number> = Int32Array.from({ length: points.rows }, (_, i) => i),
): Int32Array {
  const n = sample.length;
  const candidates = 2 + Math.floor(Math.log(clusters));
  using memory = new BorrowedArrays();
  const distances = new Distances(points, sample, candidates, memory);
  const picked = new Int32Array(clusters);
  picked[0] = draws.firstCentre === "integer"
    ? random.interval(n - 1)
    : random.weightedChoice(n, new Int32Array(1))[0]!;

  const lists = (length: number) => Array.from({ length: candidates }, () => memory.float32(length));
  // The nearest ones are one of a set of lists, while the other set is filled.
  let leaving = lists(distances.rows), spare = lists(distances.rows), nearest = leaving[0]!;
  const ofSample = lists(n);
  distances.from(picked.subarray(0, 1), spare[0]!.fill(Infinity), [nearest]);
  let nearestOfSample = repeated(nearest, distances.rowOf, ofSample[0]!);
  let potential = draws.potential === "numpy" ? numpySum(nearestOfSample) : blasSum(nearestOfSample);
  const running = draws.runningSum === "float32" ? memory.float32(n) : memory.float64(n);
  for (let c = 1; c < clusters; c++) {
    const targets = Array.from({ length: candidates }, () => random.double() * potential);
    accumulate(nearestOfSample, running);
    const places = targets.map((target) => Math.min(firstAtLeast(running, target), n - 1));
    [leaving, spare] = [spare, leaving];
    distances.from(places, nearest, leaving);
    for (let t = 0; t < candidates; t++) repeated(leaving[t]!, distances.rowOf, ofSample[t]!);
    const sums = draws.potential === "numpy" ? ofSample.map(numpySum) : blasRowSums(ofSample);
    potential = Math.min(...sums);
    const best = sums.indexOf(potential);
    picked[c] = places[best]!;
    nearest = leaving[best]!;
    nearestOfSample = ofSample[best]!;
  }
  return picked;
}

/**
 * Squared distances ‖a‖² + ‖b‖² − 2⟨a, b⟩ between the points of a sample, in float64, at least 0, then rounded to float32. Their
 * products are those of a matrix where its rounding cannot have changed the float32, and else by definition: to a point itself it
 * is 0. Of points that are in a sample several times, as every third draw of 1,500 of 2,000 is, they are computed once.
 */
class Distances {
  /** Of each place of the sample, the row of a list of distances that is of its point. */
  readonly rowOf: Int32Array;
  /** Different points of the sample. */
  readonly rows: number;
  readonly #points: Points;
  /** [rows], their places in the points */
  readonly #different: Int32Array;
  /** [rows, columns] */
  readonly #wide: Float64Array;
  /** [rows] */
  readonly #norms: Float64Array;
  readonly #error: number;
  /** [candidates, columns] */
  readonly #chosen: Float64Array;
  /** [rows, candidates] */
  readonly #products: Float64Array;

  constructor(points: Points, sample: ArrayLike<number>, candidates: number, memory: BorrowedArrays) {
    const { data, columns } = points, norms = squaredNorms(points), rowOf = memory.int32(sample.length);
    const known = memory.int32(points.rows).fill(-1), different = memory.int32(sample.length);
    let rows = 0;
    for (let i = 0; i < sample.length; i++) {
      const point = sample[i]!;
      if (known[point]! < 0) {
        different[rows] = point;
        known[point] = rows++;
      }
      rowOf[i] = known[point]!;
    }
    this.#points = points;
    this.rows = rows;
    this.rowOf = rowOf;
    this.#different = different;
    this.#wide = memory.float64(rows * columns);
    this.#norms = memory.float64(rows);
    this.#chosen = memory.float64(candidates * columns);
    this.#products = memory.float64(rows * candidates);
    for (let i = 0; i < rows; i++) {
      copy(data, different[i]! * columns, this.#wide, i * columns, columns);
      this.#norms[i] = norms[different[i]!]!;
    }
    const largest = this.#norms.reduce((a, b) => Math.max(a, b), 0);
    this.#error = productError("float64", columns, largest);
  }

  /** From each of some places of the sample, but no more than a limit for each row: into one list of [rows] for each place. */
  from(places: ArrayLike<number>, limits: Float32Array, lists: readonly Float32Array[]): void {
    const { columns } = this.#points, m = places.length, norms = this.#norms;
    for (let t = 0; t < m; t++) {
      const row = this.rowOf[places[t]!]!;
      this.#chosen.set(this.#wide.subarray(row * columns, (row + 1) * columns), t * columns);
    }
    const products = this.#products.subarray(0, this.rows * m);
    rowProducts(this.#wide, this.#chosen.subarray(0, m * columns), columns, products);
    for (let t = 0; t < m; t++) {
      const list = lists[t]!, row = this.rowOf[places[t]!]!, norm = norms[row]!;
      let undecided = distancesByProducts(norms, norm, products, t, m, this.#error, limits, list);
      // From itself, which rounding never decides.
      if (list[row] === UNDECIDED) {
        list[row] = 0;
        undecided--;
      }
      for (let i = -1; undecided > 0; undecided--) {
        i = list.indexOf(UNDECIDED, i + 1);
        list[i] = Math.min(limits[i]!, Math.max(0, norm + norms[i]! - 2 * this.#product(i, row)));
      }
    }
  }

  #product(a: number, b: number): number {
    return innerProduct(this.#points, this.#different[a]!, this.#points, this.#different[b]!);
  }
}

/** Copies values from one place to another; {@linkcode Float64Array.set} is slower where types differ. */
function copy(from: Float32Array, start: number, to: Float64Array, at: number, length: number): void {
  for (let f = 0; f < length; f++) to[at + f] = from[start + f]!;
}

/** The values of some rows, one for each place of `out`. */
function repeated(values: Float32Array, rowOf: Int32Array, out: Float32Array): Float32Array {
  for (let i = 0; i < out.length; i++) out[i] = values[rowOf[i]!]!;
  return out;
}

/** In place of a distance whose float32 a product's rounding might have changed. */
const UNDECIDED = -1;

/**
 * Squared distances by column `at` of products [n, m], each of which may be off by an error; no more than their limits. Returns
 * how many are undecided.
 */
function distancesByProducts(
  norms: Float64Array,
  norm: number,
  products: Float64Array,
  at: number,
  m: number,
  error: number,
  limits: Float32Array,
  out: Float32Array,
): number {
  let undecided = 0;
  for (let i = 0; i < out.length; i++, at += m) {
    const sum = norm + norms[i]!, product = products[at]!, limit = limits[i]!;
    const least = Math.fround(sum - 2 * (product + error)), most = Math.fround(sum - 2 * (product - error));
    // Most are as far as that: what they are exactly does not matter then.
    if (least >= limit) out[i] = limit;
    else if (least === most) out[i] = Math.max(0, most);
    else {
      out[i] = UNDECIDED;
      undecided++;
    }
  }
  return undecided;
}

/** Running sums, rounded after every addition to the type of `out`. */
function accumulate(values: Float32Array, out: Float32Array | Float64Array): void {
  if (out instanceof Float32Array) accumulateFloat32(values, out);
  else accumulateFloat64(values, out);
}

function accumulateFloat32(values: Float32Array, out: Float32Array): void {
  for (let i = 0, sum = 0; i < values.length; i++) out[i] = sum = Math.fround(sum + values[i]!);
}

function accumulateFloat64(values: Float32Array, out: Float64Array): void {
  for (let i = 0, sum = 0; i < values.length; i++) out[i] = sum += values[i]!;
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
