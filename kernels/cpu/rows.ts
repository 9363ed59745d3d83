/**
 * Ops that move, add or reduce whole rows in plain TypeScript: they are bound by memory, or small.
 *
 * @module
 */
import type { InfoNceSpec } from "../training_types.ts";
import { isHalf } from "../element_type.ts";
import type { CpuTensor } from "./tensor.ts";

/** Pieces of a stream that make one pooled vector. */
export type Ranges = readonly { start: number; end: number }[];

/** y ← x + y. */
export function add(x: CpuTensor, y: CpuTensor): void {
  const from = x.f32, to = y.f32;
  if (from.length !== to.length) throw new Error(`add: [${x.shape}] to [${y.shape}]`);
  for (let i = 0; i < to.length; i++) to[i]! += from[i]!;
}

/** y[i] ← w[ids[i]]. */
export function embedding(ids: CpuTensor, w: CpuTensor, y: CpuTensor): void {
  const [vocab = 0, dim = 0] = w.shape;
  if (y.shape[0] !== ids.size || y.shape[1] !== dim) {
    throw new Error(`embedding: [${y.shape}] for ${ids.size} ids`);
  }
  ids.i32.forEach((id, i) => {
    if (id < 0 || id >= vocab) throw new Error(`embedding: id ${id} of ${vocab}`);
    const first = id * dim, row = y.f32.subarray(i * dim, (i + 1) * dim);
    if (isHalf(w.dtype)) w.widen(first, first + dim, row);
    else row.set(w.f32.subarray(first, first + dim));
  });
}

/** y[index[i]] += x[i], in order. */
export function scatterAddRows(x: CpuTensor, index: Int32Array, y: CpuTensor): void {
  const dim = x.shape[1]!, rows = y.shape[0]!, source = x.f32, target = y.f32;
  if (index.length !== x.shape[0] || y.shape[1] !== dim) {
    throw new Error(`scatterAddRows: [${x.shape}] to [${y.shape}]`);
  }
  for (let i = 0; i < index.length; i++) {
    const to = index[i]!;
    if (to < 0 || to >= rows) throw new Error(`scatterAddRows: row ${to} of ${rows}`);
    for (let j = 0; j < dim; j++) target[to * dim + j]! += source[i * dim + j]!;
  }
}

/** y[i] ← x[index[i]]. */
export function gatherRows(x: CpuTensor, index: Int32Array, y: CpuTensor): void {
  const dim = x.shape[1]!, rows = x.shape[0]!;
  if (y.shape[0] !== index.length || y.shape[1] !== dim) {
    throw new Error(`gatherRows: [${y.shape}] for ${index.length}`);
  }
  for (let i = 0; i < index.length; i++) {
    const from = index[i]!;
    if (from < 0 || from >= rows) throw new Error(`gatherRows: row ${from} of ${rows}`);
    y.f32.set(x.f32.subarray(from * dim, (from + 1) * dim), i * dim);
  }
}

/** Number of rows in the ranges; fails unless there are some, and all lie within `rows`. */
function countOf(ranges: Ranges, rows: number): number {
  let count = 0;
  for (const { start, end } of ranges) {
    if (!(start >= 0 && start <= end && end <= rows)) {
      throw new Error(`meanPool: rows [${start}, ${end}) of ${rows}`);
    }
    count += end - start;
  }
  if (count <= 0) throw new Error("meanPool: nothing to pool");
  return count;
}

/** pooled[s] ← mean over ranges[s], summed in float32 in order, as decoding does. */
export function meanPool(x: CpuTensor, ranges: readonly Ranges[], pooled: CpuTensor): void {
  const dim = x.shape[1]!, from = x.f32, to = pooled.f32;
  if (pooled.shape[0] !== ranges.length || pooled.shape[1] !== dim) {
    throw new Error(`meanPool: [${pooled.shape}]`);
  }
  ranges.forEach((list, s) => {
    const count = countOf(list, x.shape[0]!);
    const sum = to.subarray(s * dim, (s + 1) * dim).fill(0);
    for (const { start, end } of list) {
      for (let row = start; row < end; row++) for (let j = 0; j < dim; j++) sum[j]! += from[row * dim + j]!;
    }
    for (let j = 0; j < dim; j++) sum[j]! /= count;
  });
}

/** dx[row] += dPooled[s] / count. */
export function meanPoolBackward(dPooled: CpuTensor, ranges: readonly Ranges[], dx: CpuTensor): void {
  const dim = dx.shape[1]!, from = dPooled.f32, to = dx.f32;
  if (dPooled.shape[0] !== ranges.length || dPooled.shape[1] !== dim) {
    throw new Error(`meanPoolBackward: [${dPooled.shape}] for ${ranges.length} vectors of ${dim}`);
  }
  ranges.forEach((list, s) => {
    const scale = 1 / countOf(list, dx.shape[0]!);
    for (const { start, end } of list) {
      for (let row = start; row < end; row++) {
        for (let j = 0; j < dim; j++) to[row * dim + j]! += from[s * dim + j]! * scale;
      }
    }
  });
}

