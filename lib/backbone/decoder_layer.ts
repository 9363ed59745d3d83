/**
 * One layer of a Llama, Qwen2 or Qwen3 decoder as a forward and backward pair.
 *
 *     h = rmsNorm(x)            q, k, v = h·Wqᵀ, h·Wkᵀ, h·Wvᵀ (+ bias: Qwen2; + RMS norm of each head: Qwen3)
 *     y = attention(rope(q), rope(k), v)
 *     m = x + y·Woᵀ
 *     g, u = rmsNorm(m)·Wgᵀ, rmsNorm(m)·Wuᵀ
 *     out = m + swiglu(g, u)·Wdᵀ
 *
 * The backward pass keeps x, q, k, v, y, m, g, u and makes the rest again: norms and activations cost little beside
 * the matrix products, and would nearly double the memory.
 *
 * @module
 */
import type { AttentionShape, RopeTable, Segment } from "../../kernels/attention_types.ts";
import type { Device } from "../../kernels/device.ts";
import type { LayerTailKept } from "../../kernels/layer_types.ts";
import type { Tensor } from "../../kernels/tensor_types.ts";
import type { DecoderConfig } from "./config.ts";
import type { Gradients } from "./gradients.ts";
import { layerName, type Weights } from "./weights.ts";

/** What every layer of one pass shares. */
export interface LayerContext {
  readonly device: Device;
  readonly config: DecoderConfig;
  readonly weights: Weights;
  readonly rope: RopeTable;
  /** Position of each row in its sequence, [n]. Not to be changed while the pass runs. */
  readonly positions: Int32Array;
}

/** Queries, keys and values. */
interface Projected {
  /** Queries and keys before their norms (Qwen3), else absent. */
  readonly qRaw?: Tensor;
  readonly kRaw?: Tensor;
  /** Rotated. */
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
}

/** What a layer makes of its weights, and a backward pass needs: without attention, which can be had again from these. */
export interface LayerProducts extends Projected, LayerTailKept {}

/** What the backward pass of a layer needs of its forward pass; all tensors are owned by it. */
export interface LayerActivations extends LayerProducts {
  readonly x: Tensor;
  readonly y: Tensor;
  readonly lse: Tensor;
}

/** Where a forward pass of a layer is to write what it would otherwise allocate, and free but for `out`. */
export interface LayerTargets {
  readonly products?: LayerProducts;
  readonly y?: Tensor;
  readonly out?: Tensor;
}

/** Attention of one layer: fills y [n, heads·headDim] from rotated q and k, and v. */
export type Attend = (layer: number, q: Tensor, k: Tensor, v: Tensor, y: Tensor) => void;

/** Heads of the config, as the attention ops take them. */
export function attentionShape(config: DecoderConfig): AttentionShape {
  return { heads: config.heads, kvHeads: config.kvHeads, headDim: config.headDim };
}

function allocProjected({ device, config }: LayerContext, n: number): Projected {
  const { heads, kvHeads, headDim, qkNorm } = config;
  const queries = () => device.alloc([n, heads * headDim]), keys = () => device.alloc([n, kvHeads * headDim]);
  return { ...(qkNorm && { qRaw: queries(), kRaw: keys() }), q: queries(), k: keys(), v: keys() };
}

/** Room for the products of `n` rows, with undefined content. */
export function allocProducts(context: LayerContext, n: number): LayerProducts {
  const { device, config: { hiddenSize, intermediateSize } } = context;
  return {
    ...allocProjected(context, n),
    m: device.alloc([n, hiddenSize]),
    gate: device.alloc([n, intermediateSize]),
    up: device.alloc([n, intermediateSize]),
  };
}

/** The linear maps of a layer. */
const maps = {
  q: { weight: "self_attn.q_proj.weight", bias: "self_attn.q_proj.bias" },
  k: { weight: "self_attn.k_proj.weight", bias: "self_attn.k_proj.bias" },
  v: { weight: "self_attn.v_proj.weight", bias: "self_attn.v_proj.bias" },
  o: { weight: "self_attn.o_proj.weight" },
  gate: { weight: "mlp.gate_proj.weight" },
  up: { weight: "mlp.up_proj.weight" },
  down: { weight: "mlp.down_proj.weight" },
} as const;

