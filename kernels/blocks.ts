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

/**
 * What an engine has in one, with the bits of the ops that it stands for. Each returns false, and has done nothing, where that
 * does not pay.
 */
export interface FusedOps {
  /** The maps of {@linkcode Device.projections}, of rows that are normed. */
  maps?(h: Tensor, maps: readonly Projection[]): boolean;
  /** m ← x · wᵀ + residual, y ← rmsNorm(m). */
  addNorm?(
    x: Tensor,
    w: Tensor,
    residual: Tensor,
    norm: Tensor,
    eps: number,
    m: Tensor,
    y: Tensor,
  ): boolean;
  /** y ← silu(x · wGateᵀ) · (x · wUpᵀ). */
  swiglu?(x: Tensor, wGate: Tensor, wUp: Tensor, y: Tensor): boolean;
}

/** What `swiglu` of {@linkcode FusedOps} stands for; the products go to `kept`, or are in memory for as long as it takes. */
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
  fused: FusedOps,
  x: Tensor,
  norm: Tensor,
  eps: number,
  maps: readonly Projection[],
): void {
  const h = ops.alloc(x.shape);
  try {
    ops.rmsNorm(x, norm, eps, h);
    if (fused.maps?.(h, maps)) return;
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
  fused: FusedOps,
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
    if (!fused.addNorm?.(attended, o, x, norm, eps, m, h)) {
      ops.linear(attended, o, m, { residual: x });
      ops.rmsNorm(m, norm, eps, h);
    }
    if (kept || !fused.swiglu?.(h, gate, up, act)) linearSwiglu(ops, h, gate, up, act, kept);
    ops.linear(act, down, y, { residual: m });
  } finally {
    ops.free(h, act);
    if (!kept) ops.free(m);
  }
}
