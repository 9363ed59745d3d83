/**
 * The key/value cache of the WebGPU engine.
 *
 * @module
 */
import type { AttentionShape, CacheRows } from "../device.ts";
import type { Arena } from "./arena.ts";
import type { CommandQueue } from "./queue.ts";
import type { GpuTensor } from "./tensor.ts";

/** Keys and values per layer. */
export class GpuKvCache {
  /** Allocates all layers. */
  constructor(
    readonly queue: CommandQueue,
    readonly arena: Arena,
    readonly layers: number,
    readonly slots: number,
    public capacity: number,
    readonly shape: AttentionShape,
  ) {
    throw new Error("not there yet");
  }

  /** Elements of a token's keys. */
  get width(): number {
    return this.shape.kvHeads * this.shape.headDim;
  }

  /** Fails unless slot and layer are there. */
  check(slot: number, layer = 0): void {
    if (!(slot >= 0 && slot < this.slots)) throw new Error(`cache: slot ${slot} of ${this.slots}`);
    if (!(layer >= 0 && layer < this.layers)) throw new Error(`cache: layer ${layer} of ${this.layers}`);
  }

  /** Makes room for `capacity` tokens a slot. */
  grow(_capacity: number): void {
    throw new Error("not there yet");
  }

  /** Writes rows of k and v to slots. */
  write(_layer: number, _k: GpuTensor, _v: GpuTensor, _rows: readonly CacheRows[]): void {
    throw new Error("not there yet");
  }

  /** Copies the first `count` tokens of a slot over another. */
  copySlot(_from: number, _to: number, _count: number): void {
    throw new Error("not there yet");
  }

  /** Gives the memory back. */
  free(): void {
    throw new Error("not there yet");
  }
}
