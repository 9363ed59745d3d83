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
import type { Attribute, Constant, Graph, Node } from "./onnx.ts";
import { ortTensor, Session } from "./ort.ts";
import { Ones } from "./ones.ts";
import type { CpuTensor, Pool } from "./tensor.ts";

/** Query rows handled at a time: bounds the score matrix, and skips most keys that lie in a row's future. */
const queryBlock = 128;

const masked = -1e30;

const node = (
  op: string,
  inputs: string[],
  outputs: string | string[],
  attributes: Record<string, Attribute> = {},
  domain = "",
): Node => ({ op, inputs, outputs: typeof outputs === "string" ? [outputs] : outputs, attributes, domain });

const ints = (name: string, ...values: number[]): Constant => ({
  name,
  shape: [values.length],
  data: new BigInt64Array(values.map(BigInt)),
});

const matrix = (name: string, rows: string, columns: number) => ({ name, shape: [rows, columns] });

function constants({ heads, kvHeads, headDim }: AttentionShape): Constant[] {
  const group = heads / kvHeads;
  return [
    ints("split", -1, kvHeads, group, headDim),
    ints("splitKv", -1, kvHeads, headDim),
    ints("byKv", kvHeads, -1, headDim),
    ints("byHead", heads, -1, 0),
    ints("byKvScores", kvHeads, -1, 0),
    ints("byGroup", kvHeads, group, -1, headDim),
    ints("flat", -1, heads * headDim),
    ints("flatKv", -1, kvHeads * headDim),
    ints("perHead", -1, headDim),
    ints("rowsByHead", -1, heads),
    ints("headColumn", heads, -1, 1),
    ints("headRows", heads, -1),
    ints("zero", 0),
    ints("one", 1),
    ints("last", -1),
    { name: "masked", shape: [1], data: new Float32Array([masked]) },
    { name: "nought", shape: [1], data: new Float32Array([0]) },
  ];
}

/** Nodes that turn q, ka|kb, va|vb into Q [kv, group·n, hd], K and V [kv, T, hd] and masked scores S [heads, n, T]. */
function scoreNodes(shape: AttentionShape): Node[] {
  return [
    node("Concat", ["ka", "kb"], "kRows", { axis: 0n }),
    node("Concat", ["va", "vb"], "vRows", { axis: 0n }),
    node("Reshape", ["kRows", "splitKv"], "k3"),
    node("Reshape", ["vRows", "splitKv"], "v3"),
    node("Transpose", ["k3"], "K", { perm: [1n, 0n, 2n] }),
    node("Transpose", ["v3"], "V", { perm: [1n, 0n, 2n] }),
    node("Reshape", ["q", "split"], "q4"),
    node("Transpose", ["q4"], "q4t", { perm: [1n, 2n, 0n, 3n] }),
    node("Reshape", ["q4t", "byKv"], "Q"),
    node(
      "FusedMatMul",
      ["Q", "K"],
      "rawKv",
      { transB: 1n, alpha: 1 / Math.sqrt(shape.headDim) },
      "com.microsoft",
    ),
    node("Reshape", ["rawKv", "byHead"], "raw"),
    node("Greater", ["keys", "queries"], "future"),
    node("Where", ["future", "masked", "raw"], "S"),
  ];
}

const segmentInputs = ({ heads, kvHeads, headDim }: AttentionShape) => [
  matrix("q", "n", heads * headDim),
  matrix("ka", "a", kvHeads * headDim),
  matrix("kb", "b", kvHeads * headDim),
  matrix("va", "a", kvHeads * headDim),
  matrix("vb", "b", kvHeads * headDim),
  { name: "queries", shape: ["n", 1] },
  { name: "keys", shape: [1, "t"] },
];

function forwardGraph(shape: AttentionShape): Graph {
  return {
    inputs: [...segmentInputs(shape), { name: "ones", shape: ["t", 2] }],
    outputs: [
      matrix("y", "n", shape.heads * shape.headDim),
      { name: "maxRows", shape: [shape.heads, "n"] },
      { name: "sumRows", shape: [shape.heads, "n"] },
    ],
    constants: constants(shape),
    nodes: [
      ...scoreNodes(shape),
      node("ReduceMax", ["S", "last"], "max", { keepdims: 1n }),
      node("Sub", ["S", "max"], "shifted"),
      node("Exp", ["shifted"], "E"),
      node("MatMul", ["E", "ones"], "sums"),
      node("Slice", ["sums", "zero", "one", "last"], "sum"),
      node("Reshape", ["E", "byKvScores"], "Ekv"),
      node("MatMul", ["Ekv", "V"], "weighted"),
      node("Reshape", ["sum", "byKvColumn"], "sumKv"),
      node("Div", ["weighted", "sumKv"], "outKv"),
      node("Reshape", ["outKv", "byGroup"], "out4"),
      node("Transpose", ["out4"], "out4t", { perm: [2n, 0n, 1n, 3n] }),
      node("Reshape", ["out4t", "flat"], "y"),
      // The logarithm is taken outside: the bits of Log depend on where in memory a number lies.
      node("Reshape", ["max", "headRows"], "maxRows"),
      node("Reshape", ["sum", "headRows"], "sumRows"),
    ],
  };
}

