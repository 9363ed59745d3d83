/**
 * SwiGLU's graph, which the gated linear map ends with: both must have the same bits.
 *
 * @module
 */
import { type Graph, node } from "./onnx.ts";

const rows = (name: string) => ({ name, shape: ["n", "d"] });

/** y ← silu(g)·u. */
export const swigluGraph: Graph = {
  inputs: [rows("g"), rows("u")],
  outputs: [rows("y")],
  // QuickGelu(z) = z · sigmoid(alpha · z), in blocks that stay in the cache.
  nodes: [node("QuickGelu", ["g"], "silu", { alpha: 1 }, "com.microsoft"), node("Mul", ["silu", "u"], "y")],
};
