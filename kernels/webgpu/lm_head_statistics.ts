/**
 * Statistics of rows of logits: log-sum-exp, entropy and the log-probability of a token, from sums by segment.
 *
 * With z = logits / T and m the largest z of a segment, a segment is summed up as m, Σ exp(z − m), Σ exp(z − m)·(z − m).
 * Relative to the largest z of the row these add up to S and U, and log Σ exp z = M + log S, entropy = log S − U/S.
 *
 * @module
 */
import { segmentColumns } from "./lm_head_tiles.ts";
import { columnsPerThread, lowest, rowMax, threads, trees } from "./lm_head_wgsl.ts";
import type { CommandQueue } from "./queue.ts";
import type { GpuTensor } from "./tensor.ts";

/** Numbers of a segment's sums. */
export const sumsPerSegment = 3;

// A workgroup for each segment (x) and row (y) of a tile of logits, [rows, width]; `first`: the tile's first segment.
const sumsCode = `${trees}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let row = group.y;
  let start = group.x * ${segmentColumns}u;
  let count = min(${segmentColumns}u, p.width - start);
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
    let token = ids[p.ids_base + row] - i32((p.first + group.x) * ${segmentColumns}u);
    if (token >= 0 && token < i32(count)) { chosen[p.chosen_base + row] = logits[at + u32(token)]; }
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
   * Sums up the segments of a tile of logits. (Sampling, which has no tokens yet, uses the same kernel, with ids of −1: two
   * variants might be compiled to different roundings.)
   *
   * @param logits [rows, columns]
   * @param column of the vocabulary that is the tile's first
   * @param ids tokens, one a row
   * @param sums [rows, segments, 3]
   * @param chosen [rows] ← logits of the tokens that lie in the tile
   */
  sumUp(
    logits: GpuTensor,
    column: number,
    ids: Int32Array,
    inverseT: number,
    sums: GpuTensor,
    chosen: GpuTensor,
  ): void {
    const [rows, width] = logits.shape as [number, number];
    const kernel = this.queue.kernel("lm-head-sums", () => ({
      name: "lm-head-sums",
      params: { width: "u32", segments: "u32", first: "u32", inverse_t: "f32" },
      bindings: { logits: "in f32", ids: "in i32", sums: "out f32", chosen: "out f32" },
      code: sumsCode,
    }));
    this.queue.run(
      kernel,
      { logits, ids, sums, chosen },
      { width, segments: sums.shape[1]!, first: column / segmentColumns, inverse_t: inverseT },
      [Math.ceil(width / segmentColumns), rows],
    );
  }

  /** statistics[rows, 3] ← logProb, logSumExp and entropy, from all segments' sums and the chosen tokens' logits. */
  merge(sums: GpuTensor, chosen: GpuTensor, inverseT: number, statistics: GpuTensor): void {
    const kernel = this.queue.kernel("lm-head-merge", () => ({
      name: "lm-head-merge",
      params: { segments: "u32", inverse_t: "f32" },
      bindings: { sums: "in f32", chosen: "in f32", statistics: "out f32" },
      code: mergeCode,
    }));
    this.queue.run(kernel, { sums, chosen, statistics }, { segments: sums.shape[1]!, inverse_t: inverseT }, [
      chosen.size,
    ]);
  }
}
