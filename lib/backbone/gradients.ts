/**
 * Where the backward pass of a decoder puts the gradients of its weights, and what an optimiser moves with them.
 *
 * @module
 */
import type { Tensor } from "../../kernels/tensor_types.ts";
import type { NamedTensors } from "./named_tensors.ts";

/** A linear map of a decoder's layer: its weight, and the bias where the map has one, under their names within the layer. */
export interface LayerMap {
  readonly weight: string;
  readonly bias?: string;
}

/** Sums of gradients, which a backward pass adds to. */
export interface Gradients extends NamedTensors {
  /**
   * Adds the gradients of a map y = x·Wᵀ (+ bias) of a layer.
   *
   * @param dy gradient of its result, [n, out]
   * @param x what went in, [n, in]
   */
  addMap(layer: number, map: LayerMap, dy: Tensor, x: Tensor): void;
  /** To which the gradient of a norm's gains is added, [dim]: by the whole name of the weight. */
  gains(name: string): Tensor;
  /** To which the gradient of the embedding is added, [vocab, hidden]; null where it is not trained. */
  readonly embedding: Tensor | null;
  /** To which the gradient of the vocabulary head is added, [vocab, hidden]; null where it is not trained. */
  readonly head: Tensor | null;
}

/** What training moves. */
export interface Trainable extends NamedTensors {
  /** Gradients of 0, the caller's to give back. */
  newGradients(): Gradients;
  /** To be called after the tensors were changed: makes what is derived from them anew. */
  updated(): void;
}
