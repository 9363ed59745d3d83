/**
 * Linear maps on ONNX Runtime's Gemm.
 *
 * Batch invariance (MLAS SGEMM, onnxruntime 1.30): a row's bits are the same for every number of rows from 2 up; one
 * row takes another code path, so it is padded to two. The order of summation also depends on how many columns one
 * thread gets where that is 64 or fewer; {@linkcode safeThreads} keeps threads away from that.
 *
 * @module
 */
import { isHalf } from "../element_type.ts";
import { ForwardProduct } from "./forward_product.ts";
import type { Graph } from "./onnx.ts";
import { Session } from "./ort.ts";
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
  input: gemm(["n", "k"], ["k", "m"], ["n", "m"], false, false),
  inputAdd: gemm(["n", "k"], ["k", "m"], ["n", "m"], false, false, ["n", "m"]),
  weight: gemm(["k", "n"], ["k", "m"], ["n", "m"], true, false),
  weightAdd: gemm(["k", "n"], ["k", "m"], ["n", "m"], true, false, ["n", "m"]),
};

/**
 * Most threads for which a [columns, inner] weight gives the same bits for every number of rows. MLAS splits columns
 * over threads when rows are few, and sums over blocks of 128, 256, … inner elements, longer when a thread has at
 * most 64, 32, … columns. With more than 64 columns a thread, or one block whatever the split, nothing changes.
 */
export function safeThreads(columns: number, inner: number, threads: number): number {
  if (inner <= 128 || (inner <= 256 && columns <= 64)) return threads;
  return Math.max(1, Math.min(threads, Math.floor(columns / 80)));
}

/** Below this many multiplications a second thread takes as long to wake as it saves, and longer on a busy machine. */
const fewProducts = 1 << 22;

/** Largest piece of a 16-bit weight that is widened at a time, in elements (4 MB of f32: stays in the cache). */
const widenElements = 1 << 20;

/** The linear ops of the CPU engine. */
export class LinearOps {
  readonly #pool: Pool;
  readonly #sessions = new Map<string, Session>();
  readonly #products: ForwardProduct;
  readonly #threads: number;

  /** @param threads upper bound; each weight uses {@linkcode safeThreads} of it */
  constructor(pool: Pool, threads: number) {
    this.#pool = pool;
    this.#threads = threads;
    this.#products = new ForwardProduct(pool, threads);
  }

  #session(kind: keyof typeof graphs, rows: number, columns: number, inner: number): Session {
    const few = rows * columns * inner < fewProducts;
    const threads = few ? 1 : safeThreads(columns, inner, this.#threads);
    const key = `${kind}/${threads}`;
    let session = this.#sessions.get(key);
    if (!session) this.#sessions.set(key, session = new Session(graphs[kind], threads));
    return session;
  }

  /** y ← x·wᵀ + bias + residual. */
  forward(x: CpuTensor, w: CpuTensor, y: CpuTensor, bias?: CpuTensor, residual?: CpuTensor): void {
    const n = x.shape[0]!, k = x.shape[1]!, m = w.shape[0]!;
    if (w.shape[1] !== k || y.shape[0] !== n || y.shape[1] !== m) {
      throw new Error(`linear: [${x.shape}] · [${w.shape}]ᵀ does not give [${y.shape}]`);
    }
    if (bias && bias.size !== m) throw new Error(`linear: bias has ${bias.size} elements, not ${m}`);
    if (residual && residual.size !== y.size) {
      throw new Error(`linear: residual [${residual.shape}] is not [${y.shape}]`);
    }
    if (n === 0) return;
    if (isHalf(w.dtype)) return this.#forwardHalf(x, w, y, bias, residual);
    const add = residual ?? bias;
    this.#products.run(x, w, y, add && { add });
    // No architecture has a bias and a residual.
    if (residual && bias) addBias(y.f32, bias.f32);
  }

  /** y ← silu(x·wGateᵀ)·(x·wUpᵀ) in one go; false, and nothing done, for weights of 16 bits. */
  forwardSwiglu(x: CpuTensor, wGate: CpuTensor, wUp: CpuTensor, y: CpuTensor): boolean {
    const n = x.shape[0]!, [m, k] = wGate.shape as [number, number];
    if (x.shape[1] !== k || wUp.shape[0] !== m || wUp.shape[1] !== k || y.size !== n * m) {
      throw new Error(`linearSwiglu: [${x.shape}] · [${wGate.shape}]ᵀ, [${wUp.shape}]ᵀ, y [${y.shape}]`);
    }
    if (isHalf(wGate.dtype) || isHalf(wUp.dtype)) return false;
    if (n > 0) this.#products.run(x, wGate, y, { up: wUp });
    return true;
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
      const kind = accumulate ? "weightAdd" : "weight";
      this.#session(kind, rows, columns, inner).run({ ...inputs, ...(accumulate && { c: dw.ort }) }, {
        y: dw.ort,
      });
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
    this.#products.dispose();
  }
}

function addBias(y: Float32Array, bias: Float32Array): void {
  for (let i = 0; i < y.length; i += bias.length) {
    for (let j = 0; j < bias.length; j++) y[i + j]! += bias[j]!;
  }
}
