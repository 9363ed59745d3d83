/**
 * SwiGLU's graph, which the gated linear map ends with: both must have the same bits.
 *
 * @module
 */
import { type Graph, type Node, node } from "./onnx.ts";

const rows = (name: string) => ({ name, shape: ["n", "d"] });

/** y ← silu(gate)·up. QuickGelu(z) = z · sigmoid(alpha · z), in blocks that stay in the cache. */
export function swigluNodes(gate: string, up: string, y: string): Node[] {
  return [node("QuickGelu", [gate], "silu", { alpha: 1 }, "com.microsoft"), node("Mul", ["silu", up], y)];
}

/** y ← silu(g)·u. */
export const swigluGraph: Graph = {
  inputs: [rows("g"), rows("u")],
  outputs: [rows("y")],
  nodes: swigluNodes("g", "u", "y"),
};
