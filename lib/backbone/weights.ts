/**
 * Weights of a decoder, or gradients of all of them, as tensors of a device under Hugging Face names.
 *
 * @module
 */
import { UsageError } from "#errors";
import type { Device } from "../../kernels/device.ts";
import type { Tensor } from "../../kernels/tensor_types.ts";
import type { HalfType } from "../../kernels/element_type.ts";
import { f32ToBf16, f32ToF16, isFiniteF16 } from "../../kernels/half_floats.ts";
import type { DecoderConfig } from "./config.ts";
import type { Gradients, LayerMap, Trainable } from "./gradients.ts";
import { NamedTensors, zeros } from "./named_tensors.ts";
import { expectedTensors, keptAs, type TensorSource } from "./tensor_source.ts";

/** One tensor for every weight of a decoder, by name, in the order of a forward pass. */
export class Weights extends NamedTensors implements Gradients, Trainable {
  /** Tensors of each layer under the rest of their names: put together at every token, names would have to be hashed anew. */
  private readonly byLayer: Map<string, Tensor>[] = [];

  /** See {@linkcode Weights.read}, {@linkcode Weights.zeros} and {@linkcode Weights.replaced}. */
  private constructor(device: Device, readonly config: DecoderConfig, tensors: ReadonlyMap<string, Tensor>) {
    super(device, tensors);
    for (const [name, tensor] of tensors) {
      const [, index, rest] = /^model\.layers\.(\d+)\.(.+)$/.exec(name) ?? [];
      if (rest !== undefined) (this.byLayer[Number(index)] ??= new Map()).set(rest, tensor);
    }
  }

  /**
   * Copies a checkpoint to a device, in f32.
   *
   * @param options `keepStored`: matrices that the checkpoint stores as bf16 or f16 stay so, where the engine is no slower
   *   for it: half the memory and half the reading, and the same results to the last bit. Such weights cannot be trained.
   * @throws {UsageError} if a matrix that is to stay f16 holds an infinity or NaN
   */
  static read(
    device: Device,
    config: DecoderConfig,
    source: Pick<TensorSource, "read" | "dtype">,
    options: { readonly keepStored?: boolean } = {},
  ): Weights {
    const tensors = new Map<string, Tensor>();
    const keep = options.keepStored === true && device.readsHalf;
    for (const [name, shape] of expectedTensors(config)) {
      const values = source.read(name), stored = keep ? keptAs(shape, source.dtype(name)) : null;
      tensors.set(
        name,
        stored ? device.upload(narrow(values, stored, name), shape, stored) : device.take(values, shape),
      );
    }
    return new Weights(device, config, tensors);
  }

  /** Zeros in the shape of the weights: gradients, or moments of the optimiser. */
  static zeros(device: Device, config: DecoderConfig): Weights {
    return new Weights(device, config, zeros(device, expectedTensors(config)));
  }

  /** The same weights, with other tensors under some of the names. */
  replaced(tensors: ReadonlyMap<string, Tensor>): Weights {
    return new Weights(this.device, this.config, new Map([...this.tensors, ...tensors]));
  }

  /** The tensor of that name; one that the architecture lacks is a defect. */
  override get(name: string): Tensor {
    const tensor = this.tensors.get(name);
    if (!tensor) throw new Error(`no weight "${name}" in a ${this.config.architecture}`);
    return tensor;
  }

  /** Tensor of a layer, such as "self_attn.q_proj.weight". */
  layer(index: number, name: string): Tensor {
    return this.byLayer[index]?.get(name) ?? this.get(layerName(index, name));
  }

  /** The vocabulary head, [vocab, hidden]: the embedding itself where they are tied. */
  get head(): Tensor {
    return this.get(this.config.tiedEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight");
  }

  /** The embedding, [vocab, hidden]. */
  get embedding(): Tensor {
    return this.get("model.embed_tokens.weight");
  }

  /** A norm's gains, [dim]. */
  gains(name: string): Tensor {
    return this.get(name);
  }

  /** Of gradients: see {@linkcode Gradients.addMap}. */
  addMap(layer: number, { weight, bias }: LayerMap, dy: Tensor, x: Tensor): void {
    this.device.linearBackwardWeight(dy, x, this.layer(layer, weight), {
      accumulate: true,
      ...(bias !== undefined && { dBias: this.layer(layer, bias) }),
    });
  }

  /** Gradients of all weights. */
  newGradients(): Weights {
    return Weights.zeros(this.device, this.config);
  }

  /** Nothing is derived from weights. */
  updated(): void {}

  /** Prepares for decoding, see {@linkcode Device.packWeights}. */
  pack(): void {
    this.device.packWeights(matricesOf(this));
  }

  /** Gives the memory back that {@linkcode Weights.pack} took, which writing to the weights does not: gradients take it next. */
  unpack(): void {
    this.device.unpackWeights(matricesOf(this));
  }
}

/** Whole name of a weight of a layer. */
export function layerName(index: number, name: string): string {
  return `model.layers.${index}.${name}`;
}

/** The matrices of the linear maps, the vocabulary head among them. */
function matricesOf({ tensors, head }: Weights): Tensor[] {
  const projections = [...tensors].filter(([name]) => name.endsWith("_proj.weight"));
  return [...projections.map(([, tensor]) => tensor), head];
}

/** The 16 bits that numbers were widened from. */
function narrow(values: Float32Array, stored: HalfType, name: string): Uint16Array {
  if (stored === "bf16") return f32ToBf16(values);
  const bits = f32ToF16(values);
  if (!isFiniteF16(bits)) {
    throw new UsageError(
      `the weight "${name}" holds an infinity or NaN`,
      "download the checkpoint again: weights are finite",
    );
  }
  return bits;
}
