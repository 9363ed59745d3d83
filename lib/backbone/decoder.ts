/**
 * The whole decoder over packed streams of tokens: forward for prefill and embeddings, and the forward and backward
 * pair for training. Logits are made from the hidden states by the vocabulary head's ops, never here.
 *
 * @module
 */
import type { RopeTable, Segment } from "../../kernels/attention_types.ts";
import type { Device } from "../../kernels/device.ts";
import type { Tensor } from "../../kernels/tensor_types.ts";
import type { DecoderConfig } from "./config.ts";
import {
  type Attend,
  attentionShape,
  type LayerActivations,
  layerBackward,
  type LayerContext,
  layerForward,
  layerForwardTraining,
  type LayerProducts,
} from "./decoder_layer.ts";
import { llama3FrequencyFactors } from "./rope_scaling.ts";
import type { Gradients } from "./gradients.ts";
import type { Weights } from "./weights.ts";

/** Sequences laid end to end. */
export interface PackedBatch {
  /** Tokens, [n]. */
  readonly ids: Int32Array;
  /** Position of each token in its sequence, [n]; a child counts on from its parent's end. */
  readonly positions: Int32Array;
  readonly segments: readonly Segment[];
}

/** A sequence, or the continuation of an earlier one in the list. */
export interface PackedSequence {
  readonly ids: ArrayLike<number>;
  /** Index of the sequence that this one continues; absent for a sequence of its own. */
  readonly parent?: number;
}

/** Packs sequences into one stream. Parents come before their children and have no parent. */
export function packSequences(sequences: readonly PackedSequence[]): PackedBatch {
  let total = 0;
  for (const { ids } of sequences) total += ids.length;
  const ids = new Int32Array(total), positions = new Int32Array(total), segments: Segment[] = [];
  let start = 0;
  for (const sequence of sequences) {
    const { parent = -1 } = sequence, length = sequence.ids.length;
    const before = parent < 0 ? 0 : segments[parent]!.length;
    for (let i = 0; i < length; i++) {
      ids[start + i] = sequence.ids[i]!;
      positions[start + i] = before + i;
    }
    segments.push({ start, length, parent });
    start += length;
  }
  return { ids, positions, segments };
}

/** What {@linkcode Decoder.backward} needs of the forward pass. */
export interface Activations {
  readonly batch: PackedBatch;
  /** Final hidden states after the last norm, [n, hidden]: owned by the caller of the backward pass until then. */
  readonly hidden: Tensor;
  /** Residual stream before the last norm. */
  readonly last: Tensor;
  readonly context: LayerContext;
  /** What a layer's backward pass needs, kept or made again; asked for once, from the last layer to the first. */
  readonly layer: (index: number) => LayerActivations;
  /** Frees what the layers were not asked for. */
  readonly discardLayers: () => void;
}

/** Where a forward pass puts the activations of its rows, to be kept for a backward pass. */
export interface ForwardTargets {
  /** Input of a layer, [n, hidden]; of the layer after the last one, what is normed in the end. */
  readonly x: (layer: number) => Tensor;
  readonly products: (layer: number) => LayerProducts;
}

/** Inverse frequencies θ^(−2i/headDim) of the rotary positions, with Llama 3's scaling where the config has it. */
export function inverseFrequencies(config: DecoderConfig): Float64Array {
  const half = config.headDim / 2;
  const frequencies = Float64Array.from({ length: half }, (_, i) => config.ropeTheta ** (-i / half));
  if (!config.ropeScaling) return frequencies;
  const factors = llama3FrequencyFactors(config.ropeScaling, config.headDim, config.ropeTheta);
  return frequencies.map((frequency, i) => frequency / factors[i]!);
}

/** A decoder on a device. Does not own its weights. */
export class Decoder {
  readonly device: Device;
  readonly config: DecoderConfig;
  #rope: RopeTable | undefined;

  /** See {@linkcode Decoder}. */
  constructor(readonly weights: Weights) {
    this.device = weights.device;
    this.config = weights.config;
  }

  /** What the layers of one pass share; the table of positions grows as sequences do. */
  context(positions: Int32Array): LayerContext {
    let longest = 0;
    for (const position of positions) if (position >= longest) longest = position + 1;
    if (longest > this.config.maxPositions) {
      throw new Error(`sequence of ${longest} tokens for a decoder of ${this.config.maxPositions} positions`);
    }
    if (!this.#rope || this.#rope.positions < longest) {
      const positions = Math.min(this.config.maxPositions, Math.max(512, 2 * longest));
      this.#rope = this.device.ropeTable(inverseFrequencies(this.config), positions);
    }
    return { device: this.device, config: this.config, weights: this.weights, rope: this.#rope, positions };
  }

  #embed(ids: Int32Array | Tensor, target?: Tensor): Tensor {
    const given = !(ids instanceof Int32Array), n = given ? ids.shape[0]! : ids.length;
    const x = target ?? this.device.alloc([n, this.config.hiddenSize]);
    const index = given ? ids : this.device.upload(ids, [n]);
    this.device.embedding(index, this.weights.embedding, x);
    if (!given) this.device.free(index);
    return x;
  }

