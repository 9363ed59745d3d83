/**
 * Low-rank adaptation (LoRA; Hu et al. 2021, section 4.1): instead of a matrix W₀ [out, in] of a layer, two thin ones are
 * trained, A [rank, in] and B [out, rank], and the decoder computes with
 *
 *     W = W₀ + (alpha / rank)·B·A
 *
 * W is kept, not W₀·x and B·A·x added up for every token: sampling, training and evaluation run on one set of weights, as fast
 * as without an adapter and with the same bits among them, and the checkpoint of W is the model that was trained. What it costs
 * is W₀ beside W, which may stay in the 16 bits of its checkpoint; what it saves is gradients and moments, 12 of the 16 bytes a
 * parameter of full fine-tuning.
 *
 * @module
 */
import type { Device } from "../../kernels/device.ts";
import { isHalf } from "../../kernels/element_type.ts";
import type { Tensor } from "../../kernels/tensor_types.ts";
import type { DecoderConfig } from "./config.ts";
import type { Gradients, LayerMap, Trainable } from "./gradients.ts";
import { fillUniform } from "./initialise.ts";
import type { LoraOptions, LoraTarget } from "./lora_options.ts";
import { NamedTensors, shapesOf, zeros } from "./named_tensors.ts";
import { expectedTensors } from "./tensor_source.ts";
import { layerName, type Weights } from "./weights.ts";

/** A and B of one matrix, and both times alpha / rank. */
interface Pair {
  readonly a: Tensor;
  readonly b: Tensor;
  readonly scaledA: Tensor;
  readonly scaledB: Tensor;
}

/** Names of A and B of a matrix, as in {@linkcode LoraAdapter.tensors}. */
export function adapterNames(weight: string): { a: string; b: string } {
  const module = weight.replace(/\.weight$/, "");
  return { a: `${module}.lora_A.weight`, b: `${module}.lora_B.weight` };
}

/** The matrices that an adapter changes: name to [out, in], in the order of a forward pass. */
export function adaptedMatrices(
  config: DecoderConfig,
  targets: readonly LoraTarget[],
): Map<string, readonly number[]> {
  const endings = targets.map((target) => `.${target}.weight`);
  return new Map(
    [...expectedTensors(config)].filter(([name]) => endings.some((ending) => name.endsWith(ending))),
  );
}

/** Names and shapes of the tensors of an adapter: A and B of every matrix, in the order of a forward pass. */
export function adapterTensors(
  config: DecoderConfig,
  { rank, targets }: LoraOptions,
): Map<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>();
  for (const [name, [out, into]] of adaptedMatrices(config, targets)) {
    const { a, b } = adapterNames(name);
    shapes.set(a, [rank, into!]).set(b, [out!, rank]);
  }
  return shapes;
}

/** A and B of all adapted matrices, and the weights that a decoder computes with. */
export class LoraAdapter extends NamedTensors implements Trainable {
  /** W of the adapted matrices in f32, all others as in {@linkcode LoraAdapter.base}, whose tensors they are. */
  readonly weights: Weights;
  readonly #pairs = new Map<string, Pair>();
  /** (alpha / rank)·I, [rank, rank]: engines have no op that scales, and a product with it is exact. */
  readonly #scale: Tensor;

  /**
   * A new adapter, which changes nothing yet: A is uniform in ±1/√in, B is 0, as PEFT's are. The bits of A depend on the seed and
   * the name of its matrix alone.
   *
   * @param base weights that are not trained, in any element type; the adapter takes them over
   * @throws {UsageError} if the seed is not an integer of 53 bits
   */
  constructor(readonly base: Weights, readonly options: LoraOptions, seed: number) {
    const { device, config } = base, { rank, alpha, targets } = options;
    super(device, zeros(device, adapterTensors(config, options)));
    const identity = Float32Array.from(
      { length: rank * rank },
      (_, i) => i % (rank + 1) === 0 ? alpha / rank : 0,
    );
    this.#scale = device.upload(identity, [rank, rank]);
    const merged = new Map<string, Tensor>();
    for (const [name, shape] of adaptedMatrices(config, targets)) {
      const names = adapterNames(name), [a, b] = [this.get(names.a), this.get(names.b)];
      const values = new Float32Array(rank * shape[1]!);
      device.write(a, fillUniform(values, 1 / Math.sqrt(shape[1]!), seed, names.a));
      this.#pairs.set(name, { a, b, scaledA: device.alloc(a.shape), scaledB: device.alloc(b.shape) });
      merged.set(name, device.alloc(shape));
    }
    this.weights = base.replaced(merged);
    this.updated();
  }

