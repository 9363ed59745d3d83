/**
 * Similarities and distances of two embeddings in float32, the precision in which the reference libraries compare them.
 *
 * @module
 */
import { normalised } from "../score.ts";

/** Dot product; of {@linkcode normalised} vectors it is their cosine. */
export function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return Math.fround(sum);
}

/**
 * scikit-learn's paired cosine: 1 - ½ ‖a/‖a‖ - b/‖b‖‖².
 *
 * @throws NumericError if an embedding is zero or not finite; the texts are for its message
 */
export function pairedCosine(a: Float32Array, b: Float32Array, textA: string, textB: string): number {
  const x = normalised(a, `"${textA.slice(0, 60)}"`), y = normalised(b, `"${textB.slice(0, 60)}"`);
  let squares = 0;
  for (let i = 0; i < x.length; i++) squares += Math.fround(x[i]! - y[i]!) ** 2;
  return Math.fround(1 - Math.fround(0.5 * Math.fround(squares)));
}

/** Manhattan (power 1) or Euclidean (power 2) distance. */
export function distance(a: Float32Array, b: Float32Array, power: 1 | 2): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs(Math.fround(a[i]! - b[i]!)) ** power;
  return Math.fround(power === 1 ? sum : Math.sqrt(sum));
}
