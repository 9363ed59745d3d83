/**
 * Linear maps and their gradients.
 *
 * @module
 */
import type { CommandQueue } from "./queue.ts";
import type { GpuTensor } from "./tensor.ts";
import type { Arena } from "./arena.ts";

/** See the module comment. */
export class LinearOps {
  constructor(readonly queue: CommandQueue, readonly arena: Arena) {}

  /** y ← x · wᵀ. */
  forward(x: GpuTensor, w: GpuTensor, y: GpuTensor, bias?: GpuTensor, residual?: GpuTensor): void {
    throw new Error("not there yet");
  }

  /** dx (+)= dy · w. */
  backwardInput(dy: GpuTensor, w: GpuTensor, dx: GpuTensor, accumulate: boolean): void {
    throw new Error("not there yet");
  }

  /** dw (+)= dyᵀ · x. */
  backwardWeight(dy: GpuTensor, x: GpuTensor, dw: GpuTensor, accumulate: boolean, dBias?: GpuTensor): void {
    throw new Error("not there yet");
  }
}
