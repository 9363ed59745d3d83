/**
 * Sums of listed rows, in the order of the list and without atomics: scattering, the gradient of an embedding, mean
 * pooling and its gradient. The host groups the list by the row that is added to; a thread owns four elements of it.
 *
 * @module
 */
import { rowBlocks } from "./pieces.ts";
import { inVectors, quadAccess, quadBindings, quadParams, quadsOf } from "./quads.ts";
import type { CommandQueue } from "./queue.ts";
import type { GpuTensor } from "./tensor.ts";
import { spread, workgroupIndex } from "./wgsl.ts";

const threads = 128;

/** Entry i adds weights[i] · x[sources[i]] to y[targets[i]]. */
export interface RowList {
  readonly targets: Int32Array;
  readonly sources: Int32Array;
  readonly weights: Float32Array;
}

/** Entries by target: those of targets[t] are [starts[t], starts[t + 1]), in the order of the list. */
export interface GroupedRows {
  /** Rows that are added to, ascending. */
  readonly targets: Int32Array;
  readonly starts: Int32Array;
  readonly sources: Int32Array;
  readonly weights: Float32Array;
}

/** Groups the entries of a list whose source lies in [from, to), by a stable counting sort; `rows`: those of y. */
export function groupRows(list: RowList, rows: number, from: number, to: number): GroupedRows {
  const kept = (i: number) => list.sources[i]! >= from && list.sources[i]! < to;
  const next = new Int32Array(rows + 1);
  for (let i = 0; i < list.targets.length; i++) if (kept(i)) next[list.targets[i]! + 1]!++;
  const targets: number[] = [], starts: number[] = [];
  for (let row = 0; row < rows; row++) {
    if (next[row + 1]! > 0) {
      targets.push(row);
      starts.push(next[row]!);
    }
    next[row + 1]! += next[row]!;
  }
  const total = next[rows]!, sources = new Int32Array(total), weights = new Float32Array(total);
  for (let i = 0; i < list.targets.length; i++) {
    if (!kept(i)) continue;
    const at = next[list.targets[i]!]!++;
    sources[at] = list.sources[i]! - from;
    weights[at] = list.weights[i]!;
  }
  return { targets: Int32Array.from(targets), starts: Int32Array.from([...starts, total]), sources, weights };
}

/** Entries whose rows are loaded together, before they are added one after the other. */
const ahead = 4;

const matrices = { x: "in f32", y: "out f32" } as const;

const code = (vectors: boolean) => {
  const each = (line: (k: number) => string) =>
    Array.from({ length: ahead }, (_, k) => line(k)).join("\n    ");
  return `${workgroupIndex}${quadAccess(matrices, vectors)}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let i = workgroup_index(group, groups) * ${threads}u + local;
  if (i >= p.count) { return; }
  let target_at = i / p.quads;
  let quad = i % p.quads;
  let row = u32(targets[p.targets_base + target_at] - p.first_row);
  let start = p.sources_base + u32(starts[p.starts_base + target_at]);
  let end = p.sources_base + u32(starts[p.starts_base + target_at + 1u]);
  let to_weight = p.weights_base - p.sources_base;
  var sum = load_y(row, quad);
  var at = start;
  for (; at + ${ahead - 1}u < end; at += ${ahead}u) {
    ${each((k) => `let x${k} = load_x(u32(sources[at + ${k}u]), quad);`)}
    ${each((k) => `sum = fma(vec4(weights[at + ${k}u + to_weight]), x${k}, sum);`)}
  }
  for (; at < end; at++) {
    sum = fma(vec4(weights[at + to_weight]), load_x(u32(sources[at]), quad), sum);
  }
  store_y(row, quad, sum);
}`;
};

/** y[targets[i]] += weights[i] · x[sources[i]] in order of i, for x and y of equal width and indices that fit. */
export function addRows(queue: CommandQueue, list: RowList, x: GpuTensor, y: GpuTensor): void {
  const [rows = 0, width = 0] = y.shape, bytes = 4 * width;
  if (width === 0) return;
  for (const [from, to] of rowBlocks(x.shape[0]!, bytes, queue.maxBinding)) {
    const grouped = groupRows(list, rows, from, to);
    for (const [start, end] of rowBlocks(rows, bytes, queue.maxBinding)) {
      const first = lowerBound(grouped.targets, start), last = lowerBound(grouped.targets, end);
      if (first === last) continue;
      const part = { x: x.rows(from, to), y: y.rows(start, end) };
      const vectors = inVectors(width, part.x, part.y), name = `row-sums${vectors ? "/vec4" : ""}`;
      const kernel = queue.kernel(name, () => ({
        name,
        params: { count: "u32", first_row: "i32", ...quadParams },
        bindings: {
          ...quadBindings(matrices, vectors),
          targets: "in i32",
          starts: "in i32",
          sources: "in i32",
          weights: "in f32",
        },
        code: code(vectors),
      }));
      const shape = quadsOf(width), count = (last - first) * shape.quads;
      const lists = {
        targets: grouped.targets.subarray(first, last),
        starts: grouped.starts.subarray(first, last + 1),
        sources: grouped.sources,
        weights: grouped.weights,
      };
      const groups = spread(Math.ceil(count / threads), queue.maxGroups);
      queue.run(kernel, { ...part, ...lists }, { count, first_row: start, ...shape }, groups);
    }
  }
}

/** Number of entries of an ascending list that are below `value`. */
function lowerBound(list: Int32Array, value: number): number {
  let low = 0, high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
