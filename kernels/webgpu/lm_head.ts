/**
 * The vocabulary head.
 *
 * @module
 */
import type { CommandQueue } from "./queue.ts";
import type { GpuTensor } from "./tensor.ts";
import type { Arena } from "./arena.ts";
import type { SampledTokens, SamplingSpec, TokenStatistics } from "../device.ts";
import type { LinearOps } from "./linear.ts";

/** See the module comment. */
export class LmHeadOps {
  constructor(readonly queue: CommandQueue, readonly arena: Arena, readonly linear: LinearOps) {}

  /** Statistics. */
  statistics(
    h: GpuTensor,
    w: GpuTensor,
    ids: Int32Array,
    temperature: number,
    forBackward: boolean,
  ): Promise<TokenStatistics> {
    throw new Error("not there yet");
  }

  /** Frees what was kept. */
  discard(statistics: TokenStatistics): void {
    throw new Error("not there yet");
  }

  /** Gradient. */
  backward(
    h: GpuTensor,
    w: GpuTensor,
    ids: Int32Array,
    temperature: number,
    statistics: TokenStatistics,
    gradient: { dLogProb: Float32Array; dEntropy?: Float32Array },
    dh: GpuTensor,
    dw: GpuTensor | null,
  ): void {
    throw new Error("not there yet");
  }

  /** Draws. */
  sample(h: GpuTensor, w: GpuTensor, uniforms: Float32Array, spec: SamplingSpec): Promise<SampledTokens> {
    throw new Error("not there yet");
  }

  /** All logits. */
  logits(h: GpuTensor, w: GpuTensor, y: GpuTensor): void {
    throw new Error("not there yet");
  }
}
