/**
 * The key/value cache of the WebGPU engine.
 *
 * @module
 */
import type { AttentionShape, CacheRows } from "../attention_types.ts";
import type { Arena } from "./arena.ts";
import { DecodeLists } from "./attention_decode_lists.ts";
import { quads } from "./attention_wgsl.ts";
import { vectorizable } from "./kernel.ts";
import { copyAcrossKernel, copyKernel, growKernel, moverThreads, writeKernel } from "./kv_cache_kernels.ts";
import { CacheRowLists, spanOf } from "./kv_cache_lists.ts";
import { rowBlocks, rowsPerBinding } from "./pieces.ts";
import type { CommandQueue } from "./queue.ts";
import type { GpuTensor } from "./tensor.ts";
import { spread } from "./wgsl.ts";

/** The first `count` tokens of a slot, over another slot. */
interface SlotCopy {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

/**
 * Keys and values per layer: [slots, kvHeads, capacity, headDim], with heads padded to a multiple of four elements, so
 * that the tokens of a head lie together and are read as vec4. What lies past a slot's tokens is undefined.
 */
export class GpuKvCache {
  readonly keys: GpuTensor[] = [];
  readonly values: GpuTensor[] = [];
  readonly #rows: CacheRowLists;
  readonly #decoding: DecodeLists[] = [];
  readonly #copies: SlotCopy[] = [];

  /** Allocates all layers. */
  constructor(
    readonly queue: CommandQueue,
    readonly arena: Arena,
    readonly layers: number,
    readonly slots: number,
    public capacity: number,
    readonly shape: AttentionShape,
  ) {
    this.#rows = new CacheRowLists(queue, arena);
    for (let layer = 0; layer < layers; layer++) {
      this.keys.push(this.#alloc(capacity));
      this.values.push(this.#alloc(capacity));
    }
  }

  /** Work of {@linkcode attentionDecode} on the slots of each block, kept for the other layers. */
  decodeLists(block: number): DecodeLists {
    return this.#decoding[block] ??= new DecodeLists(this.queue, this.arena);
  }

  #alloc(capacity: number): GpuTensor {
    const { kvHeads, headDim } = this.shape;
    return this.arena.alloc([this.slots, kvHeads, capacity, 4 * quads(headDim)], "f32");
  }

  /** Elements of a token's keys. */
  get width(): number {
    return this.shape.kvHeads * this.shape.headDim;
  }

  /** Runs of slots that a kernel can see at once: their keys and values in a layer. */
  *blocks(layer: number): Generator<{ from: number; to: number; keys: GpuTensor; values: GpuTensor }> {
    const keys = this.keys[layer]!, values = this.values[layer]!;
    for (const [from, to] of rowBlocks(this.slots, keys.bytes / this.slots, this.queue.maxBinding)) {
      yield { from, to, keys: keys.rows(from, to), values: values.rows(from, to) };
    }
  }

  /** Fails unless slot and layer are there. */
  check(slot: number, layer = 0): void {
    if (!(slot >= 0 && slot < this.slots)) throw new Error(`cache: slot ${slot} of ${this.slots}`);
    if (!(layer >= 0 && layer < this.layers)) throw new Error(`cache: layer ${layer} of ${this.layers}`);
  }

  /** Makes room for `capacity` tokens a slot, and for half as many again as there were: each growth copies everything. */
  #grow(capacity: number): void {
    const wanted = Math.ceil(Math.max(capacity, 1.5 * this.capacity) / 32) * 32;
    const { kvHeads, headDim } = this.shape, before = this.capacity;
    const old = { keys: [...this.keys], values: [...this.values] };
    this.capacity = wanted;
    // What a binding holds of a cache depends on its capacity.
    this.#rows.forget();
    for (let layer = 0; layer < this.layers; layer++) {
      this.keys[layer] = this.#alloc(wanted);
      this.values[layer] = this.#alloc(wanted);
      for (const { from, to, keys, values } of this.blocks(layer)) {
        const count = (to - from) * kvHeads * before * quads(headDim);
        this.queue.run(
          growKernel(this.queue),
          {
            keys_from: old.keys[layer]!.rows(from, to),
            values_from: old.values[layer]!.rows(from, to),
            keys_to: keys,
            values_to: values,
          },
          { count, before: before * quads(headDim), after: wanted * quads(headDim) },
          spread(Math.ceil(count / moverThreads), this.queue.maxGroups),
        );
      }
      this.arena.release(old.keys[layer]!);
      this.arena.release(old.values[layer]!);
    }
  }