/**
 * P = exp(S − lse), dV = Pᵀ·dO, dP = dO·Vᵀ, dS = P∘(dP − rowsum(dO∘O)), dQ = dS·K/√d, dK = dSᵀ·Q/√d
 * (Dao 2023, FlashAttention-2, algorithm 2).
 */
function backwardGraph(shape: AttentionShape): Graph {
  const alpha = 1 / Math.sqrt(shape.headDim);
  return {
    inputs: [
      ...segmentInputs(shape),
      { name: "onesHead", shape: [shape.headDim, 2] },
      matrix("dy", "n", shape.heads * shape.headDim),
      matrix("y", "n", shape.heads * shape.headDim),
      { name: "lse", shape: [shape.heads, "n"] },
    ],
    outputs: [
      matrix("dq", "n", shape.heads * shape.headDim),
      matrix("dk", "t", shape.kvHeads * shape.headDim),
      matrix("dv", "t", shape.kvHeads * shape.headDim),
    ],
    constants: constants(shape),
    nodes: [
      ...scoreNodes(shape),
      node("Reshape", ["lse", "headColumn"], "lseColumn"),
      node("Sub", ["S", "lseColumn"], "shifted"),
      node("Exp", ["shifted"], "P"),
      node("Reshape", ["P", "byKvScores"], "Pkv"),
      node("Reshape", ["dy", "split"], "dy4"),
      node("Transpose", ["dy4"], "dy4t", { perm: [1n, 2n, 0n, 3n] }),
      node("Reshape", ["dy4t", "byKv"], "dO"),
      node("FusedMatMul", ["Pkv", "dO"], "dvKv", { transA: 1n }, "com.microsoft"),
      node("FusedMatMul", ["dO", "V"], "dP", { transB: 1n }, "com.microsoft"),
      node("Mul", ["dy", "y"], "dyY"),
      node("Reshape", ["dyY", "perHead"], "dyYHead"),
      node("MatMul", ["dyYHead", "onesHead"], "dots2"),
      node("Slice", ["dots2", "zero", "one", "last"], "dotsColumn"),
      node("Reshape", ["dotsColumn", "rowsByHead"], "dots"),
      node("Transpose", ["dots"], "dotsT", { perm: [1n, 0n] }),
      node("Reshape", ["dotsT", "byKvColumn"], "D"),
      node("Sub", ["dP", "D"], "centred"),
      node("Mul", ["Pkv", "centred"], "dS"),
      node("FusedMatMul", ["dS", "K"], "dQ", { alpha }, "com.microsoft"),
      node("FusedMatMul", ["dS", "Q"], "dkKv", { transA: 1n, alpha }, "com.microsoft"),
      node("Reshape", ["dQ", "byGroup"], "dQ4"),
      node("Transpose", ["dQ4"], "dQ4t", { perm: [2n, 0n, 1n, 3n] }),
      node("Reshape", ["dQ4t", "flat"], "dq"),
      node("Transpose", ["dkKv"], "dk3", { perm: [1n, 0n, 2n] }),
      node("Reshape", ["dk3", "flatKv"], "dk"),
      node("Transpose", ["dvKv"], "dv3", { perm: [1n, 0n, 2n] }),
      node("Reshape", ["dv3", "flatKv"], "dv"),
    ],
  };
}

/** Decoding: q [b·kv, group, hd], caches [b·kv, T, hd]; keys at or past a slot's length are masked. */
function decodeGraph(shape: AttentionShape): Graph {
  const { heads, kvHeads, headDim } = shape;
  const group = heads / kvHeads;
  const pad = group === 1;
  return {
    inputs: [
      matrix("q", "b", heads * headDim),
      { name: "K", shape: ["bk", "t", headDim] },
      { name: "V", shape: ["bk", "t", headDim] },
      { name: "lengths", shape: ["b", 1, 1] },
      { name: "keys", shape: [1, 1, "t"] },
      { name: "ones", shape: ["t", 2] },
    ],
    outputs: [matrix("y", "b", heads * headDim)],
    constants: [
      ints("byKv", -1, group, headDim),
      ints("bySlot", -1, kvHeads * (pad ? 2 : group), 0),
      ints("back", -1, pad ? 2 : group, 0),
      ints("column", -1, pad ? 2 : group, 1),
      ints("flat", -1, heads * headDim),
      ints("zero", 0),
      ints("one", 1),
      ints("last", -1),
      { name: "masked", shape: [1], data: new Float32Array([masked]) },
    ],
    nodes: [
      node("Reshape", ["q", "byKv"], "Q1"),
      pad ? node("Concat", ["Q1", "Q1"], "Q", { axis: 1n }) : node("Identity", ["Q1"], "Q"),
      node("FusedMatMul", ["Q", "K"], "raw", { transB: 1n, alpha: 1 / Math.sqrt(headDim) }, "com.microsoft"),
      node("Reshape", ["raw", "bySlot"], "rawSlot"),
      node("Less", ["keys", "lengths"], "seen"),
      node("Where", ["seen", "rawSlot", "masked"], "S"),
      node("ReduceMax", ["S", "last"], "max", { keepdims: 1n }),
      node("Sub", ["S", "max"], "shifted"),
      node("Exp", ["shifted"], "E"),
      node("MatMul", ["E", "ones"], "sums"),
      node("Slice", ["sums", "zero", "one", "last"], "sum"),
      node("Reshape", ["E", "back"], "Ekv"),
      node("MatMul", ["Ekv", "V"], "weighted"),
      node("Reshape", ["sum", "column"], "sumKv"),
      node("Div", ["weighted", "sumKv"], "out"),
      ...(pad
        ? [node("Slice", ["out", "zero", "one", "one"], "out1"), node("Reshape", ["out1", "flat"], "y")]
        : [node("Reshape", ["out", "flat"], "y")]),
    ],
  };
}

