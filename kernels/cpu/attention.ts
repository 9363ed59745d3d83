/**
 * Causal grouped-query attention on ONNX Runtime, for packed segments and for decoding.
 *
 * How the bits of a row are kept independent of everything else:
 * - The keys that a row may not see get −1e30 before the maximum and an exact 0 after the exponential. Sums over keys
 *   are matrix products that add keys in order, so extra zeros at the end change nothing.
 * - The maximum does not depend on order. The sum of the exponentials is a product with a matrix of ones.
 * - A matrix product with a single row takes another code path in MLAS and is padded to two.
 * - One thread per matrix product: the sessions get at most as many threads as there are key/value heads.
 * - The parent's keys and a segment's own are joined in one array, so it makes no difference whether a sequence is one
 *   segment, or a parent and a child, or rows of a cache.
 *
 * @module
 */
import type { AttentionShape, Segment } from "../device.ts";
import { backwardGraph, decodeGraph, forwardGraph } from "./attention_graphs.ts";
import type { CpuKvCache } from "./kv_cache.ts";
import type { Graph } from "./onnx.ts";
import { Ones } from "./ones.ts";
import { ortTensor, Session } from "./ort.ts";
import type { CpuTensor, Pool } from "./tensor.ts";

/** Query rows handled at a time: bounds the score matrix, and skips most keys that lie in a row's future. */
const queryBlock = 128;

/** The attention ops of the CPU engine. */
export class AttentionOps {
  readonly #sessions = new Map<string, Session>();
  readonly #ones = new Ones();
  /** 0, 1, 2, …: positions of queries and keys are views of it. */
  #iota = new Float32Array(0);

  /** See {@linkcode AttentionOps}. */
  constructor(readonly pool: Pool, readonly threads: number) {}

