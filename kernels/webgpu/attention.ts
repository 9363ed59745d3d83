/**
 * Attention.
 *
 * @module
 */
import type { CommandQueue } from "./queue.ts";
import type { GpuTensor } from "./tensor.ts";
import type { Arena } from "./arena.ts";
import type { AttentionShape, Segment } from "../device.ts";
import type { GpuKvCache } from "./kv_cache.ts";

/** See the module comment. */
export class AttentionOps {
  constructor(readonly queue: CommandQueue, readonly arena: Arena) {}

  /** Forward. */
  forward(
    q: GpuTensor,
    k: GpuTensor,
    v: GpuTensor,
    segments: readonly Segment[],
    shape: AttentionShape,
    y: GpuTensor,
    lse: GpuTensor,
  ): void {
    throw new Error("not there yet");
  }

  /** Gradient. */
  backward(
    dy: GpuTensor,
    q: GpuTensor,
    k: GpuTensor,
    v: GpuTensor,
    y: GpuTensor,
    lse: GpuTensor,
    segments: readonly Segment[],
    shape: AttentionShape,
    dq: GpuTensor,
    dk: GpuTensor,
    dv: GpuTensor,
  ): void {
    throw new Error("not there yet");
  }

  /** Decoding. */
  decode(q: GpuTensor, cache: GpuKvCache, layer: number, lengths: Int32Array, y: GpuTensor): void {
    throw new Error("not there yet");
  }
}
