/**
 * The graphs of attention; `attention.ts` says why they are built as they are.
 *
 * @module
 */
import type { AttentionShape } from "../attention_types.ts";
import { type Constant, type Graph, type Node, node } from "./onnx.ts";

/** Score of a key that a row may not see: its exponential is exactly 0. */
export const masked = -1e30;

const ints = (name: string, ...values: number[]): Constant => ({
  name,
  shape: [values.length],
  data: new BigInt64Array(values.map(BigInt)),
});

const matrix = (name: string, rows: string, columns: number) => ({ name, shape: [rows, columns] });

function constants({ heads, kvHeads, headDim }: AttentionShape): Constant[] {
  const group = heads / kvHeads;
  // In shapes, 0 keeps a dimension and -1 stands for what is left.
  return [
    ints("split", 0, 0, kvHeads, group, headDim),
    ints("splitKv", 0, 0, kvHeads, headDim),
    ints("byKv", 0, kvHeads, -1, headDim),
    ints("byKvColumn", 0, kvHeads, -1, 1),
    ints("byHead", 0, heads, -1, 0),
    ints("byKvScores", 0, kvHeads, -1, 0),
    ints("byGroup", 0, kvHeads, group, -1, headDim),
    ints("flat", 0, 0, heads * headDim),
    ints("flatKv", 0, 0, kvHeads * headDim),
    ints("zero", 0),
    ints("one", 1),
    ints("last", -1),
    { name: "masked", shape: [1], data: new Float32Array([masked]) },
    { name: "nought", shape: [1], data: new Float32Array([0]) },
  ];
}

/** Nodes that turn q, k, v into Q [b, kv, group·n, hd], K and V [b, kv, t, hd] and masked scores S [b, heads, n, t]. */
function scoreNodes(shape: AttentionShape): Node[] {
  return [
    node("Reshape", ["k", "splitKv"], "k4"),
    node("Reshape", ["v", "splitKv"], "v4"),
    node("Transpose", ["k4"], "K", { perm: [0n, 2n, 1n, 3n] }),
    node("Transpose", ["v4"], "V", { perm: [0n, 2n, 1n, 3n] }),
    node("Reshape", ["q", "split"], "q5"),
    node("Transpose", ["q5"], "q5t", { perm: [0n, 2n, 3n, 1n, 4n] }),
    node("Reshape", ["q5t", "byKv"], "Q"),
    node(
      "FusedMatMul",
      ["Q", "K"],
      "rawKv",
      { transB: 1n, alpha: 1 / Math.sqrt(shape.headDim) },
      "com.microsoft",
    ),
    node("Reshape", ["rawKv", "byHead"], "raw"),
    // The mask is made once for all heads and added: Where on the scores themselves takes ten times as long as Add.
    node("Greater", ["keys", "queries"], "future"),
    node("Where", ["future", "masked", "nought"], "mask"),
    node("Add", ["raw", "mask"], "S"),
  ];
}

/** b blocks of n queries and t keys, see `attention_blocks.ts`. */
const rows = (name: string, count: "n" | "t", width: number) => ({ name, shape: ["b", count, width] });

const blockInputs = ({ heads, kvHeads, headDim }: AttentionShape) => [
  rows("q", "n", heads * headDim),
  rows("k", "t", kvHeads * headDim),
  rows("v", "t", kvHeads * headDim),
  // A query sees the keys up to its position.
  { name: "queries", shape: ["b", 1, "n", 1] },
  { name: "keys", shape: [1, 1, 1, "t"] },
];

/** Softmax of the scores over the keys, times V, and the maximum and sum that normalise it. */
export function forwardGraph(shape: AttentionShape): Graph {
  const perRow = (name: string) => ({ name, shape: ["b", shape.heads, "n", 1] });
  return {
    inputs: [...blockInputs(shape), { name: "ones", shape: ["t", 2] }],
    outputs: [rows("y", "n", shape.heads * shape.headDim), perRow("max"), perRow("sum")],
    constants: constants(shape),
    nodes: [
      ...scoreNodes(shape),
      node("ReduceMax", ["S", "last"], "max", { keepdims: 1n }),
      node("Sub", ["S", "max"], "shifted"),
      node("Exp", ["shifted"], "E"),
      // The logarithm of the sum is taken outside: the bits of Log depend on where in memory a number lies.
      node("MatMul", ["E", "ones"], "sums"),
      node("Slice", ["sums", "zero", "one", "last"], "sum"),
      node("Reshape", ["E", "byKvScores"], "Ekv"),
      node("MatMul", ["Ekv", "V"], "weighted"),
      node("Reshape", ["sum", "byKvColumn"], "sumKv"),
      node("Div", ["weighted", "sumKv"], "outKv"),
      node("Reshape", ["outKv", "byGroup"], "out5"),
      node("Transpose", ["out5"], "out5t", { perm: [0n, 3n, 1n, 2n, 4n] }),
      node("Reshape", ["out5t", "flat"], "y"),
    ],
  };
}

