/**
 * Ops that move or sum whole rows: embedding, gathering, scattering, mean pooling, and their gradients.
 *
 * @module
 */
import { isHalf } from "../element_type.ts";
import { exactQuotient, opaque } from "./exact_float.ts";
import { rowBlocks } from "./pieces.ts";
import { inVectors, quadAccess, quadBindings, quadParams, quadsOf } from "./quads.ts";
import type { CommandQueue } from "./queue.ts";
import { addRows } from "./row_sums.ts";
import { expectShape, type GpuTensor } from "./tensor.ts";
import { spread, workgroupIndex } from "./wgsl.ts";

const threads = 256;

/** Pieces of a stream that make one pooled vector. */
export type Ranges = readonly { start: number; end: number }[];

/** Entry point over row `row` and quad `quad` of an output with p.count quads. */
const overQuads = (functions: string, body: string) =>
  `${workgroupIndex}${functions}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let i = workgroup_index(group, groups) * ${threads}u + local;
  if (i >= p.count) { return; }
  let row = i / p.quads;
  let quad = i % p.quads;
  ${body}
}`;

/** See the module comment. Matrices larger than a binding are read and written in blocks of rows. */
export class RowOps {
  constructor(readonly queue: CommandQueue) {}

  /** y[i] ← w[ids[i]]; ids that were made on the GPU are in range by the word of the op that made them. */
  embedding(ids: GpuTensor, w: GpuTensor, y: GpuTensor): void {
    this.#pick(ids, w, y, "embedding");
  }

  /** y[i] ← x[index[i]]. */
  gatherRows(x: GpuTensor, index: GpuTensor, y: GpuTensor): void {
    if (x.dtype !== "f32") throw new Error(`gatherRows: expected f32, got ${x.dtype}`);
    this.#pick(index, x, y, "gatherRows");
  }

