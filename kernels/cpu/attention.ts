/**
 * Causal grouped-query attention on ONNX Runtime, for packed segments and for decoding.
 *
 * How the bits of a row are kept independent of everything else:
 * - The keys that a row may not see get −1e30 before the maximum and an exact 0 after the exponential. Sums over keys
 *   are matrix products that add keys in order, so extra zeros at the end change nothing.
 * - The maximum does not depend on order. The sum of the exponentials is a product with a matrix of ones.
 * - A matrix product with a single row takes another code path in MLAS and is padded to two.
 * - One thread per matrix product: the sessions get at most as many threads as there are products in a call.
 * - Many short blocks go into one call, padded to a common length: rows are added to products of two rows and more, and
 *   keys at the end, which changes nothing by the first two points. A call for each would cost three times the arithmetic.
 * - The parent's keys and a segment's own are joined in one array, so it makes no difference whether a sequence is one
 *   segment, or a parent and a child, or rows of a cache.
 *
 * @module
 */
import type { AttentionShape, Segment } from "../attention_types.ts";
import { type Batch, batchesOf, keysOf, rowsOf } from "./attention_blocks.ts";
import { backwardGraph, decodeGraph, forwardGraph, masked } from "./attention_graphs.ts";
import type { CpuKvCache } from "./kv_cache.ts";
import { Ones } from "./ones.ts";
import { OrtTensor, ortTensor, Session } from "./ort.ts";
import type { CpuTensor, Pool } from "./tensor.ts";

const graphs = { forward: forwardGraph, backward: backwardGraph, decode: decodeGraph };

/** Inputs of one call for a batch of blocks, and what to give back after it. */
interface Call {
  readonly batch: Batch;
  readonly shape: AttentionShape;
  readonly scratch: CpuTensor[];
}

