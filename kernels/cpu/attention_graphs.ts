/**
 * The graphs of attention; `attention.ts` says why they are built as they are.
 *
 * @module
 */
import type { AttentionShape } from "../device.ts";
import { type Constant, type Graph, type Node, node } from "./onnx.ts";

/** Score of a key that a row may not see: its exponential is exactly 0. */
const masked = -1e30;

const ints = (name: string, ...values: number[]): Constant => ({
  name,
  shape: [values.length],
  data: new BigInt64Array(values.map(BigInt)),
});

const matrix = (name: string, rows: string, columns: number) => ({ name, shape: [rows, columns] });

function constants({ heads, kvHeads, headDim }: AttentionShape): Constant[] {
  const group = heads / kvHeads;
  return [
    ints("split", -1, kvHeads, group, headDim),
    ints("splitKv", -1, kvHeads, headDim),
    ints("byKv", kvHeads, -1, headDim),
    ints("byKvColumn", kvHeads, -1, 1),
    ints("byHead", heads, -1, 0),
    ints("byKvScores", kvHeads, -1, 0),
    ints("byGroup", kvHeads, group, -1, headDim),
    ints("flat", -1, heads * headDim),
    ints("flatKv", -1, kvHeads * headDim),
    ints("perHead", -1, headDim),
    ints("rowsByHead", -1, heads),
    ints("headColumn", heads, -1, 1),
    ints("headRows", heads, -1),
    ints("zero", 0),
    ints("one", 1),
    ints("last", -1),
    { name: "masked", shape: [1], data: new Float32Array([masked]) },
    { name: "nought", shape: [1], data: new Float32Array([0]) },
  ];
}

/** Nodes that turn q, ka|kb, va|vb into Q [kv, group·n, hd], K and V [kv, T, hd] and masked scores S [heads, n, T]. */
function scoreNodes(shape: AttentionShape): Node[] {
  return [
    node("Concat", ["ka", "kb"], "kRows", { axis: 0n }),
    node("Concat", ["va", "vb"], "vRows", { axis: 0n }),
    node("Reshape", ["kRows", "splitKv"], "k3"),
    node("Reshape", ["vRows", "splitKv"], "v3"),
    node("Transpose", ["k3"], "K", { perm: [1n, 0n, 2n] }),
    node("Transpose", ["v3"], "V", { perm: [1n, 0n, 2n] }),
    node("Reshape", ["q", "split"], "q4"),
    node("Transpose", ["q4"], "q4t", { perm: [1n, 2n, 0n, 3n] }),
    node("Reshape", ["q4t", "byKv"], "Q"),
    node(
      "FusedMatMul",
      ["Q", "K"],
      "rawKv",
      { transB: 1n, alpha: 1 / Math.sqrt(shape.headDim) },
      "com.microsoft",
    ),
    node("Reshape", ["rawKv", "byHead"], "raw"),
    node("Greater", ["keys", "queries"], "future"),
    node("Where", ["future", "masked", "raw"], "S"),
  ];
}

const segmentInputs = ({ heads, kvHeads, headDim }: AttentionShape) => [
  matrix("q", "n", heads * headDim),
  matrix("ka", "a", kvHeads * headDim),
  matrix("kb", "b", kvHeads * headDim),
  matrix("va", "a", kvHeads * headDim),
  matrix("vb", "b", kvHeads * headDim),
  { name: "queries", shape: ["n", 1] },
  { name: "keys", shape: [1, "t"] },
];

/** Softmax of the scores over the keys, times V, and the log of the sum that normalises it. */
export function forwardGraph(shape: AttentionShape): Graph {
  return {
    inputs: [...segmentInputs(shape), { name: "ones", shape: ["t", 2] }],
    outputs: [
      matrix("y", "n", shape.heads * shape.headDim),
      { name: "maxRows", shape: [shape.heads, "n"] },
      { name: "sumRows", shape: [shape.heads, "n"] },
    ],
    constants: constants(shape),
    nodes: [
      ...scoreNodes(shape),
      node("ReduceMax", ["S", "last"], "max", { keepdims: 1n }),
      node("Sub", ["S", "max"], "shifted"),
      node("Exp", ["shifted"], "E"),
      node("MatMul", ["E", "ones"], "sums"),
      node("Slice", ["sums", "zero", "one", "last"], "sum"),
      node("Reshape", ["E", "byKvScores"], "Ekv"),
      node("MatMul", ["Ekv", "V"], "weighted"),
      node("Reshape", ["sum", "byKvColumn"], "sumKv"),
      node("Div", ["weighted", "sumKv"], "outKv"),
      node("Reshape", ["outKv", "byGroup"], "out4"),
      node("Transpose", ["out4"], "out4t", { perm: [2n, 0n, 1n, 3n] }),
      node("Reshape", ["out4t", "flat"], "y"),
      // The logarithm is taken outside: the bits of Log depend on where in memory a number lies.
      node("Reshape", ["max", "headRows"], "maxRows"),
      node("Reshape", ["sum", "headRows"], "sumRows"),
    ],
  };
}

/**
 * P = exp(S − lse), dV = Pᵀ·dO, dP = dO·Vᵀ, dS = P∘(dP − rowsum(dO∘O)), dQ = dS·K/√d, dK = dSᵀ·Q/√d
 * (Dao 2023, FlashAttention-2, algorithm 2).
 */