  #pick(ids: GpuTensor, w: GpuTensor, y: GpuTensor, what: string): void {
    const [vocab = 0, width = 0] = w.shape;
    expectShape(y, [ids.size, width], `${what}: y`);
    if (ids.dtype !== "i32" || w.dtype === "i32") {
      throw new Error(`${what}: ${ids.dtype} ids of ${w.dtype} rows`);
    }
    if (ids.shadow.values) ids.indices(vocab, what);
    const flatIds = ids.reshaped([ids.size]), { maxBinding } = this.queue;
    for (const [start, end] of rowBlocks(ids.size, 4 * width, maxBinding)) {
      const part = { ids: flatIds.rows(start, end), y: y.rows(start, end) };
      // Each dispatch fills the rows whose ids lie in its block of the table.
      for (const [first, last] of rowBlocks(vocab, w.bytes / vocab, maxBinding)) {
        this.#pickBlock(part.ids, w.rows(first, last), part.y, first);
      }
    }
  }

  #pickBlock(ids: GpuTensor, w: GpuTensor, y: GpuTensor, first: number): void {
    const [rows = 0, width = 0] = w.shape, vectors = inVectors(width, w, y);
    // Bits are moved, not numbers: a GPU may flush what is too small for a normal f32.
    const element = isHalf(w.dtype) ? w.dtype : "u32";
    const matrices = { w: `in ${element}`, y: "out u32" } as const;
    const name = `pick-rows/${w.dtype}${vectors ? "/vec4" : ""}`;
    const kernel = this.queue.kernel(name, () => ({
      name,
      params: { count: "u32", first: "i32", rows: "i32", ...quadParams },
      bindings: { ids: "in i32", ...quadBindings(matrices, vectors) },
      code: overQuads(
        quadAccess(matrices, vectors),
        `let id = ids[p.ids_base + row] - p.first;
  if (id >= 0 && id < p.rows) { store_y(row, quad, load_w(u32(id), quad)); }`,
      ),
    }));
    const shape = quadsOf(width), count = ids.size * shape.quads;
    this.queue.run(kernel, { ids, w, y }, { count, first, rows, ...shape }, this.#groups(count));
  }

  /** y[index[i]] += x[i], in order of i. The index must be known on the host. */
  scatterAddRows(x: GpuTensor, index: GpuTensor, y: GpuTensor): void {
    const [rows = 0, width = 0] = y.shape;
    expectShape(y, [rows, width], "scatterAddRows: y");
    expectShape(x, [index.size, width], "scatterAddRows: x");
    const targets = index.indices(rows, "scatterAddRows");
    const sources = Int32Array.from({ length: targets.length }, (_, i) => i);
    const weights = new Float32Array(targets.length).fill(1);
    addRows(this.queue, { targets, sources, weights }, x, y);
  }

  /** pooled[s] ← mean over ranges[s], summed in order and divided as the host divides: with correct rounding. */
  meanPool(x: GpuTensor, ranges: readonly Ranges[], pooled: GpuTensor): void {
    const [rows = 0, width = 0] = x.shape;
    expectShape(x, [rows, width], "meanPool: x");
    expectShape(pooled, [ranges.length, width], "meanPool: pooled");
    const { vectors, rows: sources, counts } = listRanges(ranges, rows);
    const weights = new Float32Array(sources.length).fill(1);
    this.queue.clear(pooled);
    addRows(this.queue, { targets: vectors, sources, weights }, x, pooled);
    for (const [start, end] of rowBlocks(ranges.length, 4 * width, this.queue.maxBinding)) {
      this.#divide(pooled.rows(start, end), counts.subarray(start, end));
    }
  }

  /** y[i] ← y[i] / counts[i]. */
  #divide(y: GpuTensor, counts: Float32Array): void {
    const [rows = 0, width = 0] = y.shape,
      vectors = inVectors(width, y),
      matrices = { y: "out f32" } as const;
    const name = `divide-rows${vectors ? "/vec4" : ""}`;
    const kernel = this.queue.kernel(name, () => ({
      name,
      params: { count: "u32", zero: "u32", ...quadParams },
      bindings: { ...quadBindings(matrices, vectors), counts: "in f32", reciprocals: "in f32" },
      code: overQuads(
        quadAccess(matrices, vectors) + opaque + exactQuotient,
        `let divisor = counts[p.counts_base + row];
  let reciprocal = reciprocals[p.reciprocals_base + row];
  store_y(row, quad, exact_quotient(load_y(row, quad), divisor, reciprocal));`,
      ),
    }));
    const shape = quadsOf(width), count = rows * shape.quads, reciprocals = counts.map((value) => 1 / value);
    this.queue.run(kernel, { y, counts, reciprocals }, { count, zero: 0, ...shape }, this.#groups(count));
  }

  /** dx[i] += dPooled[s] / count(s) for every range that holds row i, in order of s. */
  meanPoolBackward(dPooled: GpuTensor, ranges: readonly Ranges[], dx: GpuTensor): void {
    const [rows = 0, width = 0] = dx.shape;
    expectShape(dx, [rows, width], "meanPoolBackward: dx");
    expectShape(dPooled, [ranges.length, width], "meanPoolBackward: dPooled");
    const { vectors, rows: targets, counts } = listRanges(ranges, rows);
    const weights = Float32Array.from(vectors, (s) => 1 / counts[s]!);
    addRows(this.queue, { targets, sources: vectors, weights }, dPooled, dx);
  }

  #groups(count: number) {
    return spread(Math.ceil(count / threads), this.queue.maxGroups);
  }
}

/** Every row of every range beside the vector it belongs to, in order, and the number of rows of each vector. */
function listRanges(ranges: readonly Ranges[], rows: number) {
  const counts = Float32Array.from(ranges, (list) => {
    let count = 0;
    for (const { start, end } of list) {
      if (!(start >= 0 && start <= end && end <= rows)) {
        throw new Error(`meanPool: rows [${start}, ${end}) of ${rows}`);
      }
      count += end - start;
    }
    if (count === 0) throw new Error("meanPool: nothing to pool");
    return count;
  });
  const total = counts.reduce((sum, count) => sum + count, 0);
  const listed = { vectors: new Int32Array(total), rows: new Int32Array(total), counts };
  let at = 0;
  ranges.forEach((list, s) => {
    for (const { start, end } of list) {
      for (let row = start; row < end; row++, at++) {
        listed.vectors[at] = s;
        listed.rows[at] = row;
      }
    }
  });
  return listed;
}
