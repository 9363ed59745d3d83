/**
 * AdamW and the global norm.
 *
 * @module
 */
import type { CommandQueue } from "./queue.ts";
import type { GpuTensor } from "./tensor.ts";
import type { Arena } from "./arena.ts";
import type { AdamWSpec } from "../device.ts";

/** See the module comment. */
export class OptimizerOps {
  constructor(readonly queue: CommandQueue, readonly arena: Arena) {}

  /** Norm. */
  globalNorm(gradients: readonly GpuTensor[]): Promise<number> {
    throw new Error("not there yet");
  }

  /** AdamW. */
  adamW(parameter: GpuTensor, gradient: GpuTensor, m: GpuTensor, v: GpuTensor, spec: AdamWSpec): void {
    throw new Error("not there yet");
  }
}