  /** Final hidden states [n, hidden] of the residual stream, the caller's to free. */
  finalNorm(x: Tensor): Tensor {
    const hidden = this.device.alloc(x.shape);
    this.device.rmsNorm(x, this.weights.get("model.norm.weight"), this.config.rmsNormEps, hidden);
    return hidden;
  }

  /**
   * Runs all layers with the given attention; the result [n, hidden] (after the last norm) is the caller's.
   *
   * @param ids tokens, [n]; a tensor where the engine itself has drawn them
   * @param targets where activations are to be kept
   */
  run(ids: Int32Array | Tensor, positions: Int32Array, attend: Attend, targets?: ForwardTargets): Tensor {
    const context = this.context(positions);
    let x = this.#embed(ids, targets?.x(0));
    for (let layer = 0; layer < this.config.layers; layer++) {
      const into = targets && { products: targets.products(layer), out: targets.x(layer + 1) };
      const out = layerForward(context, layer, x, attend, into);
      if (!targets) this.device.free(x);
      x = out;
    }
    const hidden = this.finalNorm(x);
    if (!targets) this.device.free(x);
    return hidden;
  }

  /**
   * Final hidden states of a packed batch, [n, hidden], the caller's to free.
   *
   * @param observe sees the rotated keys and the values of each layer, to put them into a cache
   * @param targets where activations are to be kept
   */
  forward(
    batch: PackedBatch,
    observe?: (layer: number, k: Tensor, v: Tensor) => void,
    targets?: ForwardTargets,
  ): Tensor {
    const shape = attentionShape(this.config);
    const attend: Attend = (layer, q, k, v, y) => {
      const lse = this.device.alloc([shape.heads, batch.ids.length]);
      this.device.attention(q, k, v, batch.segments, shape, y, lse);
      this.device.free(lse);
      observe?.(layer, k, v);
    };
    return this.run(batch.ids, batch.positions, attend, targets);
  }

  /**
   * Forward pass that keeps what the backward pass needs.
   *
   * @param checkpointing keep only each layer's input and run its forward pass again when its turn comes: about
   *   a tenth of the memory for a third more time
   */
  forwardTraining(batch: PackedBatch, checkpointing = false): Activations {
    const context = this.context(batch.positions), { device } = this;
    const layers: (LayerActivations | { readonly x: Tensor })[] = [];
    let x = this.#embed(batch.ids);
    for (let layer = 0; layer < this.config.layers; layer++) {
      const { out, activations } = layerForwardTraining(context, layer, x, batch.segments);
      if (checkpointing) {
        freeAllBut(device, activations, x);
        layers.push({ x });
      } else layers.push(activations);
      x = out;
    }
    const again = (layer: number, x: Tensor): LayerActivations => {
      const { out, activations } = layerForwardTraining(context, layer, x, batch.segments);
      device.free(out);
      return activations;
    };
    return {
      batch,
      hidden: this.finalNorm(x),
      last: x,
      context,
      layer: (index) => {
        const kept = layers.pop()!;
        return "q" in kept ? kept : again(index, kept.x);
      },
      discardLayers: () => {
        for (const layer of layers.splice(0)) device.free(...Object.values(layer));
      },
    };
  }

  /**
   * Adds the gradients of all weights that are trained, given that of the final hidden states, [n, hidden]. The vocabulary head's own
   * gradient comes from its op. Frees the activations with their hidden states; `dHidden` is left to the caller.
   */
  backward(activations: Activations, dHidden: Tensor, gradients: Gradients): void {
    const { batch, last, context, hidden } = activations;
    const { device, config, weights } = this;
    const d = device.alloc(last.shape);
    const norm = "model.norm.weight";
    device.rmsNormBackward(dHidden, last, weights.get(norm), config.rmsNormEps, d, gradients.gains(norm));
    device.free(last, hidden);
    for (let layer = config.layers - 1; layer >= 0; layer--) {
      layerBackward(context, layer, activations.layer(layer), batch.segments, gradients, d);
    }
    activations.discardLayers();
    const { embedding } = gradients;
    if (embedding) {
      const index = device.upload(batch.ids, [batch.ids.length]);
      device.embeddingBackward(index, d, embedding);
      device.free(index);
    }
    device.free(d);
  }

  /** Frees the activations of a forward pass that will have no backward pass. */
  discard({ discardLayers, last, hidden }: Activations): void {
    discardLayers();
    this.device.free(last, hidden);
  }
}

function freeAllBut(device: Device, activations: LayerActivations, kept: Tensor): void {
  device.free(...Object.values(activations).filter((tensor: Tensor) => tensor !== kept));
}
