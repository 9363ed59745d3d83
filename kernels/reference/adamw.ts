/**
 * Float64 oracle of the optimiser step (Loshchilov & Hutter 2019, algorithm 2) and of the gradient norm.
 *
 * @module
 */
import type { AdamWSpec } from "../training_types.ts";

/** A parameter with its two moments; all of one length. */
export interface AdamWState {
  readonly parameter: Float64Array;
  readonly m: Float64Array;
  readonly v: Float64Array;
}

/** The state after one update: decay and step both start from the old parameter. */
export function adamW(state: AdamWState, gradient: Float64Array, spec: AdamWSpec): AdamWState {
  const g = gradient.map((value) => value * spec.gradientScale);
  const m = state.m.map((value, i) => spec.beta1 * value + (1 - spec.beta1) * g[i]!);
  const v = state.v.map((value, i) => spec.beta2 * value + (1 - spec.beta2) * g[i]! ** 2);
  const parameter = state.parameter.map((value, i) => {
    const mHat = m[i]! / (1 - spec.beta1 ** spec.step), vHat = v[i]! / (1 - spec.beta2 ** spec.step);
    return value * (1 - spec.learningRate * spec.weightDecay) -
      spec.learningRate * mHat / (Math.sqrt(vHat) + spec.eps);
  });
  return { parameter, m, v };
}

/** ‖all gradients together‖₂, summed in order. */
export function globalNorm(gradients: readonly Float64Array[]): number {
  let sum = 0;
  for (const gradient of gradients) {
    for (const value of gradient) sum += value * value;
  }
  return Math.sqrt(sum);
}