export function backwardGraph(shape: AttentionShape): Graph {
  const alpha = 1 / Math.sqrt(shape.headDim);
  return {
    inputs: [
      ...segmentInputs(shape),
      { name: "onesHead", shape: [shape.headDim, 2] },
      matrix("dy", "n", shape.heads * shape.headDim),
      matrix("y", "n", shape.heads * shape.headDim),
      { name: "lse", shape: [shape.heads, "n"] },
    ],
    outputs: [
      matrix("dq", "n", shape.heads * shape.headDim),
      matrix("dk", "t", shape.kvHeads * shape.headDim),
      matrix("dv", "t", shape.kvHeads * shape.headDim),
    ],
    constants: constants(shape),
    nodes: [
      ...scoreNodes(shape),
      node("Reshape", ["lse", "headColumn"], "lseColumn"),
      node("Sub", ["S", "lseColumn"], "shifted"),
      node("Exp", ["shifted"], "P"),
      node("Reshape", ["P", "byKvScores"], "Pkv"),
      node("Reshape", ["dy", "split"], "dy4"),
      node("Transpose", ["dy4"], "dy4t", { perm: [1n, 2n, 0n, 3n] }),
      node("Reshape", ["dy4t", "byKv"], "dO"),
      node("FusedMatMul", ["Pkv", "dO"], "dvKv", { transA: 1n }, "com.microsoft"),
      node("FusedMatMul", ["dO", "V"], "dP", { transB: 1n }, "com.microsoft"),
      node("Mul", ["dy", "y"], "dyY"),
      node("Reshape", ["dyY", "perHead"], "dyYHead"),
      node("MatMul", ["dyYHead", "onesHead"], "dots2"),
      node("Slice", ["dots2", "zero", "one", "last"], "dotsColumn"),
      node("Reshape", ["dotsColumn", "rowsByHead"], "dots"),
      node("Transpose", ["dots"], "dotsT", { perm: [1n, 0n] }),
      node("Reshape", ["dotsT", "byKvColumn"], "D"),
      node("Sub", ["dP", "D"], "centred"),
      node("Mul", ["Pkv", "centred"], "dS"),
      node("FusedMatMul", ["dS", "K"], "dQ", { alpha }, "com.microsoft"),
      node("FusedMatMul", ["dS", "Q"], "dkKv", { transA: 1n, alpha }, "com.microsoft"),
      node("Reshape", ["dQ", "byGroup"], "dQ4"),
      node("Transpose", ["dQ4"], "dQ4t", { perm: [2n, 0n, 1n, 3n] }),
      node("Reshape", ["dQ4t", "flat"], "dq"),
      node("Transpose", ["dkKv"], "dk3", { perm: [1n, 0n, 2n] }),
      node("Reshape", ["dk3", "flatKv"], "dk"),
      node("Transpose", ["dvKv"], "dv3", { perm: [1n, 0n, 2n] }),
      node("Reshape", ["dv3", "flatKv"], "dv"),
    ],
  };
}

/** Decoding: q [b·kv, group, hd], caches [b·kv, T, hd]; keys at or past a slot's length are masked. */
export function decodeGraph(shape: AttentionShape): Graph {
  const { heads, kvHeads, headDim } = shape;
  const group = heads / kvHeads;
  const pad = group === 1;
  return {
    inputs: [
      matrix("q", "b", heads * headDim),
      { name: "K", shape: ["bk", "t", headDim] },
      { name: "V", shape: ["bk", "t", headDim] },
      { name: "lengths", shape: ["b", 1, 1] },
      { name: "keys", shape: [1, 1, "t"] },
      { name: "ones", shape: ["t", 2] },
    ],
    outputs: [matrix("y", "b", heads * headDim)],
    constants: [
      ints("byKv", -1, group, headDim),
      ints("bySlot", -1, kvHeads * (pad ? 2 : group), 0),
      ints("back", -1, pad ? 2 : group, 0),
      ints("column", -1, pad ? 2 : group, 1),
      ints("flat", -1, heads * headDim),
      ints("zero", 0),
      ints("one", 1),
      ints("last", -1),
      { name: "masked", shape: [1], data: new Float32Array([masked]) },
    ],
    nodes: [
      node("Reshape", ["q", "byKv"], "Q1"),
      pad ? node("Concat", ["Q1", "Q1"], "Q", { axis: 1n }) : node("Identity", ["Q1"], "Q"),
      node("FusedMatMul", ["Q", "K"], "raw", { transB: 1n, alpha: 1 / Math.sqrt(headDim) }, "com.microsoft"),
      node("Reshape", ["raw", "bySlot"], "rawSlot"),
      node("Less", ["keys", "lengths"], "seen"),
      node("Where", ["seen", "rawSlot", "masked"], "S"),
      node("ReduceMax", ["S", "last"], "max", { keepdims: 1n }),
      node("Sub", ["S", "max"], "shifted"),
      node("Exp", ["shifted"], "E"),
      node("MatMul", ["E", "ones"], "sums"),
      node("Slice", ["sums", "zero", "one", "last"], "sum"),
      node("Reshape", ["E", "back"], "Ekv"),
      node("MatMul", ["Ekv", "V"], "weighted"),
      node("Reshape", ["sum", "column"], "sumKv"),
      node("Div", ["weighted", "sumKv"], "out"),
      ...(pad
        ? [node("Slice", ["out", "zero", "one", "one"], "out1"), node("Reshape", ["out1", "flat"], "y")]
        : [node("Reshape", ["out", "flat"], "y")]),
    ],
  };
}