  /** Writes rows of k and v to slots, see `Device.cacheWrite`; the cache grows where they need it. */
  put(layer: number, k: GpuTensor, v: GpuTensor, rows: readonly CacheRows[]): void {
    const total = k.shape[0]!;
    if (k.shape[1] !== this.width || v.shape[1] !== this.width || v.shape[0] !== total) {
      throw new Error(`cacheWrite: k [${k.shape}], v [${v.shape}] for rows of ${this.width}`);
    }
    this.check(0, layer);
    this.settle();
    if (!this.#rows.knows(rows) || this.#rows.span.end > total) {
      this.#makeRoom(rows, total);
      const { first, end } = spanOf(rows);
      if (first >= end) return;
      // A range fits where its slot does, but they may lie far apart.
      if (rows.length > 1 && end - first > rowsPerBinding(4 * this.width, this.queue.maxBinding)) {
        for (const one of rows) this.put(layer, k, v, [one]);
        return;
      }
      this.#rows.make(rows, [...this.blocks(layer)]);
    }
    this.#write(layer, k, v);
  }

  /** Checks rows of k and v, of `total`, and grows where they need it. */
  #makeRoom(rows: readonly CacheRows[], total: number): void {
    let needed = 0;
    for (const { row, count, slot, position } of rows) {
      this.check(slot);
      if (!(row >= 0 && count >= 0 && row + count <= total && position >= 0)) {
        throw new Error(`cacheWrite: rows [${row}, ${row + count}) of ${total} to position ${position}`);
      }
      needed = Math.max(needed, position + count);
    }
    if (needed > this.capacity) this.#grow(needed);
  }

  /** Writes the rows that the last lists are of. */
  #write(layer: number, k: GpuTensor, v: GpuTensor): void {
    const { headDim, kvHeads } = this.shape, { span: { first, end }, pieces } = this.#rows;
    const ks = k.rows(first, end), vs = v.rows(first, end);
    const spec = { headDim, group: 1, vector: vectorizable(headDim, ks, vs) };
    let block = 0;
    for (const { keys, values } of this.blocks(layer)) {
      const { list, count } = pieces[block++]!;
      this.queue.run(
        writeKernel(this.queue, spec),
        { list, k: ks, v: vs, keys, values },
        { pieces: count, kv_heads: kvHeads, capacity: this.capacity },
        spread(count, this.queue.maxGroups),
      );
    }
  }

  /**
   * Copies the first `count` tokens of a slot over another. Copies wait until the cache is used, and are made together then:
   * the samples of a batch of prompts are hundreds of them, each in all layers.
   */
  copySlot(from: number, to: number, count: number): void {
    this.check(from);
    this.check(to);
    if (!(count >= 0 && count <= this.capacity)) {
      throw new Error(`cacheCopy: ${count} tokens of ${this.capacity}`);
    }
    if (from === to || count === 0) return;
    // Those that are made together must not touch what another one writes.
    if (this.#copies.some((copy) => copy.to === from || copy.to === to || copy.from === to)) this.settle();
    this.#copies.push({ from, to, count });
  }

  /** Makes the copies that wait; to be called before tokens are read. */
  settle(): void {
    const copies = this.#copies.splice(0);
    if (copies.length === 0) return;
    for (let layer = 0; layer < this.layers; layer++) {
      for (const { from, to, keys, values } of this.blocks(layer)) {
        const within = copies.filter((copy) =>
          copy.from >= from && copy.from < to && copy.to >= from && copy.to < to
        );
        this.#copyWithin(
          keys,
          values,
          within.flatMap((copy) => [copy.from - from, copy.to - from, copy.count]),
        );
        for (const copy of copies) {
          if (copy.from >= from && copy.from < to && !within.includes(copy)) this.#copyAcross(layer, copy);
        }
      }
    }
  }

  #copyWithin(keys: GpuTensor, values: GpuTensor, list: readonly number[]): void {
    const { kvHeads, headDim } = this.shape, copies = list.length / 3;
    this.queue.run(
      copyKernel(this.queue, headDim),
      { list: Int32Array.from(list), keys, values },
      { copies, kv_heads: kvHeads, capacity: this.capacity },
      spread(copies * kvHeads, this.queue.maxGroups),
    );
  }

  #copyAcross(layer: number, { from, to, count }: SlotCopy): void {
    const { kvHeads, headDim } = this.shape, total = kvHeads * count * quads(headDim);
    const slotOf = (tensor: GpuTensor, slot: number) => tensor.rows(slot, slot + 1);
    this.queue.run(
      copyAcrossKernel(this.queue),
      {
        keys_from: slotOf(this.keys[layer]!, from),
        values_from: slotOf(this.values[layer]!, from),
        keys_to: slotOf(this.keys[layer]!, to),
        values_to: slotOf(this.values[layer]!, to),
      },
      { count: total, before: count * quads(headDim), after: this.capacity * quads(headDim) },
      spread(Math.ceil(total / moverThreads), this.queue.maxGroups),
    );
  }

  /** Gives the memory back. */
  free(): void {
    this.#rows.free();
    for (const lists of this.#decoding) lists.free();
    for (const tensor of [...this.keys, ...this.values]) this.arena.release(tensor);
  }
}
