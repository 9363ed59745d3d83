/**
 * Statistics of rows of logits: log-sum-exp, entropy and the log-probability of a token, from sums by segment.
 *
 * With z = logits / T and m the largest z of a segment, a segment is summed up as m, Σ exp(z − m), Σ exp(z − m)·(z − m).
 * Relative to the largest z of the row these add up to S and U, and log Σ exp z = M + log S, entropy = log S − U/S.
 *
 * @module
 */
import type { Tiling } from "./lm_head_tiles.ts";
import { columnsPerThread, lowest, rowMax, threads, trees } from "./lm_head_wgsl.ts";
import type { CommandQueue } from "./queue.ts";
import type { GpuTensor } from "./tensor.ts";

/** Numbers of a segment's sums. */
export const sumsPerSegment = 3;

const sumsParams = {
  width: "u32",
  segment: "u32",
  segments: "u32",
  first: "u32",
  inverse_t: "f32",
} as const;

// A workgroup for each segment (x) and row (y) of a tile of logits, [rows, width]; `first`: the tile's first segment.
const sumsCode = (chosen: boolean) =>
  `${trees}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let row = group.y;
  let start = group.x * p.segment;
  let count = min(p.segment, p.width - start);
  let at = p.logits_base + row * p.width + start;
  var top = ${lowest};
  for (var k = 0u; k < ${columnsPerThread}u; k++) {
    let column = k * ${threads}u + local;
    if (column < count) { top = max(top, logits[at + column] * p.inverse_t); }
  }
  top = tree_max(top, local);
  var sum = vec2<f32>();
  for (var k = 0u; k < ${columnsPerThread}u; k++) {
    let column = k * ${threads}u + local;
    if (column < count) {
      let d = fma(logits[at + column], p.inverse_t, -top);
      let e = exp(d);
      sum += vec2<f32>(e, e * d);
    }
  }
  sum = tree_sum(sum, local);
  if (local == 0u) {
    let to = p.sums_base + ${sumsPerSegment}u * (row * p.segments + p.first + group.x);
    sums[to] = top;
    sums[to + 1u] = sum.x;
    sums[to + 2u] = sum.y;
${
    chosen
      ? `    let token = ids[p.ids_base + row] - i32((p.first + group.x) * p.segment);
    if (token >= 0 && token < i32(count)) { chosen[p.chosen_base + row] = logits[at + u32(token)]; }`
      : ""
  }
  }
}`;

// A workgroup a row.
const mergeCode = `${trees}${rowMax}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let row = group.x;
  let largest = row_max(row, local);
  var part = vec2<f32>();
  for (var s = local; s < p.segments; s += ${threads}u) {
    let source = p.sums_base + ${sumsPerSegment}u * (row * p.segments + s);
    let below = sums[source] - largest;
    part += exp(below) * vec2<f32>(sums[source + 1u], fma(below, sums[source + 1u], sums[source + 2u]));
  }
  let total = tree_sum(part, local);
  if (local == 0u) {
    let lse = largest + log(total.x);
    let to = p.statistics_base + 3u * row;
    statistics[to] = fma(chosen[p.chosen_base + row], p.inverse_t, -lse);
    statistics[to + 1u] = lse;
    statistics[to + 2u] = log(total.x) - total.y / total.x;
  }
}`;

/** Kernels of the statistics. */
export class StatisticsKernels {
  constructor(readonly queue: CommandQueue) {}

  /**
   * Sums up the segments of a tile of logits.
   *
   * @param logits [rows, columns], of which the first is column `column` of the vocabulary
   * @param sums [rows, segments, 3]
   * @param token where the logits of given tokens go: chosen[i] ← logit of ids[i], if the tile has it
   */
  sumUp(
    logits: GpuTensor,
    column: number,
    { segment, segments }: Tiling,
    inverseT: number,
    sums: GpuTensor,
    token?: { readonly ids: Int32Array; readonly chosen: GpuTensor },
  ): void {
    const [rows, width] = logits.shape as [number, number];
    const params = { width, segment, segments, first: column / segment, inverse_t: inverseT };
    const groups = [Math.ceil(width / segment), rows] as const;
    if (!token) {
      const kernel = this.queue.kernel("lm-head-sums", () => ({
        name: "lm-head-sums",
        params: sumsParams,
        bindings: { logits: "in f32", sums: "out f32" },
        code: sumsCode(false),
      }));
      return this.queue.run(kernel, { logits, sums }, params, groups);
    }
    const kernel = this.queue.kernel("lm-head-sums-of-tokens", () => ({
      name: "lm-head-sums-of-tokens",
      params: sumsParams,
      bindings: { logits: "in f32", ids: "in i32", sums: "out f32", chosen: "out f32" },
      code: sumsCode(true),
    }));
    this.queue.run(kernel, { logits, sums, ...token }, params, groups);
  }

  /** statistics[rows, 3] ← logProb, logSumExp and entropy, from all segments' sums and the chosen tokens' logits [rows]. */
  merge(sums: GpuTensor, chosen: GpuTensor, segments: number, inverseT: number, statistics: GpuTensor): void {
    const kernel = this.queue.kernel("lm-head-merge", () => ({
      name: "lm-head-merge",
      params: { segments: "u32", inverse_t: "f32" },
      bindings: { sums: "in f32", chosen: "in f32", statistics: "out f32" },
      code: mergeCode,
    }));
    this.queue.run(kernel, { sums, chosen, statistics }, { segments, inverse_t: inverseT }, [chosen.size]);
  }
}
