/**
 * Attention over packed segments and over the cache: what is checked and how the work is divided. The kernels are in
 * `attention_forward.ts`, `attention_backward_queries.ts`, `attention_backward_keys.ts` and `attention_decode.ts`.
 *
 * @module
 */
import type { AttentionShape, Segment } from "../attention_types.ts";
import type { Arena } from "./arena.ts";
import { attentionBackwardKeys } from "./attention_backward_keys.ts";
import { attentionBackwardQueries, attentionDots } from "./attention_backward_queries.ts";
import { attentionDecode } from "./attention_decode.ts";
import { attentionForward } from "./attention_forward.ts";
import { Planner } from "./attention_plan.ts";
import { type HeadSpec, quads } from "./attention_wgsl.ts";
import { vectorizable } from "./kernel.ts";
import type { GpuKvCache } from "./kv_cache.ts";
import { rowsPerBinding } from "./pieces.ts";
import type { CommandQueue } from "./queue.ts";
import { expectShape, type GpuTensor } from "./tensor.ts";

/** The attention ops of the WebGPU engine. */
export class AttentionOps {
  readonly #planner = new Planner();

  constructor(readonly queue: CommandQueue, readonly arena: Arena) {}

  #plan(segments: readonly Segment[], total: number, shape: AttentionShape) {
    const { heads, kvHeads, headDim } = shape;
    // Queries have the longest rows.
    const maxRows = rowsPerBinding(4 * heads * headDim, this.queue.maxBinding);
    return this.#planner.plan({ segments, total, group: heads / kvHeads, maxRows });
  }

  /** See {@linkcode Device.attention}. */
  forward(
    q: GpuTensor,
    k: GpuTensor,
    v: GpuTensor,
    segments: readonly Segment[],
    shape: AttentionShape,
    y: GpuTensor,
    lse: GpuTensor,
  ): void {
    checkShapes(q, k, v, y, lse, shape);
    const spec = specOf(shape, q, k, v, y), total = q.shape[0]!;
    for (const { from, to, tiles } of this.#plan(segments, total, shape).windows) {
      const [qs, ks, vs, ys] = [q, k, v, y].map((tensor) => tensor.rows(from, to));
      for (const some of tiles) {
        const tensors = { q: qs!, k: ks!, v: vs!, y: ys!, lse };
        attentionForward(this.queue, spec, shape.kvHeads, some, tensors, from, total);
      }
    }
  }

  /** See {@linkcode Device.attentionBackward}. */
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
    checkShapes(q, k, v, y, lse, shape);
    for (const [gradient, of] of [[dy, q], [dq, q], [dk, k], [dv, v]] as const) {
      expectShape(gradient, of.shape, "attentionBackward: gradient");
    }
    const { heads, kvHeads } = shape, total = q.shape[0]!;
    const spec = specOf(shape, q, k, v, y, dy, dq, dk, dv), plan = this.#plan(segments, total, shape);
    if (!plan.coversAll) { for (const gradient of [dq, dk, dv]) this.queue.clear(gradient); }
    const dots = this.arena.alloc([heads, total], "f32");
    for (const { from, to, tiles, keyBlocks } of plan.windows) {
      const part = (tensor: GpuTensor) => tensor.rows(from, to);
      const inputs = { q: part(q), k: part(k), v: part(v), dy: part(dy), lse, dots };
      attentionDots(this.queue, spec, heads, { dy: inputs.dy, y: part(y), dots }, from);
      for (const some of tiles) {
        attentionBackwardQueries(this.queue, spec, kvHeads, some, { ...inputs, dq: part(dq) }, from);
      }
      attentionBackwardKeys(
        this.queue,
        spec,
        kvHeads,
        keyBlocks,
        { ...inputs, dk: part(dk), dv: part(dv) },
        from,
      );
    }
    this.arena.release(dots);
  }

  /** See {@linkcode Device.attentionDecode}. */
  decode(q: GpuTensor, cache: GpuKvCache, layer: number, lengths: Int32Array, y: GpuTensor): void {
    const { shape, capacity } = cache, { heads, kvHeads, headDim } = shape, slots = lengths.length;
    for (
      const [what, { dtype, shape: [rows, columns, more] }] of Object.entries({ queries: q, results: y })
    ) {
      if (dtype !== "f32" || rows !== slots || columns !== heads * headDim || more || slots > cache.slots) {
        throw new Error(
          `attentionDecode: ${what} [${rows}, ${columns}] of ${dtype} for ${slots} of ${cache.slots} slots`,
        );
      }
    }
    if (slots === 0) return;
    cache.check(0, layer);
    cache.settle();
    for (const length of lengths) {
      if (!(length >= 0 && length <= capacity)) {
        throw new Error(`attentionDecode: ${length} tokens of ${capacity}`);
      }
    }
    const spec = specOf(shape, q, y), width = 4 * quads(headDim);
    let block = 0;
    for (const { from, to, keys, values } of cache.blocks(layer)) {
      const end = Math.min(to, slots);
      if (end <= from) break;
      const used = (tensor: GpuTensor) => tensor.rows(0, end - from);
      const work = cache.decodeLists(block++).of(lengths.subarray(from, end), from);
      const summary = this.arena.alloc([work.chunks, heads, 2], "f32");
      const parts = this.arena.alloc([work.chunks, heads, width], "f32");
      attentionDecode(
        this.queue,
        spec,
        kvHeads,
        { q, y, capacity },
        { from, to: end, keys: used(keys), values: used(values) },
        work,
        { summary, parts },
      );
      this.arena.release(summary);
      this.arena.release(parts);
    }
  }
}

function specOf({ heads, kvHeads, headDim }: AttentionShape, ...tensors: GpuTensor[]): HeadSpec {
  return { headDim, group: heads / kvHeads, vector: vectorizable(headDim, ...tensors) };
}

function checkShapes(
  q: GpuTensor,
  k: GpuTensor,
  v: GpuTensor,
  y: GpuTensor,
  lse: GpuTensor,
  { heads, kvHeads, headDim }: AttentionShape,
): void {
  if (!(heads > 0 && heads % kvHeads === 0)) {
    throw new Error(`attention: ${heads} heads over ${kvHeads} key/value heads`);
  }
  const n = q.shape[0]!,
    fits = (tensor: GpuTensor, width: number) =>
      tensor.dtype === "f32" && tensor.shape.length === 2 && tensor.shape[0] === n &&
      tensor.shape[1] === width;
  const width = heads * headDim, kvWidth = kvHeads * headDim;
  if (
    !(fits(q, width) && fits(k, kvWidth) && fits(v, kvWidth) && fits(y, width)) || lse.dtype !== "f32" ||
    lse.size !== heads * n
  ) {
    throw new Error(
      `attention: q [${q.shape}], k [${k.shape}], v [${v.shape}], y [${y.shape}], lse [${lse.shape}] for ` +
        `${heads}/${kvHeads} heads of ${headDim}`,
    );
  }
}