const tiny = 1e-12;

function norm(x: Float32Array): number {
  let sum = 0;
  for (let j = 0; j < x.length; j++) sum += x[j]! * x[j]!;
  return Math.max(Math.sqrt(sum), tiny);
}

/** y ← x / ‖x‖ by rows. */
export function l2Normalize(x: CpuTensor, y: CpuTensor): void {
  if (y.size !== x.size) throw new Error(`l2Normalize: [${x.shape}] to [${y.shape}]`);
  const dim = x.shape[1]!;
  for (let at = 0; at < x.size; at += dim) {
    const length = norm(x.f32.subarray(at, at + dim));
    for (let j = at; j < at + dim; j++) y.f32[j] = x.f32[j]! / length;
  }
}

/** dx ← (dy − y·(y·dy)) / ‖x‖ by rows. */
export function l2NormalizeBackward(dy: CpuTensor, x: CpuTensor, dx: CpuTensor): void {
  if (dy.size !== x.size || dx.size !== x.size) {
    throw new Error(`l2NormalizeBackward: dy [${dy.shape}], x [${x.shape}], dx [${dx.shape}]`);
  }
  const dim = x.shape[1]!;
  for (let at = 0; at < x.size; at += dim) {
    const length = norm(x.f32.subarray(at, at + dim));
    let dot = 0;
    for (let j = at; j < at + dim; j++) dot += x.f32[j]! * dy.f32[j]!;
    dot /= length * length;
    for (let j = at; j < at + dim; j++) dx.f32[j] = (dy.f32[j]! - x.f32[j]! * dot) / length;
  }
}

/** See `Device.infoNce`. Float64 throughout: a batch is small beside the model. */
export function infoNce(
  q: CpuTensor,
  candidates: CpuTensor,
  spec: InfoNceSpec,
  dq: CpuTensor,
  dc: CpuTensor,
): number {
  const n = q.shape[0]!, m = candidates.shape[0]!, dim = q.shape[1]!;
  if (m < n || candidates.shape[1] !== dim) {
    throw new Error(`infoNce: q [${q.shape}], candidates [${candidates.shape}]`);
  }
  if (
    dq.size !== q.size || dc.size !== candidates.size || (spec.excluded && spec.excluded.length !== n * m)
  ) {
    throw new Error(
      `infoNce: dq [${dq.shape}], dc [${dc.shape}], ${spec.excluded?.length} exclusions for ${n} × ${m}`,
    );
  }
  const a = q.f32,
    c = candidates.f32,
    da = new Float64Array(n * dim),
    dCandidates = new Float64Array(m * dim);
  let loss = 0;
  const scores = new Float64Array(m);
  for (let i = 0; i < n; i++) {
    let max = -Infinity;
    for (let j = 0; j < m; j++) {
      let dot = 0;
      for (let d = 0; d < dim; d++) dot += a[i * dim + d]! * c[j * dim + d]!;
      const excluded = j !== i && spec.excluded?.[i * m + j] === 1;
      scores[j] = excluded ? -Infinity : dot / spec.temperature;
      max = Math.max(max, scores[j]!);
    }
    let sum = 0;
    for (let j = 0; j < m; j++) sum += Math.exp(scores[j]! - max);
    loss -= scores[i]! - max - Math.log(sum);
    for (let j = 0; j < m; j++) {
      const p = Math.exp(scores[j]! - max) / sum;
      const weight = (p - (j === i ? 1 : 0)) / (spec.temperature * n);
      if (weight === 0) continue;
      for (let d = 0; d < dim; d++) {
        da[i * dim + d]! += weight * c[j * dim + d]!;
        dCandidates[j * dim + d]! += weight * a[i * dim + d]!;
      }
    }
  }
  dq.f32.set(da);
  dc.f32.set(dCandidates);
  return loss / n;
}

/** √Σ g² over all gradients, in float64 with four partial sums a tensor. */
export function globalNorm(gradients: readonly CpuTensor[]): number {
  let total = 0;
  for (const { f32: g } of gradients) {
    let a = 0, b = 0, c = 0, d = 0, i = 0;
    for (; i + 3 < g.length; i += 4) {
      a += g[i]! * g[i]!;
      b += g[i + 1]! * g[i + 1]!;
      c += g[i + 2]! * g[i + 2]!;
      d += g[i + 3]! * g[i + 3]!;
    }
    for (; i < g.length; i++) a += g[i]! * g[i]!;
    total += (a + b) + (c + d);
  }
  return Math.sqrt(total);
}