  #session(kind: string, shape: AttentionShape, graph: (shape: AttentionShape) => Graph): Session {
    if (shape.heads % shape.kvHeads !== 0) {
      throw new Error(`attention: ${shape.heads} heads over ${shape.kvHeads} key/value heads`);
    }
    const key = `${kind}/${shape.heads}/${shape.kvHeads}/${shape.headDim}`;
    let session = this.#sessions.get(key);
    if (!session) {
      session = new Session(graph(shape), Math.min(this.threads, shape.kvHeads));
      this.#sessions.set(key, session);
    }
    return session;
  }

  #counting(from: number, to: number): Float32Array {
    if (this.#iota.length < to) this.#iota = Float32Array.from({ length: 2 * to }, (_, i) => i);
    return this.#iota.subarray(from, to);
  }

  /** Calls `run` for every block of query rows: rows [from, to) of the stream, seeing `parent` rows and own [start, to). */
  #blocks(
    segments: readonly Segment[],
    total: number,
    run: (block: { from: number; to: number; start: number; parent: Segment | undefined }) => void,
  ): void {
    segments.forEach((segment, index) => {
      const parent = segment.parent < 0 ? undefined : segments[segment.parent];
      if (segment.parent >= index || (parent && parent.parent >= 0)) {
        throw new Error(`attention: segment ${index} has ${segment.parent} as parent`);
      }
      const end = segment.start + segment.length;
      if (!(segment.start >= 0 && segment.length >= 0 && end <= total)) {
        throw new Error(`attention: segment ${index} is rows [${segment.start}, ${end}) of ${total}`);
      }
      for (let from = segment.start; from < end; from += queryBlock) {
        run({ from, to: Math.min(end, from + queryBlock), start: segment.start, parent });
      }
    });
  }

  /** See {@linkcode Device.attention}. */
  forward(
    q: CpuTensor,
    k: CpuTensor,
    v: CpuTensor,
    segments: readonly Segment[],
    shape: AttentionShape,
    y: CpuTensor,
    lse: CpuTensor,
  ): void {
    checkShapes(q, k, v, y, lse, shape);
    const { heads, kvHeads, headDim } = shape;
    const session = this.#session("forward", shape, forwardGraph);
    const width = heads * headDim, kvWidth = kvHeads * headDim, total = q.shape[0]!;
    this.#blocks(segments, total, ({ from, to, start, parent }) => {
      const before = parent?.length ?? 0;
      const n = to - from, seen = before + to - start, first = before + from - start;
      const inputs = {
        ka: part(k, parent?.start ?? 0, (parent?.start ?? 0) + before, kvWidth),
        kb: part(k, start, to, kvWidth),
        va: part(v, parent?.start ?? 0, (parent?.start ?? 0) + before, kvWidth),
        vb: part(v, start, to, kvWidth),
        keys: ortTensor(this.#counting(0, seen), [1, seen]),
        ones: this.#ones.columns(seen),
      };
      // A matrix product of one row is padded to two: the same query twice.
      const rows = heads === kvHeads && n === 1 ? 2 : n;
      const out = this.pool.alloc([rows, width], "f32");
      const sums = this.pool.alloc([heads, rows], "f32"), maxima = this.pool.alloc([heads, rows], "f32");
      let queries = part(q, from, to, width), positions = this.#counting(first, first + n);
      if (rows !== n) {
        const twice = new Float32Array(2 * width);
        twice.set(q.f32.subarray(from * width, to * width));
        twice.set(twice.subarray(0, width), width);
        queries = ortTensor(twice, [2, width]);
        positions = new Float32Array([first, first]);
      }
      session.run({ ...inputs, q: queries, queries: ortTensor(positions, [rows, 1]) }, {
        y: out.ort,
        maxRows: maxima.ort,
        sumRows: sums.ort,
      });
      y.f32.set(out.f32.subarray(0, n * width), from * width);
      for (let head = 0; head < heads; head++) {
        for (let i = 0; i < n; i++) {
          const at = head * rows + i;
          lse.f32[head * total + from + i] = maxima.f32[at]! + Math.log(sums.f32[at]!);
        }
      }
      this.pool.release(out);
      this.pool.release(maxima);
      this.pool.release(sums);
    });
  }

  /** See {@linkcode Device.attentionBackward}. */
  backward(
    dy: CpuTensor,
    q: CpuTensor,
    k: CpuTensor,
    v: CpuTensor,
    y: CpuTensor,
    lse: CpuTensor,
    segments: readonly Segment[],
    shape: AttentionShape,
    dq: CpuTensor,
    dk: CpuTensor,
    dv: CpuTensor,
  ): void {
    checkShapes(q, k, v, y, lse, shape);
    for (const [gradient, of] of [[dy, q], [dq, q], [dk, k], [dv, v]] as const) {
      if (gradient.size !== of.size) {
        throw new Error(`attentionBackward: gradient [${gradient.shape}] of [${of.shape}]`);
      }
    }
    const { heads, kvHeads, headDim } = shape;
    const session = this.#session("backward", shape, backwardGraph);
    const width = heads * headDim, kvWidth = kvHeads * headDim, total = q.shape[0]!;
    dq.f32.fill(0);
    dk.f32.fill(0);
    dv.f32.fill(0);
    this.#blocks(segments, total, ({ from, to, start, parent }) => {
      const before = parent?.length ?? 0;
      const n = to - from, seen = before + to - start, first = before + from - start;
      const parentStart = parent?.start ?? 0;
      // As in the forward pass a lone row is padded to two, here by zeros: their dy adds nothing to dk and dv.
      const rows = heads === kvHeads && n === 1 ? 2 : n;
      const block = (tensor: CpuTensor) => {
        if (rows === n) return part(tensor, from, to, width);
        const padded = new Float32Array(rows * width);
        padded.set(tensor.f32.subarray(from * width, to * width));
        return ortTensor(padded, [rows, width]);
      };
      const sums = this.pool.alloc([heads, rows], "f32"), dqPart = this.pool.alloc([rows, width], "f32");
      sums.f32.fill(0);
      for (let head = 0; head < heads; head++) {
        sums.f32.set(lse.f32.subarray(head * total + from, head * total + to), head * rows);
      }
      const dkPart = this.pool.alloc([seen, kvWidth], "f32"),
        dvPart = this.pool.alloc([seen, kvWidth], "f32");
      session.run({
        q: block(q),
        ka: part(k, parentStart, parentStart + before, kvWidth),
        kb: part(k, start, to, kvWidth),
        va: part(v, parentStart, parentStart + before, kvWidth),
        vb: part(v, start, to, kvWidth),
        queries: ortTensor(this.#counting(first, first + rows), [rows, 1]),
        keys: ortTensor(this.#counting(0, seen), [1, seen]),
        onesHead: this.#ones.columns(headDim),
        dy: block(dy),
        y: block(y),
        lse: sums.ort,
      }, { dq: dqPart.ort, dk: dkPart.ort, dv: dvPart.ort });
      dq.f32.set(dqPart.f32.subarray(0, n * width), from * width);
      for (const [source, target] of [[dkPart.f32, dk.f32], [dvPart.f32, dv.f32]] as const) {
        addInto(source, 0, target, parentStart * kvWidth, before * kvWidth);
        addInto(source, before * kvWidth, target, start * kvWidth, (to - start) * kvWidth);
      }
      this.pool.release(sums);
      this.pool.release(dqPart);
      this.pool.release(dkPart);
      this.pool.release(dvPart);
    });
  }

  /** See {@linkcode Device.attentionDecode}. */
  decode(q: CpuTensor, cache: CpuKvCache, layer: number, lengths: Int32Array, y: CpuTensor): void {
    const { shape, capacity } = cache, { heads, kvHeads, headDim } = shape, slots = lengths.length;
    if (q.shape[0] !== slots || q.shape[1] !== heads * headDim || y.size !== q.size || slots > cache.slots) {
      throw new Error(`attentionDecode: queries [${q.shape}] for ${slots} of ${cache.slots} slots`);
    }
    for (const length of lengths) {
      if (!(length >= 0 && length <= capacity)) {
        throw new Error(`attentionDecode: ${length} tokens of ${capacity}`);
      }
    }
    if (slots === 0) return;
    const used = slots * kvHeads * capacity * headDim;
    const view = (t: CpuTensor) => ortTensor(t.f32.subarray(0, used), [slots * kvHeads, capacity, headDim]);
    this.#session("decode", shape, decodeGraph).run({
      q: q.ort,
      K: view(cache.keys[layer]!),
      V: view(cache.values[layer]!),
      lengths: ortTensor(Float32Array.from(lengths), [slots, 1, 1]),
      keys: ortTensor(this.#counting(0, capacity), [1, 1, capacity]),
      ones: this.#ones.columns(capacity),
    }, { y: y.ort });
  }

  /** Frees the sessions. */
  dispose(): void {
    for (const session of this.#sessions.values()) session.dispose();
  }
}

function part(tensor: CpuTensor, from: number, to: number, width: number) {
  return ortTensor(tensor.f32.subarray(from * width, to * width), [to - from, width]);
}

function addInto(source: Float32Array, from: number, target: Float32Array, to: number, count: number): void {
  for (let i = 0; i < count; i++) target[to + i]! += source[from + i]!;
}

function checkShapes(
  q: CpuTensor,
  k: CpuTensor,
  v: CpuTensor,
  y: CpuTensor,
  lse: CpuTensor,
  { heads, kvHeads, headDim }: AttentionShape,
): void {
  const n = q.shape[0]!;
  if (
    q.shape[1] !== heads * headDim || k.shape[1] !== kvHeads * headDim || k.shape[0] !== n ||
    v.size !== k.size || y.size !== q.size || lse.size !== heads * n
  ) {
    throw new Error(
      `attention: q [${q.shape}], k [${k.shape}], v [${v.shape}], y [${y.shape}], lse [${lse.shape}]`,
    );
  }
}