function project(context: LayerContext, layer: number, x: Tensor, { qRaw, kRaw, q, k, v }: Projected): void {
  const { device, config, weights, rope, positions } = context;
  const n = x.shape[0]!, { heads, kvHeads, headDim, rmsNormEps: eps } = config;
  const projection = (which: "q" | "k" | "v", count: number, y: Tensor) => ({
    w: weights.layer(layer, maps[which].weight),
    ...(config.qkvBias && { bias: weights.layer(layer, maps[which].bias) }),
    ...(which !== "v" && !config.qkNorm && { rope: { positions, table: rope, heads: count } }),
    y,
  });
  device.projections(x, weights.layer(layer, "input_layernorm.weight"), eps, [
    projection("q", heads, qRaw ?? q),
    projection("k", kvHeads, kRaw ?? k),
    projection("v", kvHeads, v),
  ]);
  if (!qRaw || !kRaw) return;
  for (const [raw, rotated, which, count] of [[qRaw, q, "q", heads], [kRaw, k, "k", kvHeads]] as const) {
    const normed = device.alloc(raw.shape), byHead = [n * count, headDim];
    const weight = weights.layer(layer, `self_attn.${which}_norm.weight`);
    device.rmsNorm(device.reshape(raw, byHead), weight, eps, device.reshape(normed, byHead));
    device.rope(normed, positions, rope, count, rotated);
    device.free(normed);
  }
}

/** Output of a layer, [n, hidden]; `x` is left to the caller. */
export function layerForward(
  context: LayerContext,
  layer: number,
  x: Tensor,
  attend: Attend,
  targets: LayerTargets = {},
): Tensor {
  const { device, config, weights } = context, weight = (name: string) => weights.layer(layer, name);
  const projected = targets.products ?? allocProjected(context, x.shape[0]!);
  project(context, layer, x, projected);
  const y = targets.y ?? device.alloc(projected.q.shape), out = targets.out ?? device.alloc(x.shape);
  attend(layer, projected.q, projected.k, projected.v, y);
  const tail = {
    o: weight(maps.o.weight),
    norm: weight("post_attention_layernorm.weight"),
    gate: weight(maps.gate.weight),
    up: weight(maps.up.weight),
    down: weight(maps.down.weight),
  };
  device.layerTail(x, y, tail, config.rmsNormEps, out, targets.products);
  if (!targets.products) device.free(...Object.values(projected));
  if (!targets.y) device.free(y);
  return out;
}

/** What attention adds to the products of a layer for a backward pass, y and lse; attention alone is run. */
export function attendedAgain(
  { device, config }: LayerContext,
  { q, k, v }: LayerProducts,
  segments: readonly Segment[],
): Pick<LayerActivations, "y" | "lse"> {
  const y = device.alloc(q.shape), lse = device.alloc([config.heads, q.shape[0]!]);
  device.attention(q, k, v, segments, attentionShape(config), y, lse);
  return { y, lse };
}

/** Output of a layer and what its backward pass needs, which takes over the ownership of `x`. */
export function layerForwardTraining(
  context: LayerContext,
  layer: number,
  x: Tensor,
  segments: readonly Segment[],
): { out: Tensor; activations: LayerActivations } {
  const { device, config } = context, n = x.shape[0]!, products = allocProducts(context, n);
  const y = device.alloc(products.q.shape), lse = device.alloc([config.heads, n]);
  const attend: Attend = (_, q, k, v, to) =>
    device.attention(q, k, v, segments, attentionShape(config), to, lse);
  const out = layerForward(context, layer, x, attend, { products, y });
  return { out, activations: { ...products, x, y, lse } };
}

/**
 * Backward pass of a layer. `d` [n, hidden] is the gradient of the layer's output and becomes that of its input;
 * gradients of the weights are added to `gradients`. Frees the activations.
 */
export function layerBackward(
  context: LayerContext,
  layer: number,
  a: LayerActivations,
  segments: readonly Segment[],
  gradients: Gradients,
  d: Tensor,
): void {
  feedForwardBackward(context, layer, a, gradients, d);
  attentionBackward(context, layer, a, segments, gradients, d);
}

