/**
 * Linear maps on ONNX Runtime's Gemm.
 *
 * Batch invariance (MLAS SGEMM, onnxruntime 1.30): a row's bits are the same for every number of rows from 2 up; one
 * row takes another code path, so it is padded to two. The order of summation also depends on how many columns one
 * thread gets where that is 64 or fewer; {@linkcode safeThreads} keeps threads away from that.
 *
 * @module
 */
import type { LayerTailWeights } from "../layer_types.ts";
import { isHalf } from "../element_type.ts";
import type { Rotation } from "./elementwise.ts";
import { type Graph, node } from "./onnx.ts";
import { swigluNodes } from "./swiglu_graph.ts";
import { type OrtTensor, Session } from "./ort.ts";
import { type PackedMap, PackedProducts, type TailKept } from "./packed_products.ts";
import { fewProducts, safeThreads } from "./safe_threads.ts";
import type { CpuTensor, Pool } from "./tensor.ts";

function gemm(
  a: string[],
  b: string[],
  y: string[],
  transA: boolean,
  transB: boolean,
  c?: (string | number)[],
): Graph {
  return {
    inputs: [{ name: "a", shape: a }, { name: "b", shape: b }, ...(c ? [{ name: "c", shape: c }] : [])],
    outputs: [{ name: "y", shape: y }],
    nodes: [{
      op: "Gemm",
      inputs: c ? ["a", "b", "c"] : ["a", "b"],
      outputs: ["y"],
      attributes: { transA: BigInt(transA), transB: BigInt(transB) },
    }],
  };
}

const graphs = {
  forward: gemm(["n", "k"], ["m", "k"], ["n", "m"], false, true),
  forwardBias: gemm(["n", "k"], ["m", "k"], ["n", "m"], false, true, ["m"]),
  forwardAdd: gemm(["n", "k"], ["m", "k"], ["n", "m"], false, true, ["n", "m"]),
  input: gemm(["n", "k"], ["k", "m"], ["n", "m"], false, false),
  inputAdd: gemm(["n", "k"], ["k", "m"], ["n", "m"], false, false, ["n", "m"]),
  weight: gemm(["k", "n"], ["k", "m"], ["n", "m"], true, false),
  weightAdd: gemm(["k", "n"], ["k", "m"], ["n", "m"], true, false, ["n", "m"]),
  swiglu: gatedGraph(),
};

/** silu(x·gateᵀ)·(x·upᵀ) in one call, by the nodes that {@linkcode LinearOps.forward} and SwiGLU have. */
function gatedGraph(): Graph {
  const weight = (name: string) => ({ name, shape: ["m", "k"] });
  return {
    inputs: [{ name: "a", shape: ["n", "k"] }, weight("gate"), weight("up")],
    outputs: [{ name: "y", shape: ["n", "m"] }],
    nodes: [
      node("Gemm", ["a", "gate"], "g", { transB: 1n }),
      node("Gemm", ["a", "up"], "u", { transB: 1n }),
      ...swigluNodes("g", "u", "y"),
    ],
  };
}

/** Most elements of a gate that is formed in the call of its products: both stay in the cache, and in ONNX Runtime's arena. */
const mostGated = 1 << 18;

/** Largest piece of a 16-bit weight that is widened at a time, in elements (4 MB of f32: stays in the cache). */
const widenElements = 1 << 20;

/** See {@linkcode LayerTailWeights}. */
type TailWeights = Readonly<Record<keyof LayerTailWeights, CpuTensor>>;

/** The linear ops of the CPU engine. */
export class LinearOps {
  readonly #pool: Pool;
  readonly #sessions = new Map<string, Session>();
  readonly #threads: number;
  readonly #packed: PackedProducts;

  /** @param threads upper bound; each weight uses {@linkcode safeThreads} of it */
  constructor(pool: Pool, threads: number) {
    this.#pool = pool;
    this.#threads = threads;
    this.#packed = new PackedProducts(pool, threads);
  }

