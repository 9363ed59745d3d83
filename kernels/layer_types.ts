/**
 * Weights of a decoder's layer, as the ops of its two halves take them.
 *
 * @module
 */
import type { RopeTable } from "./attention_types.ts";
import type { Tensor } from "./tensor_types.ts";

/** A linear map of {@linkcode Device.projections}. */
export interface Projection {
  /** [out, in], f32, bf16 or f16. */
  readonly w: Tensor;
  /** [out] */
  readonly bias?: Tensor;
  /** Rotary positions for the result, see {@linkcode Device.rope}. */
  readonly rope?: { readonly positions: Int32Array; readonly table: RopeTable; readonly heads: number };
  /** Result, [n, out]. */
  readonly y: Tensor;
}

/** Weights of {@linkcode Device.layerTail}; the matrices are f32, bf16 or f16. */
export interface LayerTailWeights {
  /** [dim, heads · headDim] */
  readonly o: Tensor;
  /** [dim] */
  readonly norm: Tensor;
  /** [inner, dim] */
  readonly gate: Tensor;
  /** [inner, dim] */
  readonly up: Tensor;
  /** [dim, inner] */
  readonly down: Tensor;
}

/** What {@linkcode Device.layerTail} makes on its way and a backward pass needs. */
export interface LayerTailKept {
  /** x + attended · oᵀ, [n, dim]. */
  readonly m: Tensor;
  /** h · gateᵀ, [n, inner]. */
  readonly gate: Tensor;
  /** h · upᵀ, [n, inner]. */
  readonly up: Tensor;
}