function feedForwardBackward(
  { device, config, weights }: LayerContext,
  layer: number,
  { m, gate, up }: LayerActivations,
  gradients: Gradients,
  d: Tensor,
): void {
  const accumulate = true;
  const act = device.alloc(gate.shape);
  device.swiglu(gate, up, act);
  gradients.addMap(layer, maps.down, d, act);
  const dAct = act; // the activation is done with: its memory takes its gradient
  device.linearBackwardInput(d, weights.layer(layer, maps.down.weight), dAct);
  device.swigluBackward(dAct, gate, up, gate, up);
  device.free(dAct);
  const h = device.alloc(m.shape);
  const norm = "post_attention_layernorm.weight";
  device.rmsNorm(m, weights.layer(layer, norm), config.rmsNormEps, h);
  gradients.addMap(layer, maps.gate, gate, h);
  gradients.addMap(layer, maps.up, up, h);
  const dh = h;
  device.linearBackwardInput(gate, weights.layer(layer, maps.gate.weight), dh);
  device.linearBackwardInput(up, weights.layer(layer, maps.up.weight), dh, accumulate);
  device.free(gate, up);
  const eps = config.rmsNormEps;
  const gains = gradients.gains(layerName(layer, norm));
  device.rmsNormBackward(dh, m, weights.layer(layer, norm), eps, d, gains, accumulate);
  device.free(dh, m);
}

function attentionBackward(
  context: LayerContext,
  layer: number,
  a: LayerActivations,
  segments: readonly Segment[],
  gradients: Gradients,
  d: Tensor,
): void {
  const { device, config, weights, rope, positions } = context;
  const accumulate = true, eps = config.rmsNormEps, n = d.shape[0]!;
  gradients.addMap(layer, maps.o, d, a.y);
  const dy = device.alloc(a.y.shape);
  device.linearBackwardInput(d, weights.layer(layer, maps.o.weight), dy);
  const dq = device.alloc(a.q.shape), dk = device.alloc(a.k.shape), dv = device.alloc(a.v.shape);
  device.attentionBackward(dy, a.q, a.k, a.v, a.y, a.lse, segments, attentionShape(config), dq, dk, dv);
  device.free(dy, a.y, a.lse, a.v);
  // The rotated queries and keys are done with: their memory takes the gradients before the rotation.
  device.rope(dq, positions, rope, config.heads, a.q, true);
  device.rope(dk, positions, rope, config.kvHeads, a.k, true);
  let dQ = a.q, dK = a.k;
  if (a.qRaw && a.kRaw) {
    for (
      const [raw, dNormed, dRaw, which, count] of [
        [a.qRaw, a.q, dq, "q", config.heads],
        [a.kRaw, a.k, dk, "k", config.kvHeads],
      ] as const
    ) {
      const name = `self_attn.${which}_norm.weight`;
      const byHead = (t: Tensor) => device.reshape(t, [n * count, config.headDim]);
      device.rmsNormBackward(
        byHead(dNormed),
        byHead(raw),
        weights.layer(layer, name),
        eps,
        byHead(dRaw),
        gradients.gains(layerName(layer, name)),
      );
      device.free(raw);
    }
    [dQ, dK] = [dq, dk];
  }
  const h = device.alloc(a.x.shape), dh = device.alloc(a.x.shape);
  const norm = "input_layernorm.weight";
  device.rmsNorm(a.x, weights.layer(layer, norm), eps, h);
  ([["q", dQ], ["k", dK], ["v", dv]] as const).forEach(([which, gradient], i) => {
    const { weight, bias } = maps[which];
    gradients.addMap(layer, config.qkvBias ? { weight, bias } : { weight }, gradient, h);
    device.linearBackwardInput(gradient, weights.layer(layer, weight), dh, i > 0);
  });
  device.rmsNormBackward(
    dh,
    a.x,
    weights.layer(layer, norm),
    eps,
    d,
    gradients.gains(layerName(layer, norm)),
    accumulate,
  );
  device.free(h, dh, dq, dk, dv, a.q, a.k, a.x);
}
