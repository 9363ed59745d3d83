/**
 * What a logistic probe predicts: the class of the greatest score ⟨x, w_k⟩ + b_k, summed in float64 from the first value to the
 * last, the lowest of equal ones; of two classes, the second if the one score there is is positive.
 *
 * A product of float32 matrices decides where its rounding cannot; the scores of the few rows that are left are summed as they
 * are defined. So predictions of one probe are the same on every machine.
 *
 * @module
 */
import { productError, rowProducts } from "../../kernels/cpu/products.ts";
import type { Probe } from "./logistic_regression.ts";
import { longest, type Points } from "./points.ts";

/** Rows whose scores are held at a time. */
const CHUNK = 512;

/**
 * Most probable class of each row.
 *
 * @param reach at least the length of the longest row, for callers who know it
 */
export function predict(probe: Probe, x: Points, reach: number = longest(x)): Int32Array {
  const { weights, intercepts } = probe, { rows, columns } = x, outputs = intercepts.length;
  const rounded = new Float32Array(weights), error = scoreError(probe, reach);
  const scores = new Float32Array(Math.min(CHUNK, rows) * outputs), predicted = new Int32Array(rows);
  for (let from = 0; from < rows; from += CHUNK) {
    const to = Math.min(from + CHUNK, rows);
    rowProducts(
      x.data.subarray(from * columns, to * columns),
      rounded,
      columns,
      scores.subarray(0, (to - from) * outputs),
    );
    for (let i = from, at = 0; i < to; i++, at += outputs) {
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
      if (!(most - second > 2 * error)) best = defined(probe, x, i);
      predicted[i] = outputs === 1 ? best + 1 : best;
    }
  }
  return predicted;
}

/** Most by which a score from the product of float32 matrices differs from the one by definition. */
function scoreError({ weights, intercepts }: Probe, reach: number): number {
  const columns = weights.length / intercepts.length;
  let longestWeights = 0, largest = 0;
  for (let k = 0; k < intercepts.length; k++) {
    let squares = 0;
    for (let i = k * columns; i < (k + 1) * columns; i++) squares += weights[i]! * weights[i]!;
    longestWeights = Math.max(longestWeights, Math.sqrt(squares));
    largest = Math.max(largest, Math.abs(intercepts[k]!));
  }
  const lengths = reach * longestWeights;
  // Nothing is certain where float32 might overflow.
  if (!(lengths < 1e38 && longestWeights < 1e38)) return Infinity;
  // Of the product; of weights rounded to float32, normal numbers or not; of the intercept's addition.
  return productError("float32", columns, lengths * (1 + 2 ** -23)) + 2 ** -24 * lengths +
    columns * reach * 2 ** -149 + 2 ** -50 * (largest + lengths);
}

/** The class of a row by definition; of two, -1 for the first and 0 for the second. */
function defined({ weights, intercepts }: Probe, { data, columns }: Points, i: number): number {
  const outputs = intercepts.length;
  let best = outputs === 1 ? -1 : 0, most = outputs === 1 ? 0 : -Infinity;
  for (let k = 0; k < outputs; k++) {
    let score = 0;
    for (let at = i * columns, w = k * columns, end = at + columns; at < end; at++, w++) {
      score += data[at]! * weights[w]!;
    }
    score += intercepts[k]!;
    if (score > most) {
      most = score;
      best = k;
    }
  }
  return best;
}
