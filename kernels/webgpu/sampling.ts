/**
 * Draws a token from each row of logits: the largest, or the one at which the cumulative distribution, in the order of
 * ids, passes a uniform number.
 *
 * The place is located in three levels: the segment of the vocabulary, the block of 32 tokens in it, the token. At each
 * level the shares are added up one after the other from the first, so a token depends on its logits and its uniform
 * number only, and a larger number never gives a lower id. Where rounding leaves a sliver past the end, the last token
 * that has any probability is drawn.
 *
 * @module
 */
import type { CommandQueue } from "./queue.ts";
import { drawCode, greedyCode, truncated, whole } from "./sampling_wgsl.ts";
import type { GpuTensor } from "./tensor.ts";
import type { Edges } from "./truncation.ts";

const params = { vocab: "u32", segments: "u32", inverse_t: "f32" } as const;

/** Logits of a block of rows, with what is known of them. */
export interface Distribution {
  /** [rows, vocab] */
  readonly logits: GpuTensor;
  /** Sums of their segments, [rows, segments, 3]. */
  readonly sums: GpuTensor;
  /** 1 / temperature */
  readonly inverseT: number;
}

/** Kernels that choose tokens. All write ids i32 [rows], and chosen [rows]: the tokens' logits. */
export class SamplingKernels {
  constructor(readonly queue: CommandQueue) {}

  /** Takes the largest logit, the lowest id among equals. */
  greedy(distribution: Distribution, ids: GpuTensor, chosen: GpuTensor): void {
    const kernel = this.queue.kernel("sample-greedy", () => ({
      name: "sample-greedy",
      params,
      bindings: { logits: "in f32", sums: "in f32", ids: "out i32", chosen: "out f32" },
      code: greedyCode,
    }));
    const { logits, sums } = distribution;
    this.queue.run(kernel, { logits, sums, ids, chosen }, paramsOf(distribution), [ids.size]);
  }

  /** Draws from the whole distribution. */
  draw(distribution: Distribution, uniforms: Float32Array, ids: GpuTensor, chosen: GpuTensor): void {
    const kernel = this.queue.kernel("sample", () => ({
      name: "sample",
      params,
      bindings: { logits: "in f32", sums: "in f32", uniforms: "in f32", ids: "out i32", chosen: "out f32" },
      code: drawCode(whole),
    }));
    const { logits, sums } = distribution;
    this.queue.run(kernel, { logits, sums, uniforms, ids, chosen }, paramsOf(distribution), [ids.size]);
  }

  /**
   * Draws from what top-k and top-p keep.
   *
   * @param nucleus whether top-p was applied, so that not all tokens on the edge may be kept
   */
  drawTruncated(
    distribution: Distribution,
    uniforms: Float32Array,
    { edges, shares }: Edges,
    nucleus: boolean,
    ids: GpuTensor,
    chosen: GpuTensor,
  ): void {
    const kernel = this.queue.kernel("sample-truncated", () => ({
      name: "sample-truncated",
      params: { ...params, nucleus: "u32" },
      bindings: {
        logits: "in f32",
        sums: "in f32",
        uniforms: "in f32",
        edges: "in u32",
        shares: "in f32",
        ids: "out i32",
        chosen: "out f32",
      },
      code: drawCode(truncated),
    }));
    const { logits, sums } = distribution;
    const values = { ...paramsOf(distribution), nucleus: nucleus ? 1 : 0 };
    this.queue.run(kernel, { logits, sums, uniforms, edges, shares, ids, chosen }, values, [ids.size]);
  }
}

function paramsOf({ logits, sums, inverseT }: Distribution) {
  return { vocab: logits.shape[1]!, segments: sums.shape[1]!, inverse_t: inverseT };
}
