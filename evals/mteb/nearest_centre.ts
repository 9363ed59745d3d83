/**
 * The assignment step of k-means: every point to its nearest centre.
 *
 * @module
 */
import { productError, rowProducts } from "../../kernels/cpu/products.ts";
import { innerProduct, type Points, squaredNorms } from "./points.ts";

/** Points whose products are held at a time. */
const CHUNK = 512;

/**
 * Writes the index of each point's nearest centre; the first one of equally near ones.
 *
 * @param labels [points.rows], overwritten; guesses at first, as for {@linkcode labelNearest}
 */
export function assignToNearest(points: Points, centres: Points, labels: Int32Array): void {
  const { rows, columns: d } = points, k = centres.rows, norms = squaredNorms(points);
  const centreRows = centres.data.subarray(0, k * d), centreNorms = squaredNorms(centres);
  const products = new Float32Array(Math.min(CHUNK, rows) * k);
  for (let from = 0; from < rows; from += CHUNK) {
    const to = Math.min(from + CHUNK, rows), data = points.data.subarray(from * d, to * d);
    const chunk = { data, rows: to - from, columns: d, norms: norms.subarray(from, to) };
    rowProducts(data, centreRows, d, products.subarray(0, (to - from) * k));
    labelNearest(chunk, centres, centreNorms, products, labels.subarray(from, to));
  }
}

/**
 * The same, for callers who have the products.
 *
 * ‖x‖² is the same for all centres of a point, so what is compared is ‖c‖² − 2⟨x, c⟩, in float64. A product of float32 matrices
 * decides where its rounding cannot; the few centres that are left are compared by the definition.
 *
 * @param norms [centres.rows], their squared lengths in float64
 * @param products [points.rows, centres.rows], of float32 matrices
 * @param labels [points.rows], overwritten; a guess at first, which saves time where it is right: an index of any centre
 */
export function labelNearest(
  points: Points,
  centres: Points,
  norms: Float64Array,
  products: Float32Array,
  labels: Int32Array,
): void {
  const k = centres.rows, largest = norms.reduce((a, b) => Math.max(a, b), 0);
  const pointNorms = squaredNorms(points), longest = Math.sqrt(largest);
  // Twice the product's own error, in proportion to both lengths but for underflow, and what float64 may round in the comparison.
  const underflow = productError("float32", points.columns, 0);
  const slope = 2 * (productError("float32", points.columns, 1) - underflow) + 2 ** -50;
  const constant = 2 * underflow + 2 ** -50 * largest;
  for (let i = 0, at = 0; i < labels.length; i++, at += k) {
    const guess = labels[i]!, lengths = Math.sqrt(pointNorms[i]!) * longest;
    // Nothing is certain where float32 might overflow.
    const error = lengths < 1e38 ? slope * lengths + constant : Infinity;
    const limit = norms[guess]! - 2 * products[at + guess]! + 2 * error;
    if (countWithin(limit, norms, products, at) === 1) continue;
    const found = certainlyNearest(norms, products, at, error);
    labels[i] = found >= 0 ? found : nearest(points, i, centres, norms, products, at, error);
  }
}

/** How many centres the products put within a limit, or nowhere: where float32 overflowed there may be no number. */
function countWithin(limit: number, norms: Float64Array, products: Float32Array, at: number): number {
  let count = 0;
  for (let j = 0; j < norms.length; j++) if (!(norms[j]! - 2 * products[at + j]! > limit)) count++;
  return count;
}

/** The centre that the products put nearest by so much that no error can have; -1 if there is none. */
function certainlyNearest(norms: Float64Array, products: Float32Array, at: number, error: number): number {
  let best = 0, least = Infinity, second = Infinity;
  for (let j = 0; j < norms.length; j++) {
    const value = norms[j]! - 2 * products[at + j]!;
    if (value < least) {
      second = least;
      least = value;
      best = j;
    } else if (value < second) second = value;
  }
  return second - least > 2 * error ? best : -1;
}

/**
 * The centre nearest to a point, by definition: one of those which the products, from place `at` on, put so near that an error
 * might have.
 */
function nearest(
  points: Points,
  i: number,
  centres: Points,
  norms: Float64Array,
  products: Float32Array,
  at: number,
  error: number,
): number {
  let limit = Infinity;
  for (let j = 0; j < centres.rows; j++) {
    limit = Math.min(limit, norms[j]! - 2 * products[at + j]! + 2 * error);
  }
  let best = 0, least = Infinity;
  for (let j = 0; j < centres.rows; j++) {
    // Not the other way round: where float32 overflowed there may be no number.
    if (norms[j]! - 2 * products[at + j]! > limit) continue;
    const value = norms[j]! - 2 * innerProduct(points, i, centres, j);
    if (value < least) {
      least = value;
      best = j;
    }
  }
  return best;
}

/** Sum over points of the squared distance to their centre. */
export function inertia(points: Points, centres: Points, labels: Int32Array): number {
  const d = points.columns, x = points.data, c = centres.data;
  let total = 0;
  for (let i = 0; i < points.rows; i++) {
    const end = (i + 1) * d;
    let at = i * d, centre = labels[i]! * d;
    // Four sums, none of which waits for another.
    let s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    for (; at + 3 < end; at += 4, centre += 4) {
      const d0 = x[at]! - c[centre]!, d1 = x[at + 1]! - c[centre + 1]!;
      const d2 = x[at + 2]! - c[centre + 2]!, d3 = x[at + 3]! - c[centre + 3]!;
      s0 += d0 * d0;
      s1 += d1 * d1;
      s2 += d2 * d2;
      s3 += d3 * d3;
    }
    for (; at < end; at++, centre++) s0 += (x[at]! - c[centre]!) ** 2;
    total += (s0 + s1) + (s2 + s3);
  }
  return total;
}
