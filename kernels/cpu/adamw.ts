/**
 * AdamW as a graph of as few passes over memory as there can be: the engine is bound by their number.
 *
 * @module
 */
import type { AdamWSpec } from "../training_types.ts";
import { type Graph, node } from "./onnx.ts";
import { type OrtTensor, ortTensor } from "./ort.ts";

const scalar = (name: string) => ({ name, shape: [1] });
const one = (value: number): OrtTensor => ortTensor(new Float32Array([value]), [1]);

/** Which of its passes an AdamW update needs. */
export interface AdamWPasses {
  /** The gradient is scaled by itself, as its square might overflow; else the scale is part of c1 and c2. */
  readonly scales: boolean;
  readonly decays: boolean;
}

/**
 * Constants that are factors of one term are multiplied beforehand: c1 = (1−β₁)·gradientScale and
 * c2 = (1−β₂)·gradientScale², and the denominator of m̂/(√v̂ + eps) is divided by the rate of m̂.
 */
export function adamWGraph({ scales, decays }: AdamWPasses): Graph {
  const g = scales ? "gs" : "g", p = decays ? "kept" : "p";
  const scalars = [
    "b1",
    "c1",
    "b2",
    "c2",
    "root",
    "eps",
    ...(scales ? ["scale"] : []),
    ...(decays ? ["decay"] : []),
  ];
  return {
    inputs: [...["p", "g", "m", "v"].map((name) => ({ name, shape: ["n"] })), ...scalars.map(scalar)],
    outputs: ["pNew", "mNew", "vNew"].map((name) => ({ name, shape: ["n"] })),
    nodes: [
      ...(scales ? [node("Mul", ["g", "scale"], "gs")] : []),
      node("Mul", ["m", "b1"], "mOld"),
      node("Mul", [g, "c1"], "mAdd"),
      node("Add", ["mOld", "mAdd"], "mNew"),
      node("Mul", ["v", "b2"], "vOld"),
      node("Mul", [g, g], "g2"),
      node("Mul", ["g2", "c2"], "vAdd"),
      node("Add", ["vOld", "vAdd"], "vNew"),
      node("Sqrt", ["vNew"], "vRoot"),
      node("Mul", ["vRoot", "root"], "vHat"),
      node("Add", ["vHat", "eps"], "denominator"),
      node("Div", ["mNew", "denominator"], "update"),
      ...(decays ? [node("Mul", ["p", "decay"], "kept")] : []),
      node("Sub", [p, "update"], "pNew"),
    ],
  };
}

/** Below this the square of a gradient that is clipped so hard might overflow. */
const smallScale = 1e-6;

/** Smallest rate that a denominator is divided by in float32. */
const smallRate = 1e-30;

/** The passes of an update and their constants. */
export function adamWConstants(
  spec: AdamWSpec,
): { passes: AdamWPasses; constants: Record<string, OrtTensor> } {
  const { learningRate, beta1, beta2, gradientScale } = spec;
  const decay = 1 - learningRate * spec.weightDecay;
  const passes = { scales: Math.abs(gradientScale) < smallScale, decays: decay !== 1 };
  const scale = passes.scales ? 1 : gradientScale;
  const rate = Math.max(learningRate / (1 - beta1 ** spec.step), smallRate);
  return {
    passes,
    constants: {
      b1: one(beta1),
      c1: one((1 - beta1) * scale),
      b2: one(beta2),
      c2: one((1 - beta2) * scale ** 2),
      root: one(1 / Math.sqrt(1 - beta2 ** spec.step) / rate),
      // A rate of 0 leaves the parameter as it is, to the bit: the denominator is infinite.
      eps: one(learningRate > 0 ? spec.eps / rate : Infinity),
      ...(passes.scales && { scale: one(gradientScale) }),
      ...(passes.decays && { decay: one(decay) }),
    },
  };
}
