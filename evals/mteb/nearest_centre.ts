/**
 * The assignment step of k-means: every point to its nearest centre.
 *
 * @module
 */
import { innerProducts, type Points, row, squaredNorms } from "./points.ts";

/** Points whose products are held at a time. */
const CHUNK = 256;

/**
 * Writes the index of each point's nearest centre; the first one of equally near ones.
 *
 * ‖x‖² is the same for all centres of a point, so what is compared is ‖c‖² − 2⟨x, c⟩.
 *
 * @param labels [points.rows], overwritten
 */
export function assignToNearest(points: Points, centres: Points, labels: Int32Array): void {
  const k = centres.rows;
  const norms = squaredNorms(centres);
  const products = new Float64Array(Math.min(CHUNK, points.rows) * k);
  for (let from = 0; from < points.rows; from += CHUNK) {
    const to = Math.min(from + CHUNK, points.rows);
    innerProducts(points, from, to, centres, products);
    for (let i = from, at = 0; i < to; i++) {
      let best = 0, least = Infinity;
      for (let j = 0; j < k; j++, at++) {
        const value = norms[j]! - 2 * products[at]!;
        if (value < least) {
          least = value;
          best = j;
        }
      }
      labels[i] = best;
    }
  }
}

/** Sum over points of the squared distance to their centre. */
export function inertia(points: Points, centres: Points, labels: Int32Array): number {
  let sum = 0;
  for (let i = 0; i < points.rows; i++) {
    const x = row(points, i), c = row(centres, labels[i]!);
    for (let f = 0; f < x.length; f++) {
      const difference = x[f]! - c[f]!;
      sum += difference * difference;
    }
  }
  return sum;
}
