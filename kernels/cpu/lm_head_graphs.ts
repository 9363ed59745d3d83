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

/**
 * From logits of a chunk: max, Σ exp(z − max), Σ exp(z − max)·(z − max), and, where it is wanted, exp(z − max);
 * z = logits / temperature.
 */
export const statisticsGraph = (withExponentials: boolean): Graph => ({
  inputs: [block("x"), { name: "inverseT", shape: [1] }, { name: "ones", shape: ["c", 2] }],
  outputs: [
    column("max"),
    { name: "sum", shape: ["n", 2] },
    { name: "moment", shape: ["n", 2] },
    ...(withExponentials ? [block("e")] : []),
  ],
  constants: slices,
  nodes: [
    node("Mul", ["x", "inverseT"], "z"),
    node("ReduceMax", ["z", "one"], "max", { keepdims: 1n }),
    node("Sub", ["z", "max"], "shifted"),
    node("Exp", ["shifted"], "e"),
    node("MatMul", ["e", "ones"], "sum"),
    node("Mul", ["e", "shifted"], "es"),
    node("MatMul", ["es", "ones"], "moment"),
  ],
});

/**
 * dLogits (without the one-hot part) = −(dLogProb·p + dEntropy·p·(log p + H)) / temperature, p = exp(z − lse).
 */
export function gradientGraph(withEntropy: boolean): Graph {
  return {
    inputs: [
      block("x"),
      { name: "inverseT", shape: [1] },
      column("lse"),
      column("weight"),
      ...(withEntropy ? [column("entropy"), column("dEntropy")] : []),
    ],
    outputs: [block("dx")],
    nodes: [
      node("Mul", ["x", "inverseT"], "z"),
      node("Sub", ["z", "lse"], "logP"),
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