  #session(kind: keyof typeof graphs, rows: number, columns: number, inner: number): Session {
    const few = rows * columns * inner < fewProducts;
    const threads = few ? 1 : safeThreads(columns, inner, this.#threads);
    const key = `${kind}/${threads}`;
    let session = this.#sessions.get(key);
    if (!session) this.#sessions.set(key, session = new Session(graphs[kind], threads));
    return session;
  }

  /** See {@linkcode Device.packWeights}. */
  pack(weights: readonly CpuTensor[]): void {
    this.#packed.pack(weights);
  }

  /** y ← x·wᵀ + bias + residual. */
  forward(x: CpuTensor, w: CpuTensor, y: CpuTensor, bias?: CpuTensor, residual?: CpuTensor): void {
    const n = x.shape[0]!, k = x.shape[1]!, m = w.shape[0]!;
    checkMap(x, w, y, bias);
    if (residual && residual.size !== y.size) {
      throw new Error(`linear: residual [${residual.shape}] is not [${y.shape}]`);
    }
    if (n === 0) return;
    if (isHalf(w.dtype)) return this.#forwardHalf(x, w, y, bias, residual);
    const packed = this.#packed.allOf(n, [w]);
    if (packed) return this.#forwardPacked(x, packed[0]!, y, bias, residual);
    if (n === 1) return this.#oneRow(x, w, y, bias, residual);
    // Bias and residual together: no architecture needs it in one Gemm, so the bias is added by itself.
    const c = residual ?? bias;
    const kind = residual ? "forwardAdd" : bias ? "forwardBias" : "forward";
    this.#session(kind, n, m, k).run({ a: x.ort, b: w.ort, ...(c && { c: c.ort }) }, { y: y.ort });
    if (residual && bias) addBias(y.f32, bias.f32);
  }

