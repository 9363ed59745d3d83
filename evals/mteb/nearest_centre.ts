/**
 * The assignment step of k-means: every point to its nearest centre.
 *
 * ‖x‖² is the same for all centres of a point, so what is compared is ‖c‖² − 2⟨x, c⟩, as it is defined in float64. A product of
 * float32 matrices decides where no rounding can; the few centres that are left are compared by the definition.
 *
 * @module
 */
import { productError } from "../../kernels/cpu/products.ts";
import type { RowBatch } from "../../kernels/cpu/row_groups.ts";
import { innerProduct, type Points, squaredNorms } from "./points.ts";

/** Where squared lengths reach this, float32 might overflow, and nothing is certain. */
const LARGEST = 1e38;

/**
 * The index of each point's nearest centre; the first one of equally near ones.
 *
 * @param batch of the points, with the centres; its rows are overwritten
 */
export function assignToNearest(batch: RowBatch, points: Points): Int32Array {
  const n = points.rows, known = { ...points, norms: squaredNorms(points) }, labels = new Int32Array(n);
  const { rows, groups, size } = batch, norms = squaredNorms(centresOf(batch));
  for (let from = 0; from < n; from += size) {
    const count = Math.min(size, n - from);
    for (let i = 0; i < size; i++) rows[i] = from + Math.min(i, count - 1);
    batch.pick();
    labelNearest(batch, known, norms);
    labels.set(groups.subarray(0, count), from);
  }
  return labels;
}

/**
 * The same for the points of a batch, which are picked: their centres are its groups.
 *
 * @param points of which the batch is, with their norms
 * @param norms [centres], their squared lengths in float64
 */
export function labelNearest(batch: RowBatch, points: Points, norms: Float64Array): void {
  const { rows, groups, reaches, columns } = batch, centres = centresOf(batch);
  const longest = Math.sqrt(norms.reduce((a, b) => Math.max(a, b), 0));
  batch.norms.set(norms);
  reachesOf(rows, squaredNorms(points), longest, columns, reaches);
  batch.findNearest();
  for (let i = groups.indexOf(-1); i >= 0; i = groups.indexOf(-1, i + 1)) {
    groups[i] = nearest(batch, i, points, centres, norms);
  }
}

/**
 * By how much float32 has to put a centre nearer to a point than another for it to be nearer by the definition, for each point of
 * a batch: both may be off by twice the error of a product, and by what float32 rounds in ‖c‖² − 2⟨x, c⟩ and in the comparison,
 * a few times 2⁻²⁴ of the lengths.
 *
 * @param rows the places of these points in `norms`
 * @param longest length of the longest centre
 */
function reachesOf(
  rows: Int32Array,
  norms: Float64Array,
  longest: number,
  columns: number,
  out: Float32Array,
): void {
  // In proportion to the lengths, but for underflow.
  const underflow = productError("float32", columns, 0);
  const slope = 4 * (productError("float32", columns, 1) - underflow) + 2 ** -20;
  const constant = 4 * underflow + 2 ** -20 * longest ** 2;
  for (let i = 0; i < out.length; i++) {
    const lengths = longest * Math.sqrt(norms[rows[i]!]!);
    out[i] = lengths < LARGEST && longest ** 2 < LARGEST ? slope * lengths + constant : Infinity;
  }
}

/** The centre nearest to point `i` of a batch by definition: one of those that its reach leaves. */
function nearest(batch: RowBatch, i: number, points: Points, centres: Points, norms: Float64Array): number {
  const { products, reaches, rows } = batch, at = i * norms.length;
  let lowest = Infinity;
  for (let j = 0; j < norms.length; j++) lowest = Math.min(lowest, norms[j]! - 2 * products[at + j]!);
  const limit = lowest + reaches[i]!;
  let best = 0, least = Infinity;
  for (let j = 0; j < norms.length; j++) {
    // Not the other way round: where float32 overflowed there may be no number.
    if (norms[j]! - 2 * products[at + j]! > limit) continue;
    const value = norms[j]! - 2 * innerProduct(points, rows[i]!, centres, j);
    if (value < least) {
      least = value;
      best = j;
    }
  }
  return best;
}

function centresOf({ centres, members, columns }: RowBatch): Points {
  return { data: centres, rows: members.length, columns };
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