/** Keys and values per layer: [slots, kvHeads, capacity, headDim]. */
export class CpuKvCache {
  readonly keys: CpuTensor[] = [];
  readonly values: CpuTensor[] = [];

  /** Allocates all layers. */
  constructor(
    readonly pool: Pool,
    readonly layers: number,
    readonly slots: number,
    public capacity: number,
    readonly shape: AttentionShape,
  ) {
    for (let layer = 0; layer < layers; layer++) {
      this.keys.push(this.#alloc(capacity));
      this.values.push(this.#alloc(capacity));
    }
  }

  #alloc(capacity: number): CpuTensor {
    const tensor = this.pool.alloc([this.slots, this.shape.kvHeads, capacity, this.shape.headDim], "f32");
    // Masked keys are multiplied by 0, so what lies there must be finite.
    tensor.f32.fill(0);
    return tensor;
  }

  /** Makes room for `capacity` tokens a slot, in steps of 32. */
  grow(capacity: number): void {
    const wanted = Math.ceil(capacity / 32) * 32;
    const { kvHeads, headDim } = this.shape;
    for (const list of [this.keys, this.values]) {
      for (let layer = 0; layer < this.layers; layer++) {
        const old = list[layer]!, next = this.#alloc(wanted);
        for (let head = 0; head < this.slots * kvHeads; head++) {
          const from = head * this.capacity * headDim;
          next.f32.set(old.f32.subarray(from, from + this.capacity * headDim), head * wanted * headDim);
        }
        this.pool.release(old);
        list[layer] = next;
      }
    }
    this.capacity = wanted;
  }

  /** Elements of a token's keys. */
  get width(): number {
    return this.shape.kvHeads * this.shape.headDim;
  }

  /** Fails unless slot and layer are there. */
  check(slot: number, layer = 0): void {
    if (!(slot >= 0 && slot < this.slots)) throw new Error(`cache: slot ${slot} of ${this.slots}`);
    if (!(layer >= 0 && layer < this.layers)) throw new Error(`cache: layer ${layer} of ${this.layers}`);
  }

  /** Writes rows [row, row + count) of k and v to a slot. */
  write(
    layer: number,
    k: Float32Array,
    v: Float32Array,
    row: number,
    count: number,
    slot: number,
    at: number,
  ): void {
    const { kvHeads, headDim } = this.shape;
    const keys = this.keys[layer]!.f32, values = this.values[layer]!.f32, width = kvHeads * headDim;
    for (let i = 0; i < count; i++) {
      for (let head = 0; head < kvHeads; head++) {
        const from = (row + i) * width + head * headDim;
        const to = ((slot * kvHeads + head) * this.capacity + at + i) * headDim;
        keys.set(k.subarray(from, from + headDim), to);
        values.set(v.subarray(from, from + headDim), to);
      }
    }
  }

  /** Copies the first `count` tokens of a slot over another. */
  copySlot(from: number, to: number, count: number): void {
    const { kvHeads, headDim } = this.shape;
    this.check(from);
    this.check(to);
    if (!(count >= 0 && count <= this.capacity)) {
      throw new Error(`cacheCopy: ${count} tokens of ${this.capacity}`);
    }
    for (const list of [this.keys, this.values]) {
      for (const { f32 } of list) {
        for (let head = 0; head < kvHeads; head++) {
          const source = (from * kvHeads + head) * this.capacity * headDim;
          f32.copyWithin((to * kvHeads + head) * this.capacity * headDim, source, source + count * headDim);
        }
      }
    }
  }

  /** Gives the memory back. */
  free(): void {
    for (const tensor of [...this.keys, ...this.values]) this.pool.release(tensor);
  }
}

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
      const model = graph(shape);
      const column = ints("byKvColumn", shape.kvHeads, -1, 1);
      session = new Session(
        { ...model, constants: [...model.constants ?? [], column] },
        Math.min(this.threads, shape.kvHeads),
      );
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
