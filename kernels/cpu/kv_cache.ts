/**
 * The key/value cache of the CPU engine.
 *
 * @module
 */
import type { AttentionShape, CacheRows } from "../attention_types.ts";
import type { CpuTensor, Pool } from "./tensor.ts";

/** Keys and values per layer: [slots, kvHeads, capacity, headDim]. */
export class CpuKvCache {
  readonly keys: CpuTensor[] = [];
  readonly values: CpuTensor[] = [];

  /** Allocates all layers. */
  constructor(
    readonly pool: Pool,
    readonly layers: number,
    readonly slots: number,
    public capacity: number,
    readonly shape: AttentionShape,
  ) {
    // Masked keys are multiplied by 0, so what lies there must be finite.
    for (let layer = 0; layer < layers; layer++) {
      for (const list of [this.keys, this.values]) {
        const tensor = this.#alloc(capacity);
        tensor.f32.fill(0);
        list.push(tensor);
      }
    }
  }

  /** Content is undefined. */
  #alloc(capacity: number): CpuTensor {
    return this.pool.alloc([this.slots, this.shape.kvHeads, capacity, this.shape.headDim], "f32");
  }

  /**
   * Makes room for `capacity` tokens a slot, and for a quarter more than there was: each growth copies everything.
   * Not for much more, since decoding reads all of it.
   */
  grow(capacity: number): void {
    const wanted = Math.ceil(Math.max(capacity, 1.25 * this.capacity) / 32) * 32;
    const { kvHeads, headDim } = this.shape;
    for (const list of [this.keys, this.values]) {
      for (let layer = 0; layer < this.layers; layer++) {
        const old = list[layer]!, next = this.#alloc(wanted);
        for (let head = 0; head < this.slots * kvHeads; head++) {
          const from = head * this.capacity * headDim, to = head * wanted * headDim;
          next.f32.set(old.f32.subarray(from, from + this.capacity * headDim), to);
          next.f32.fill(0, to + this.capacity * headDim, to + wanted * headDim);
        }
        this.pool.release(old);
        list[layer] = next;
      }
    }
    this.capacity = wanted;
  }

  /** Elements of a token's keys. */
  get width(): number {
    return this.shape.kvHeads * this.shape.headDim;
  }

  /** Fails unless slot and layer are there. */
  #check(slot: number, layer = 0): void {
    if (!(slot >= 0 && slot < this.slots)) throw new Error(`cache: slot ${slot} of ${this.slots}`);
    if (!(layer >= 0 && layer < this.layers)) throw new Error(`cache: layer ${layer} of ${this.layers}`);
  }

  /** See {@linkcode Device.cacheWrite}. */
  write(layer: number, k: CpuTensor, v: CpuTensor, rows: readonly CacheRows[]): void {
    const total = k.shape[0]!;
    if (k.shape[1] !== this.width || v.shape[1] !== this.width || v.shape[0] !== total) {
      throw new Error(`cacheWrite: k [${k.shape}], v [${v.shape}] for rows of ${this.width}`);
    }
    let needed = 0;
    for (const { row, count, slot, position } of rows) {
      this.#check(slot, layer);
      if (!(row >= 0 && count >= 0 && row + count <= total && position >= 0)) {
        throw new Error(`cacheWrite: rows [${row}, ${row + count}) of ${total} to position ${position}`);
      }
      needed = Math.max(needed, position + count);
    }
    if (needed > this.capacity) this.grow(needed);
    const to = { keys: this.keys[layer]!.f32, values: this.values[layer]!.f32 };
    const { kvHeads, headDim } = this.shape, sizes = { kvHeads, headDim, capacity: this.capacity };
    const isPaired = headDim % 2 === 0 && k.f32.byteOffset % 8 === 0 && v.f32.byteOffset % 8 === 0;
    if (!isPaired) return copyHeads(k.f32, v.f32, to.keys, to.values, rows, sizes);
    // Two elements at a time, which takes half as long. No two finite ones are a NaN, whose bits might change.
    copyHeads(inPairs(k.f32), inPairs(v.f32), inPairs(to.keys), inPairs(to.values), rows, {
      ...sizes,
      headDim: headDim / 2,
    });
  }

  /** Copies the first `count` tokens of a slot over another. */
  copySlot(from: number, to: number, count: number): void {
    const { kvHeads, headDim } = this.shape;
    this.#check(from);
    this.#check(to);
    if (!(count >= 0 && count <= this.capacity)) {
      throw new Error(`cacheCopy: ${count} tokens of ${this.capacity}`);
    }
    for (const list of [this.keys, this.values]) {
      for (const { f32 } of list) {
        for (let head = 0; head < kvHeads; head++) {
          const source = (from * kvHeads + head) * this.capacity * headDim;
          f32.copyWithin((to * kvHeads + head) * this.capacity * headDim, source, source + count * headDim);
        }
      }
    }
  }

  /** Gives the memory back. */
  free(): void {
    for (const tensor of [...this.keys, ...this.values]) this.pool.release(tensor);
  }
}

/** The same memory, two elements as one, where it starts at a multiple of eight bytes: all does but views of odd rows. */
function inPairs(data: Float32Array): Float64Array {
  return new Float64Array(data.buffer, data.byteOffset, data.length / 2);
}

/** Copies rows [n, kvHeads, headDim] to their places in caches [slots, kvHeads, capacity, headDim]. */
function copyHeads<T extends Float32Array | Float64Array>(
  k: T,
  v: T,
  keys: T,
  values: T,
  rows: readonly CacheRows[],
  { kvHeads, headDim, capacity }: { kvHeads: number; headDim: number; capacity: number },
): void {
  for (const { row, count, slot, position } of rows) {
    for (let i = 0; i < count; i++) {
      for (let head = 0; head < kvHeads; head++) {
        const from = ((row + i) * kvHeads + head) * headDim;
        const to = ((slot * kvHeads + head) * capacity + position + i) * headDim;
        // A loop, since making a view of so few elements takes longer than copying them.
        for (let j = 0; j < headDim; j++) {
          keys[to + j] = k[from + j]!;
          values[to + j] = v[from + j]!;
        }
      }
    }
  }
}
