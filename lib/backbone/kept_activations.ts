/**
 * Activations that decoding leaves behind, for the update that follows: the forward pass of an update on the very weights that
 * sampled would compute the same numbers again, to the last bit where an engine decodes with training's bits. Products with
 * weights are kept; attention, which costs little beside them, is run again.
 *
 * @module
 */
import type { Tensor } from "../../kernels/tensor_types.ts";
import type { DecoderConfig } from "./config.ts";
import type { Activations, Decoder, ForwardTargets, PackedBatch } from "./decoder.ts";
import { allocProducts, attendedAgain, type LayerProducts } from "./decoder_layer.ts";

/** Rows that a pass has written. */
export interface KeptRows extends ForwardTargets {
  /** Number of the first; the others follow. */
  readonly first: number;
}

/** Bytes that a row takes. */
export function keptBytesPerRow(config: DecoderConfig): number {
  const { layers, hiddenSize, heads, kvHeads, headDim, intermediateSize, qkNorm } = config;
  const projected = (heads + kvHeads) * headDim * (qkNorm ? 2 : 1) + kvHeads * headDim;
  return 4 * (layers * (2 * hiddenSize + projected + 2 * intermediateSize) + hiddenSize);
}

/** The activations of some rows, each run once by a forward pass. Valid until a weight changes. */
export class KeptActivations {
  readonly #decoder: Decoder;
  readonly #capacity: number;
  /** Inputs of the layers, and what is normed in the end, [capacity, hidden] each. */
  readonly #x: readonly Tensor[];
  readonly #products: readonly LayerProducts[];
  #rows = 0;

  /** Room for `capacity` rows; memory is touched as rows are written. */
  constructor(decoder: Decoder, capacity: number) {
    const { device, config } = decoder, context = decoder.context(new Int32Array(0));
    this.#decoder = decoder;
    this.#capacity = capacity;
    this.#x = Array.from({ length: config.layers + 1 }, () => device.alloc([capacity, config.hiddenSize]));
    this.#products = Array.from({ length: config.layers }, () => allocProducts(context, capacity));
  }

  /** Room for the next `count` rows, to be written by a forward pass. */
  take(count: number): KeptRows {
    const { device } = this.#decoder, first = this.#rows, end = first + count;
    if (end > this.#capacity) throw new Error(`KeptActivations: ${end} rows of ${this.#capacity}`);
    this.#rows = end;
    return {
      first,
      x: (layer) => device.rows(this.#x[layer]!, first, end),
      products: (layer) => mapped(this.#products[layer]!, (tensor) => device.rows(tensor, first, end)),
    };
  }

  /**
   * What {@linkcode Decoder.forwardTraining} would give for a batch of rows that are here.
   *
   * @param rows of each row of the batch, its number here, [n]
   */
  activations(batch: PackedBatch, rows: Int32Array): Activations {
    const { device, config } = this.#decoder,
      context = this.#decoder.context(batch.positions),
      n = rows.length;
    if (n !== batch.ids.length) throw new Error(`KeptActivations: ${n} rows for ${batch.ids.length} tokens`);
    const index = device.upload(rows, [n]);
    const gathered = (tensor: Tensor): Tensor => {
      const target = device.alloc([n, tensor.shape[1]!]);
      device.gatherRows(tensor, index, target);
      return target;
    };
    const last = gathered(this.#x[config.layers]!);
    return {
      batch,
      hidden: this.#decoder.finalNorm(last),
      last,
      context,
      layer: (layer) => {
        const products = mapped(this.#products[layer]!, gathered), x = gathered(this.#x[layer]!);
        return { ...products, x, ...attendedAgain(context, products, batch.segments) };
      },
      discardLayers: () => device.free(index),
    };
  }

  /** Gives the memory back. */
  free(): void {
    this.#decoder.device.free(...this.#x, ...this.#products.flatMap((products) => Object.values(products)));
  }
}

function mapped(products: LayerProducts, f: (tensor: Tensor) => Tensor): LayerProducts {
  const entries = Object.entries(products) as [keyof LayerProducts, Tensor][];
  return Object.fromEntries(entries.map(([name, tensor]) => [name, f(tensor)])) as unknown as LayerProducts;
}
