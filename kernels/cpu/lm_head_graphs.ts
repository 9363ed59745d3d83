/**
 * The graphs that reduce a chunk of logits, and those of its gradient.
 *
 * @module
 */
import { type Graph, node } from "./onnx.ts";

const column = (name: string) => ({ name, shape: ["n", 1] });
const block = (name: string) => ({ name, shape: ["n", "c"] });
const slices = [
  { name: "zero", shape: [1], data: new BigInt64Array([0n]) },
  { name: "one", shape: [1], data: new BigInt64Array([1n]) },
];

/** What a graph of statistics leaves out or adds. */
export interface StatisticsKind {
  /** Whether the temperature is other than 1. */
  readonly scaled: boolean;
  /** Whether the entropy's sum is wanted. */
  readonly entropy: boolean;
  /** Whether exp(z − max) is wanted. */
  readonly exponentials: boolean;
}

const temperatureInput = (scaled: boolean) => scaled ? [{ name: "inverseT", shape: [1] }] : [];

/** z = logits / temperature; the logits themselves at temperature 1, which has the same bits. */
const temperatureNode = (scaled: boolean) => scaled ? [node("Mul", ["x", "inverseT"], "z")] : [];

/**
 * From logits of a chunk: max, Σ exp(z − max), and, where it is wanted, Σ exp(z − max)·(z − max) and exp(z − max);
 * z = logits / temperature.
 */
export function statisticsGraph({ scaled, entropy, exponentials }: StatisticsKind): Graph {
  const z = scaled ? "z" : "x";
  return {
    inputs: [block("x"), ...temperatureInput(scaled), { name: "ones", shape: ["c", 2] }],
    outputs: [
      column("max"),
      { name: "sum", shape: ["n", 2] },
      ...(entropy ? [{ name: "moment", shape: ["n", 2] }] : []),
      ...(exponentials ? [block("e")] : []),
    ],
    constants: slices,
    nodes: [
      ...temperatureNode(scaled),
      node("ReduceMax", [z, "one"], "max", { keepdims: 1n }),
      node("Sub", [z, "max"], "shifted"),
      node("Exp", ["shifted"], "e"),
      node("MatMul", ["e", "ones"], "sum"),
      ...(entropy ? [node("Mul", ["e", "shifted"], "es"), node("MatMul", ["es", "ones"], "moment")] : []),
    ],
  };
}

/**
 * dLogits (without the one-hot part) = −(dLogProb·p + dEntropy·p·(log p + H)) / temperature, p = exp(z − lse).
 */
export function gradientGraph(scaled: boolean, withEntropy: boolean): Graph {
  return {
    inputs: [
      block("x"),
      ...temperatureInput(scaled),
      column("lse"),
      column("weight"),
      ...(withEntropy ? [column("entropy"), column("dEntropy")] : []),
    ],
    outputs: [block("dx")],
    nodes: [
      ...temperatureNode(scaled),
      node("Sub", [scaled ? "z" : "x", "lse"], "logP"),
      node("Exp", ["logP"], "p"),
      ...(withEntropy
        ? [
          node("Add", ["logP", "entropy"], "surprise"),
          node("Mul", ["surprise", "dEntropy"], "weighted"),
          node("Sub", ["weight", "weighted"], "factor"),
          node("Mul", ["p", "factor"], "dx"),
        ]
        : [node("Mul", ["p", "weight"], "dx")]),
    ],
  };
}
