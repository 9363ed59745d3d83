/**
 * What the tests of the reference gradients share.
 *
 * @module
 */
import { assert } from "#test";
import { gradientError } from "./finite_difference.ts";

/** Σ a·b: turns a vector function into a scalar one whose gradient is the backward op at `a`. */
export function inner(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0);
}

/** Fails unless the gradients agree with finite differences to 1e-6. */
export function assertGradient(
  f: (...inputs: Float64Array[]) => number,
  inputs: readonly Float64Array[],
  gradients: readonly Float64Array[],
): void {
  const error = gradientError(f, inputs, gradients);
  assert.ok(
    error.relative <= 1e-6,
    `relative error ${error.relative} at ${error.probe}: ${JSON.stringify(error)}`,
  );
}
