/**
 * Ops that move or sum whole rows.
 *
 * @module
 */
import type { CommandQueue } from "./queue.ts";
import type { GpuTensor } from "./tensor.ts";
import type { Arena } from "./arena.ts";
/** Pieces of a stream that make one pooled vector. */
export type Ranges = readonly { start: number; end: number }[];

/** See the module comment. */
export class RowOps {
  constructor(readonly queue: CommandQueue, readonly arena: Arena) {}

  /** y ← w[ids]. */
  embedding(ids: GpuTensor, w: GpuTensor, y: GpuTensor): void {
    throw new Error("not there yet");
  }

  /** y[index[i]] += x[i]. */
  scatterAddRows(x: GpuTensor, index: GpuTensor, y: GpuTensor): void {
    throw new Error("not there yet");
  }

  /** y ← x[index]. */
  gatherRows(x: GpuTensor, index: GpuTensor, y: GpuTensor): void {
    throw new Error("not there yet");
  }

  /** Means over ranges. */
  meanPool(x: GpuTensor, ranges: readonly Ranges[], pooled: GpuTensor): void {
    throw new Error("not there yet");
  }

  /** Its gradient. */
  meanPoolBackward(dPooled: GpuTensor, ranges: readonly Ranges[], dx: GpuTensor): void {
    throw new Error("not there yet");
  }
}