  /** A and B of a matrix; undefined where it is not adapted. */
  pair(weight: string): Pair | undefined {
    return this.#pairs.get(weight);
  }

  /** Makes W anew from A and B. */
  updated(): void {
    const { device, base, weights } = this;
    for (const [name, { a, b, scaledA, scaledB }] of this.#pairs) {
      device.linearBackwardInput(this.#scale, a, scaledA);
      device.linear(b, this.#scale, scaledB);
      const w = weights.get(name);
      widen(device, base.get(name), w);
      device.linearBackwardInput(scaledB, a, w, true);
    }
  }

  /** Gradients of A and B, 0. */
  newGradients(): LoraGradients {
    return new LoraGradients(this);
  }

  /** Gives the memory back, that of the weights too. */
  override recycle(): void {
    super.recycle();
    this.device.free(this.#scale);
    for (const [name, { scaledA, scaledB }] of this.#pairs) {
      this.device.free(scaledA, scaledB, this.weights.get(name));
    }
    this.base.recycle();
  }
}

/** Gradients of an adapter's A and B; those of everything else are not made. */
export class LoraGradients extends NamedTensors implements Gradients {
  readonly embedding = null;
  readonly head = null;
  readonly #adapter: LoraAdapter;
  /** Takes the gradients of gains, by their number, which the op for a norm's input makes too; nobody reads it. */
  readonly #unread = new Map<number, Tensor>();

  /** See {@linkcode LoraAdapter.newGradients}. */
  constructor(adapter: LoraAdapter) {
    super(adapter.device, zeros(adapter.device, shapesOf(adapter.tensors)));
    this.#adapter = adapter;
  }

  /**
   * With y = x·(W₀ + s·B·A)ᵀ: dB += s·dyᵀ·(x·Aᵀ), dA += s·(dy·B)ᵀ·x. The products are thin; the gradient of W itself is never
   * formed.
   */
  addMap(layer: number, { weight }: LayerMap, dy: Tensor, x: Tensor): void {
    const name = layerName(layer, weight), pair = this.#adapter.pair(name);
    if (!pair) return;
    const { device } = this, { rank } = this.#adapter.options, names = adapterNames(name);
    const thin = device.alloc([x.shape[0]!, rank]);
    device.linear(x, pair.scaledA, thin);
    device.linearBackwardWeight(dy, thin, this.get(names.b), { accumulate: true });
    device.linearBackwardInput(dy, pair.scaledB, thin);
    device.linearBackwardWeight(thin, x, this.get(names.a), { accumulate: true });
    device.free(thin);
  }

  /** Not kept: gains are not trained. */
  gains(name: string): Tensor {
    const size = this.#adapter.base.get(name).shape[0]!;
    let unread = this.#unread.get(size);
    if (!unread) {
      unread = this.device.alloc([size]);
      this.device.fill(unread, 0);
      this.#unread.set(size, unread);
    }
    return unread;
  }

  /** Gives the memory back. */
  override recycle(): void {
    super.recycle();
    this.device.free(...this.#unread.values());
    this.#unread.clear();
  }
}

/** target ← source, whose elements may have 16 bits. */
function widen(device: Device, source: Tensor, target: Tensor): void {
  if (!isHalf(source.dtype)) return device.copy(source, target);
  // Looking up every row in order is the op that widens.
  const rows = source.shape[0]!,
    index = device.upload(Int32Array.from({ length: rows }, (_, i) => i), [rows]);
  device.embedding(index, source, target);
  device.free(index);
}
