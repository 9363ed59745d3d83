/**
 * InfoNCE and its gradients.
 *
 * @module
 */
import type { CommandQueue } from "./queue.ts";
import type { GpuTensor } from "./tensor.ts";
import type { Arena } from "./arena.ts";
import type { InfoNceSpec } from "../device.ts";

/** See the module comment. */
export class InfoNceOps {
  constructor(readonly queue: CommandQueue, readonly arena: Arena) {}

  /** Loss. */
  loss(
    q: GpuTensor,
    candidates: GpuTensor,
    spec: InfoNceSpec,
    dq: GpuTensor,
    dc: GpuTensor,
  ): Promise<number> {
    throw new Error("not there yet");
  }
}
