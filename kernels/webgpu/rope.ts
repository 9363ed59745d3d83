/**
 * Rotary positions.
 *
 * @module
 */
import type { CommandQueue } from "./queue.ts";
import type { GpuTensor } from "./tensor.ts";
import type { Arena } from "./arena.ts";
import type { RopeTable } from "../device.ts";
/** Table. */
export interface GpuRopeTable extends RopeTable {
  readonly cos: GpuTensor;
}

/** See the module comment. */
export class RopeOps {
  constructor(readonly queue: CommandQueue, readonly arena: Arena) {}

  /** Table. */
  table(inverseFrequencies: Float64Array, positions: number): RopeTable {
    throw new Error("not there yet");
  }

  /** Rotation. */
  rotate(
    x: GpuTensor,
    positions: Int32Array,
    table: GpuRopeTable,
    heads: number,
    y: GpuTensor,
    inverse: boolean,
  ): void {
    throw new Error("not there yet");
  }
}
