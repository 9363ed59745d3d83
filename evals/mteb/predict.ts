/**
 * What a logistic probe predicts: the class of the greatest score ⟨x, w_k⟩ + b_k, summed in float64 from the first value to the
 * last, the lowest of equal ones; of two classes, the second if the one score there is is positive.
 *
 * A product of float32 matrices decides where its rounding cannot; the scores of the few rows that are left are summed as they
 * are defined. So predictions of one probe are the same on every machine.
 *
 * @module
 */
import { BorrowedArrays } from "../../kernels/cpu/borrowed_arrays.ts";
import { productError, rowProducts } from "../../kernels/cpu/products.ts";
import type { Probe } from "./logistic_regression.ts";
import { longest, type Points } from "./points.ts";

/** Rows whose scores are held at a time. */
const CHUNK = 512;

/** In place of the class of a row which the product of float32 matrices cannot tell. */
const UNDECIDED = -2;

/**
 * Most probable class of each row.
 *
 * @param reach at least the length of the longest row, for callers who know it
 */
export function predict(probe: Probe, x: Points, reach: number = longest(x)): Int32Array {
  using memory = new BorrowedArrays();
  const { weights, intercepts } = probe, { rows, columns } = x, outputs = intercepts.length;
  const rounded = memory.float32(weights.length), error = scoreError(probe, reach);
  rounded.set(weights);
  const products = memory.float32(Math.min(CHUNK, rows) * outputs), predicted = new Int32Array(rows);
  for (let from = 0; from < rows; from += CHUNK) {
    const to = Math.min(from + CHUNK, rows), some = predicted.subarray(from, to);
    const scores = products.subarray(0, (to - from) * outputs);
    rowProducts(x.data.subarray(from * columns, to * columns), rounded, columns, scores);
    greatest(scores, intercepts, 2 * error, some);
  }
  for (let i = 0; i < rows; i++) {
    const best = predicted[i] === UNDECIDED ? defined(probe, x, i) : predicted[i]!;
    predicted[i] = outputs === 1 ? best + 1 : best;
  }
  return predicted;
}

/** The class of each row, or {@linkcode UNDECIDED} if others are within a margin; of two, -1 for the first and 0 for the second. */
function greatest(scores: Float32Array, intercepts: Float64Array, margin: number, classes: Int32Array): void {
  const outputs = intercepts.length;
  for (let i = 0, at = 0; i < classes.length; i++, at += outputs) {
    // Of two classes, the first one's score is 0.
    let best = outputs === 1 ? -1 : 0, most = outputs === 1 ? 0 : -Infinity, second = -Infinity;
    for (let k = 0; k < outputs; k++) {
      const score = scores[at + k]! + intercepts[k]!;
      if (score > most) {
        second = most;
        most = score;
        best = k;
      } else if (score > second) second = score;
    }
    classes[i] = most - second > margin ? best : UNDECIDED;
  }
}

/** Most by which a score from the product of float32 matrices differs from the one by definition. */
function scoreError({ weights, intercepts }: Probe, reach: number): number {
  const columns = weights.length / intercepts.length;
  let mostSquares = 0, largest = 0;
  for (let k = 0; k < intercepts.length; k++) {
    mostSquares = Math.max(mostSquares, squaredLength(weights, k * columns, (k + 1) * columns));
    largest = Math.max(largest, Math.abs(intercepts[k]!));
  }
  const longestWeights = Math.sqrt(mostSquares), lengths = reach * longestWeights;
  // Nothing is certain where float32 might overflow.
  if (!(lengths < 1e38 && longestWeights < 1e38)) return Infinity;
  // Of the product; of weights rounded to float32, normal numbers or not; of the intercept's addition.
  return productError("float32", columns, lengths * (1 + 2 ** -23)) + 2 ** -24 * lengths +
    columns * reach * 2 ** -149 + 2 ** -50 * (largest + lengths);
}

function squaredLength(values: Float64Array, from: number, to: number): number {
  let squares = 0;
  for (let i = from; i < to; i++) squares += values[i]! * values[i]!;
  return squares;
}

/** The class of a row by definition; of two, -1 for the first and 0 for the second. */
function defined({ weights, intercepts }: Probe, { data, columns }: Points, i: number): number {
  const outputs = intercepts.length;
  let best = outputs === 1 ? -1 : 0, most = outputs === 1 ? 0 : -Infinity;
  for (let k = 0; k < outputs; k++) {
    const score = weighted(data, i * columns, weights, k * columns, columns) + intercepts[k]!;
    if (score > most) {
      most = score;
      best = k;
    }
  }
  return best;
}

/** ⟨x, w⟩ of rows that begin at places of theirs, from the first value to the last. */
function weighted(x: Float32Array, at: number, w: Float64Array, from: number, columns: number): number {
  let sum = 0;
  for (let f = 0; f < columns; f++) sum += x[at + f]! * w[from + f]!;
  return sum;
}
