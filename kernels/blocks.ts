/**
 * Parts of a decoder's layer out of other ops, where an engine has nothing faster.
 *
 * @module
 */
import type { Device } from "./device.ts";
import type { LayerTailKept, LayerTailWeights, Projection } from "./layer_types.ts";
import type { Tensor } from "./tensor_types.ts";

/** The ops that the halves are made of. */
type Ops = Pick<Device, "alloc" | "free" | "rmsNorm" | "linear" | "swiglu" | "rope">;

/** y ← silu(x · wGateᵀ) · (x · wUpᵀ) in one op; false, and nothing done, where that does not pay or would have other bits. */
export type FusedSwiglu = (x: Tensor, wGate: Tensor, wUp: Tensor, y: Tensor) => boolean;

/** What a {@linkcode FusedSwiglu} stands for; the products go to `kept`, or are in memory for as long as it takes. */
function linearSwiglu(
  ops: Ops,
  x: Tensor,
  wGate: Tensor,
  wUp: Tensor,
  y: Tensor,
  kept?: Pick<LayerTailKept, "gate" | "up">,
): void {
  const { gate, up } = kept ?? { gate: ops.alloc(y.shape), up: ops.alloc(y.shape) };
  try {
    ops.linear(x, wGate, gate);
    ops.linear(x, wUp, up);
    ops.swiglu(gate, up, y);
  } finally {
    if (!kept) ops.free(gate, up);
  }
}

function rotatedLinear(
  ops: Ops,
  h: Tensor,
  w: Tensor,
  bias: Tensor | undefined,
  { positions, table, heads }: NonNullable<Projection["rope"]>,
  y: Tensor,
): void {
  const product = ops.alloc(y.shape);
  try {
    ops.linear(h, w, product, bias && { bias });
    ops.rope(product, positions, table, heads, y);
  } finally {
    ops.free(product);
  }
}

/** See {@linkcode Device.projections}. */
export function projections(
  ops: Ops,
  x: Tensor,
  norm: Tensor,
  eps: number,
  maps: readonly Projection[],
): void {
  const h = ops.alloc(x.shape);
  try {
    ops.rmsNorm(x, norm, eps, h);
    for (const { w, bias, rope, y } of maps) {
      if (!rope) ops.linear(h, w, y, bias && { bias });
      else rotatedLinear(ops, h, w, bias, rope, y);
    }
  } finally {
    ops.free(h);
  }
}

/** See {@linkcode Device.layerTail}. */
export function layerTail(
  ops: Ops,
  fusedSwiglu: FusedSwiglu,
  x: Tensor,
  attended: Tensor,
  { o, norm, gate, up, down }: LayerTailWeights,
  eps: number,
  y: Tensor,
  kept?: LayerTailKept,
): void {
  const m = kept?.m ?? ops.alloc(x.shape);
  const h = ops.alloc(x.shape), act = ops.alloc([x.shape[0]!, gate.shape[0]!]);
  try {
    ops.linear(attended, o, m, { residual: x });
    ops.rmsNorm(m, norm, eps, h);
    if (kept || !fusedSwiglu(h, gate, up, act)) linearSwiglu(ops, h, gate, up, act, kept);
    ops.linear(act, down, y, { residual: m });
  } finally {
    ops.free(h, act);
    if (!kept) ops.free(m);
  }
}