/**
 * P = exp(S − lse), dV = Pᵀ·dO, dP = dO·Vᵀ, dS = P∘(dP − rowsum(dO∘O)), dQ = dS·K/√d, dK = dSᵀ·Q/√d
 * (Dao 2023, FlashAttention-2, algorithm 2).
 */
export function backwardGraph(shape: AttentionShape): Graph {
  const alpha = 1 / Math.sqrt(shape.headDim), width = shape.heads * shape.headDim;
  const kvWidth = shape.kvHeads * shape.headDim;
  return {
    inputs: [
      ...blockInputs(shape),
      { name: "onesHead", shape: [shape.headDim, 2] },
      rows("dy", "n", width),
      rows("y", "n", width),
      { name: "lse", shape: ["b", shape.heads, "n", 1] },
    ],
    outputs: [rows("dq", "n", width), rows("dk", "t", kvWidth), rows("dv", "t", kvWidth)],
    constants: constants(shape),
    nodes: [
      ...scoreNodes(shape),
      node("Sub", ["S", "lse"], "shifted"),
      node("Exp", ["shifted"], "P"),
      node("Reshape", ["P", "byKvScores"], "Pkv"),
      node("Reshape", ["dy", "split"], "dy5"),
      node("Transpose", ["dy5"], "dy5t", { perm: [0n, 2n, 3n, 1n, 4n] }),
      node("Reshape", ["dy5t", "byKv"], "dO"),
      node("FusedMatMul", ["Pkv", "dO"], "dvKv", { transA: 1n }, "com.microsoft"),
      node("FusedMatMul", ["dO", "V"], "dP", { transB: 1n }, "com.microsoft"),
      // Transposing y, in pieces of a head's width, takes a quarter of the time of transposing the sums.
      node("Reshape", ["y", "split"], "y5"),
      node("Transpose", ["y5"], "y5t", { perm: [0n, 2n, 3n, 1n, 4n] }),
      node("Reshape", ["y5t", "byKv"], "O"),
      node("Mul", ["dO", "O"], "dOO"),
      node("MatMul", ["dOO", "onesHead"], "dots2"),
      node("Slice", ["dots2", "zero", "one", "last"], "D"),
      node("Sub", ["dP", "D"], "centred"),
      node("Mul", ["Pkv", "centred"], "dS"),
      node("FusedMatMul", ["dS", "K"], "dQ", { alpha }, "com.microsoft"),
      node("FusedMatMul", ["dS", "Q"], "dkKv", { transA: 1n, alpha }, "com.microsoft"),
      node("Reshape", ["dQ", "byGroup"], "dQ5"),
      node("Transpose", ["dQ5"], "dQ5t", { perm: [0n, 3n, 1n, 2n, 4n] }),
      node("Reshape", ["dQ5t", "flat"], "dq"),
      node("Transpose", ["dkKv"], "dk4", { perm: [0n, 2n, 1n, 3n] }),
      node("Reshape", ["dk4", "flatKv"], "dk"),
      node("Transpose", ["dvKv"], "dv4", { perm: [0n, 2n, 1n, 3n] }),
      node("Reshape", ["dv4", "flatKv"], "dv"),
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
      // 0 for keys that a slot has, `masked` for others.
      { name: "mask", shape: ["b", 1, "t"] },
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
    ],
    nodes: [
      node("Reshape", ["q", "byKv"], "Q1"),
      pad ? node("Concat", ["Q1", "Q1"], "Q", { axis: 1n }) : node("Identity", ["Q1"], "Q"),
      node("FusedMatMul", ["Q", "K"], "raw", { transB: 1n, alpha: 1 / Math.sqrt(headDim) }, "com.microsoft"),
      node("Reshape", ["raw", "bySlot"], "rawSlot"),
      node("Add", ["rawSlot", "mask"], "S"),
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