/** The attention ops of the CPU engine. */
export class AttentionOps {
  readonly #sessions = new Map<string, Session>();
  readonly #ones = new Ones();
  /** Mask of the last step of decoding. */
  #mask = {
    lengths: new Int32Array(0),
    capacity: 0,
    tensor: new OrtTensor(new Float32Array(0), [0, 1, 0], true),
  };
  /** 0, 1, 2, …: positions of queries and keys are views of it. */
  #iota = new Float32Array(0);

  /** See {@linkcode AttentionOps}. */
  constructor(readonly pool: Pool, readonly threads: number) {}

  /** @param count sequences in the call: with their key/value heads, as many matrix products as there are */
  #session(kind: keyof typeof graphs, shape: AttentionShape, count: number): Session {
    const { heads, kvHeads, headDim } = shape;
    if (heads % kvHeads !== 0) throw new Error(`attention: ${heads} heads over ${kvHeads} key/value heads`);
    const threads = Math.min(this.threads, count * kvHeads >= this.threads ? this.threads : kvHeads);
    const key = `${kind}/${heads}/${kvHeads}/${headDim}/${threads}`;
    let session = this.#sessions.get(key);
    if (!session) this.#sessions.set(key, session = new Session(graphs[kind](shape), threads));
    return session;
  }

  #counting(from: number, to: number): Float32Array {
    if (this.#iota.length < to) this.#iota = Float32Array.from({ length: 2 * to }, (_, i) => i);
    return this.#iota.subarray(from, to);
  }

  /** Runs `call` for every batch of blocks, and gives back the scratch memory that it took. */
  #calls(
    segments: readonly Segment[],
    total: number,
    shape: AttentionShape,
    run: (call: Call) => void,
  ): void {
    // A matrix product of one row takes another code path.
    const leastRows = shape.heads === shape.kvHeads ? 2 : 1;
    for (const batch of batchesOf(segments, total, shape.heads, leastRows)) {
      const scratch: CpuTensor[] = [];
      run({ batch, shape, scratch });
      for (const tensor of scratch) this.pool.release(tensor);
    }
  }

  #scratch({ scratch }: Call, ...shape: number[]): CpuTensor {
    const tensor = this.pool.alloc(shape, "f32");
    scratch.push(tensor);
    return tensor;
  }

  /** Query rows of `tensor` as [blocks, rows, width]: where they lie if they lie so, else copied and padded with zeros. */
  #queries(call: Call, tensor: CpuTensor): OrtTensor {
    const { blocks, rows } = call.batch, width = tensor.shape[1]!;
    if (queriesAreAdjacent(call.batch)) return viewOf(tensor, blocks[0]!.from, blocks.length, rows);
    const copy = this.#scratch(call, blocks.length, rows, width);
    blocks.forEach(({ from, to }, i) => {
      const at = i * rows * width, end = at + (to - from) * width;
      copy.f32.set(tensor.f32.subarray(from * width, to * width), at);
      copy.f32.fill(0, end, at + rows * width);
    });
    return copy.ort;
  }

  /** Rows of `tensor` that a block sees, its parent's and its own, as [blocks, keys, width]; padded with zeros. */
  #keys(call: Call, tensor: CpuTensor): OrtTensor {
    const { blocks, keys } = call.batch, width = tensor.shape[1]!;
    if (keysAreAdjacent(call.batch)) return viewOf(tensor, blocks[0]!.start, blocks.length, keys);
    const copy = this.#scratch(call, blocks.length, keys, width);
    blocks.forEach(({ parent, before, start, to }, i) => {
      const at = i * keys * width, own = at + before * width, end = own + (to - start) * width;
      if (before > 0) copy.f32.set(tensor.f32.subarray(parent * width, (parent + before) * width), at);
      copy.f32.set(tensor.f32.subarray(start * width, to * width), own);
      copy.f32.fill(0, end, at + keys * width);
    });
    return copy.ort;
  }

  /** What forward and backward graphs both take. */
  #inputs(call: Call, q: CpuTensor, k: CpuTensor, v: CpuTensor) {
    const { blocks, rows, keys } = call.batch;
    const positions = new Float32Array(blocks.length * rows);
    blocks.forEach((block, i) => {
      const last = keysOf(block);
      positions.set(this.#counting(last - rowsOf(block), last), i * rows);
    });
    return {
      q: this.#queries(call, q),
      k: this.#keys(call, k),
      v: this.#keys(call, v),
      queries: ortTensor(positions, [blocks.length, 1, rows, 1]),
      keys: ortTensor(this.#counting(0, keys), [1, 1, 1, keys]),
    };
  }

  /** Runs `fill` on a tensor [blocks, rows, width] for the query rows of `target`. */
  #toQueries(call: Call, target: CpuTensor, fill: (output: OrtTensor) => void): void {
    const { blocks, rows } = call.batch, width = target.shape[1]!;
    if (queriesAreAdjacent(call.batch)) return fill(viewOf(target, blocks[0]!.from, blocks.length, rows));
    const output = this.#scratch(call, blocks.length, rows, width);
    fill(output.ort);
    blocks.forEach(({ from, to }, i) => {
      const at = i * rows * width;
      target.f32.set(output.f32.subarray(at, at + (to - from) * width), from * width);
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
    const { heads } = shape, total = q.shape[0]!;
    this.#calls(segments, total, shape, (call) => {
      const { blocks, rows, keys } = call.batch, session = this.#session("forward", shape, blocks.length);
      const max = this.#scratch(call, blocks.length, heads, rows, 1);
      const sum = this.#scratch(call, blocks.length, heads, rows, 1);
      const inputs = { ...this.#inputs(call, q, k, v), ones: this.#ones.columns(keys) };
      this.#toQueries(call, y, (output) => session.run(inputs, { y: output, max: max.ort, sum: sum.ort }));
      const maxima = max.f32, sums = sum.f32, out = lse.f32;
      blocks.forEach(({ from, to }, i) => {
        for (let head = 0; head < heads; head++) {
          let at = (i * heads + head) * rows;
          for (let row = head * total + from; row < head * total + to; row++, at++) {
            out[row] = maxima[at]! + Math.log(sums[at]!);
          }
        }
      });
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
    const kvWidth = kvHeads * headDim, total = q.shape[0]!;
    dq.f32.fill(0);
    dk.f32.fill(0);
    dv.f32.fill(0);
    this.#calls(segments, total, shape, (call) => {
      const { blocks, rows, keys } = call.batch, session = this.#session("backward", shape, blocks.length);
      // Padding is zero in q, dy and y, so it adds nothing to dk and dv.
      const sums = this.#scratch(call, blocks.length, heads, rows, 1);
      sums.f32.fill(0);
      blocks.forEach(({ from, to }, i) => {
        for (let head = 0; head < heads; head++) {
          sums.f32.set(lse.f32.subarray(head * total + from, head * total + to), (i * heads + head) * rows);
        }
      });
      const dkPart = this.#scratch(call, blocks.length, keys, kvWidth);
      const dvPart = this.#scratch(call, blocks.length, keys, kvWidth);
      const inputs = {
        ...this.#inputs(call, q, k, v),
        onesHead: this.#ones.columns(headDim),
        dy: this.#queries(call, dy),
        y: this.#queries(call, y),
        lse: sums.ort,
      };
      this.#toQueries(
        call,
        dq,
        (output) => session.run(inputs, { dq: output, dk: dkPart.ort, dv: dvPart.ort }),
      );
      for (const [source, target] of [[dkPart.f32, dk.f32], [dvPart.f32, dv.f32]] as const) {
        blocks.forEach(({ parent, before, start, to }, i) => {
          const at = i * keys * kvWidth;
          addInto(source, at, target, parent * kvWidth, before * kvWidth);
          addInto(source, at + before * kvWidth, target, start * kvWidth, (to - start) * kvWidth);
        });
      }
    });
  }

  /** What is added to the scores of slots of these lengths, [slots, 1, capacity]: the same tensor for all layers of a step. */
  #maskOf(lengths: Int32Array, capacity: number): OrtTensor {
    const last = this.#mask, slots = lengths.length;
    // Compared by content: the caller may write new lengths into the same array.
    const same = capacity === last.capacity && slots === last.lengths.length &&
      lengths.every((length, i) => length === last.lengths[i]);
    if (!same) {
      const values = new Float32Array(slots * capacity);
      lengths.forEach((length, i) => values.fill(masked, i * capacity + length, (i + 1) * capacity));
      last.tensor.release();
      const tensor = new OrtTensor(values, [slots, 1, capacity], true);
      this.#mask = { lengths: lengths.slice(), capacity, tensor };
    }
    return this.#mask.tensor;
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
    const used = [slots * kvHeads, capacity, headDim];
    this.#session("decode", shape, slots).run({
      q: q.ort,
      K: cache.keys[layer]!.ortAs(used),
      V: cache.values[layer]!.ortAs(used),
      mask: this.#maskOf(lengths, capacity),
      ones: this.#ones.columns(capacity),
    }, { y: y.ort });
  }

  /** Frees the sessions. */
  dispose(): void {
    this.#mask.tensor.release();
    this.#ones.dispose();
    for (const session of this.#sessions.values()) session.dispose();
  }
}

function viewOf(tensor: CpuTensor, from: number, count: number, rows: number): OrtTensor {
  const width = tensor.shape[1]!;
  return ortTensor(tensor.f32.subarray(from * width, (from + count * rows) * width), [count, rows, width]);
}

/** Whether the blocks' queries follow each other in the stream without padding. */
function queriesAreAdjacent({ blocks, rows }: Batch): boolean {
  const first = blocks[0]!.from;
  return blocks.every((block, i) => block.from === first + i * rows && rowsOf(block) === rows);
}

/** Whether the blocks' keys follow each other in the stream without padding, and none is a parent's. */
function keysAreAdjacent({ blocks, keys }: Batch): boolean {
  const first = blocks[0]!.start;
  return blocks.every((block, i) =>
    block.start === first + i * keys && block.before === 0 && keysOf(block) === keys
  );
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
