/**
 * RMSNorm and L2 norm by rows.
 *
 * @module
 */
import type { CommandQueue } from "./queue.ts";
import type { GpuTensor } from "./tensor.ts";
import type { Arena } from "./arena.ts";

/** See the module comment. */
export class NormOps {
  constructor(readonly queue: CommandQueue, readonly arena: Arena) {}

  /** RMSNorm. */
  rmsNorm(x: GpuTensor, w: GpuTensor, eps: number, y: GpuTensor): void {
    throw new Error("not there yet");
  }

  /** Its gradient. */
  rmsNormBackward(
    dy: GpuTensor,
    x: GpuTensor,
    w: GpuTensor,
    eps: number,
    dx: GpuTensor,
    dw: GpuTensor,
    accumulate: boolean,
  ): void {
    throw new Error("not there yet");
  }

  /** L2. */
  l2Normalize(x: GpuTensor, y: GpuTensor): void {
    throw new Error("not there yet");
  }

  /** Its gradient. */
  l2NormalizeBackward(dy: GpuTensor, x: GpuTensor, dx: GpuTensor): void {
    throw new Error("not there yet");
  }
}