  #forwardPacked(x: CpuTensor, w: OrtTensor, y: CpuTensor, bias?: CpuTensor, residual?: CpuTensor): void {
    const rows = bias && !residual ? this.#everyRow(bias, y) : undefined;
    this.#packed.linear(x, w, y, residual ?? rows);
    if (rows) this.#pool.release(rows);
    if (residual && bias) addBias(y.f32, bias.f32);
  }

  /** y ← silu(x·wGateᵀ)·(x·wUpᵀ) in one call; false, and nothing done, where that does not pay or would have other bits. */
  forwardSwiglu(x: CpuTensor, wGate: CpuTensor, wUp: CpuTensor, y: CpuTensor): boolean {
    const n = x.shape[0]!, [m, k] = wGate.shape as [number, number];
    const fits = x.shape[1] === k && wUp.shape[0] === m && wUp.shape[1] === k && y.size === n * m;
    if (!fits || n < 2 || y.size > mostGated || isHalf(wGate.dtype) || isHalf(wUp.dtype)) return false;
    this.#session("swiglu", n, m, k).run({ a: x.ort, gate: wGate.ort, up: wUp.ort }, { y: y.ort });
    return true;
  }

  /**
   * See {@linkcode Device.projections}; false, and nothing done, where it is not few rows and packed weights, or maps have
   * positions of their own.
   */
  projections(
    x: CpuTensor,
    norm: CpuTensor,
    eps: number,
    maps: readonly (Omit<PackedMap, "w"> & { readonly w: CpuTensor; readonly bias: CpuTensor | undefined })[],
  ): boolean {
    const n = x.shape[0]!, weights = this.#packed.allOf(n, maps.map(({ w }) => w));
    if (!weights || !rotateAlike(maps.map(({ rope }) => rope))) return false;
    if (norm.size !== x.shape[1]) throw new Error(`projections: [${x.shape}] with a norm of [${norm.shape}]`);
    for (const { w, bias, y } of maps) checkMap(x, w, y, bias);
    const added = maps.map(({ bias, y }) => bias && this.#everyRow(bias, y));
    this.#packed.projections(x, norm, eps, maps.map((map, i) => ({ ...map, w: weights[i]!, add: added[i] })));
    for (const rows of added) if (rows) this.#pool.release(rows);
    return true;
  }

  /** See {@linkcode Device.layerTail}; false, and nothing done, where it is not few rows and packed weights. */
  layerTail(
    x: CpuTensor,
    attended: CpuTensor,
    weights: TailWeights,
    eps: number,
    y: CpuTensor,
    kept?: TailKept,
  ): boolean {
    const { o, norm, gate, up, down } = weights, n = x.shape[0]!;
    const packed = this.#packed.allOf(n, [o, gate, up, down]);
    const [inner, dim] = gate.shape as [number, number];
    const fits = x.shape[1] === dim && norm.size === dim && up.size === gate.size && down.shape[0] === dim &&
      down.shape[1] === inner && o.shape[0] === dim && attended.shape[0] === n &&
      attended.shape[1] === o.shape[1] && y.size === x.size;
    const keeps = !kept ||
      kept.m.size === x.size && kept.gate.size === n * inner && kept.up.size === n * inner;
    if (!packed || !fits || !keeps) return false;
    const [wO, wGate, wUp, wDown] = packed;
    this.#packed.layerTail(x, attended, norm, { o: wO!, gate: wGate!, up: wUp!, down: wDown! }, eps, y, kept);
    return true;
  }

  /** A bias as a row for each of y: a Gemm adds it first, products of packed weights otherwise last. */
  #everyRow(bias: CpuTensor, y: CpuTensor): CpuTensor {
    const rows = this.#pool.alloc(y.shape, "f32");
    for (let at = 0; at < rows.size; at += bias.size) rows.f32.set(bias.f32, at);
    return rows;
  }

  #oneRow(x: CpuTensor, w: CpuTensor, y: CpuTensor, bias?: CpuTensor, residual?: CpuTensor): void {
    const k = x.shape[1]!, m = w.shape[0]!;
    const x2 = this.#pool.alloc([2, k], "f32"), y2 = this.#pool.alloc([2, m], "f32");
    x2.f32.set(x.f32);
    x2.f32.set(x.f32, k);
    let r2: CpuTensor | undefined;
    if (residual) {
      r2 = this.#pool.alloc([2, m], "f32");
      r2.f32.set(residual.f32);
      r2.f32.set(residual.f32, m);
    }
    this.forward(x2, w, y2, bias, r2);
    y.f32.set(y2.f32.subarray(0, m));
    this.#pool.release(x2);
    this.#pool.release(y2);
    if (r2) this.#pool.release(r2);
  }

  /** Widens blocks of rows of the weight into f32 and multiplies them, each into its columns of y. */
  #forwardHalf(x: CpuTensor, w: CpuTensor, y: CpuTensor, bias?: CpuTensor, residual?: CpuTensor): void {
    const n = x.shape[0]!, k = x.shape[1]!, m = w.shape[0]!;
    const block = Math.min(m, Math.max(128, Math.floor(widenElements / k)));
    for (let start = 0; start < m; start += block) {
      const end = Math.min(m, start + block);
      const wide = this.widen(w, start, end);
      const part = this.#pool.alloc([n, end - start], "f32");
      this.forward(x, wide, part);
      for (let row = 0; row < n; row++) {
        y.f32.set(part.f32.subarray(row * (end - start), (row + 1) * (end - start)), row * m + start);
      }
      this.#pool.release(part);
      this.#pool.release(wide);
    }
    if (residual) { for (let i = 0; i < y.size; i++) y.f32[i]! += residual.f32[i]!; }
    if (bias) addBias(y.f32, bias.f32);
  }

  /** Rows [start, end) of a bf16 or f16 weight as a new f32 tensor. */
  widen(w: CpuTensor, start: number, end: number): CpuTensor {
    const k = w.shape[1]!;
    const wide = this.#pool.alloc([end - start, k], "f32");
    w.widen(start * k, end * k, wide.f32);
    return wide;
  }

  /** dx (+)= dy·w. */
  backwardInput(dy: CpuTensor, w: CpuTensor, dx: CpuTensor, accumulate: boolean): void {
    const m = w.shape[1]!, k = w.shape[0]!;
    if (dy.shape[1] !== k || dx.shape[1] !== m || dx.shape[0] !== dy.shape[0]) {
      throw new Error(`linearBackwardInput: [${dy.shape}] · [${w.shape}] does not give [${dx.shape}]`);
    }
    if (dy.shape[0] === 0) return;
    if (dy.shape[0] === 1) return this.#backwardInputOneRow(dy, w, dx, accumulate);
    if (isHalf(w.dtype)) {
      const wide = this.widen(w, 0, k);
      this.backwardInput(dy, wide, dx, accumulate);
      return this.#pool.release(wide);
    }
    const inputs = { a: dy.ort, b: w.ort };
    const n = dy.shape[0]!;
    if (accumulate) this.#session("inputAdd", n, m, k).run({ ...inputs, c: dx.ort }, { y: dx.ort });
    else this.#session("input", n, m, k).run(inputs, { y: dx.ort });
  }

  /** One row alone takes another code path, so it is doubled. */
  #backwardInputOneRow(dy: CpuTensor, w: CpuTensor, dx: CpuTensor, accumulate: boolean): void {
    const doubled = (row: CpuTensor) => {
      const rows = this.#pool.alloc([2, row.size], "f32");
      rows.f32.set(row.f32);
      rows.f32.set(row.f32, row.size);
      return rows;
    };
    const dy2 = doubled(dy), dx2 = doubled(dx);
    this.backwardInput(dy2, w, dx2, accumulate);
    dx.f32.set(dx2.f32.subarray(0, dx.size));
    this.#pool.release(dy2);
    this.#pool.release(dx2);
  }

  /** dw (+)= dyᵀ·x. */
  backwardWeight(dy: CpuTensor, x: CpuTensor, dw: CpuTensor, accumulate: boolean, dBias?: CpuTensor): void {
    if (dy.shape[0] !== x.shape[0] || dw.shape[0] !== dy.shape[1] || dw.shape[1] !== x.shape[1]) {
      throw new Error(`linearBackwardWeight: [${dy.shape}]ᵀ · [${x.shape}] does not give [${dw.shape}]`);
    }
    if (dBias && dBias.size !== dy.shape[1]) {
      throw new Error(`linearBackwardWeight: dBias has ${dBias.size} elements, not ${dy.shape[1]}`);
    }
    if (dy.shape[0] === 0) {
      if (!accumulate) dw.f32.fill(0);
    } else {
      const inputs = { a: dy.ort, b: x.ort };
      const [rows, columns] = dw.shape as [number, number], inner = dy.shape[0]!;
      const adds = !dw.takeZero() && accumulate;
      this.#session(adds ? "weightAdd" : "weight", rows, columns, inner)
        .run({ ...inputs, ...(adds && { c: dw.ort }) }, { y: dw.ort });
    }
    if (dBias) {
      const m = dy.shape[1]!, sum = dBias.f32;
      if (!accumulate) sum.fill(0);
      for (let i = 0; i < dy.size; i += m) for (let j = 0; j < m; j++) sum[j]! += dy.f32[i + j]!;
    }
  }

  /** Frees the sessions. */
  dispose(): void {
    for (const session of this.#sessions.values()) session.dispose();
    this.#packed.dispose();
  }
}

/** Whether all that rotate do so by the same positions in the same table. */
function rotateAlike(rotations: readonly (Rotation | undefined)[]): boolean {
  const some = rotations.filter((rotation) => rotation !== undefined);
  return some.every(({ p, cos, sin }) => p === some[0]!.p && cos === some[0]!.cos && sin === some[0]!.sin);
}

function checkMap(x: CpuTensor, w: CpuTensor, y: CpuTensor, bias?: CpuTensor): void {
  const [n, k] = x.shape, m = w.shape[0];
  if (w.shape[1] !== k || y.shape[0] !== n || y.shape[1] !== m) {
    throw new Error(`linear: [${x.shape}] · [${w.shape}]ᵀ does not give [${y.shape}]`);
  }
  if (bias && bias.size !== m) throw new Error(`linear: bias has ${bias.size} elements, not ${m}`);
}

function addBias(y: Float32Array, bias: Float32Array): void {
  for (let i = 0; i < y.length; i += bias.length) {
    for (let j = 0; j < bias.length; j++) y[i + j]! += bias[j]!;
  }
}
