/**
 * The matrix product of a forward pass, x·wᵀ, in two forms of the same bits: one for few rows, one for any number.
 *
 * MLAS (onnxruntime 1.30) adds inner elements up in order in blocks, and then the blocks; the fewer columns a product
 * has, the longer are its blocks: 512 elements for 17 to 32 columns, on one thread or with rows split over threads. Both
 * forms have 32 columns, so both add up blocks of 512:
 *
 *     in blocks   x · (32 rows of w)ᵀ for each 32 rows: a batch of products, then blocks of columns put side by side
 *     turned      (w · xᵀ)ᵀ for 17 to 32 rows of x: w is read as it lies, where as the right factor it would be
 *                 packed first, and only then used; three quarters of the time where w comes from memory
 *
 * A weight that has not a multiple of 32 rows is always turned, 32 rows of x at a time; one with fewer than 32 rows is
 * one product, whose blocks depend on its own shape alone. A product of one row takes another code path in all of them,
 * so there is none.
 *
 * @module
 */
import { type Graph, type Node, node } from "./onnx.ts";
import { Session } from "./ort.ts";
import { swigluNodes } from "./swiglu_graph.ts";
import type { CpuTensor, Pool } from "./tensor.ts";

/** Columns of a product. */
const width = 32;
/** Fewest rows that a turned product may have: fewer columns would have longer blocks. */
const fewestTurned = 17;
/** Most elements of y at a time: what waits to be put in order stays in the cache. */
const pieceElements = 1 << 19;
/** Fewest rows at a time, as the weight is packed for each piece. */
const pieceRows = 256;
/** Below this many multiplications a second thread takes as long to wake as it saves, and longer on a busy machine. */
const fewProducts = 1 << 22;

type Form = "blocks" | "turned" | "narrow";
/** What is added to the product: nothing, a row, or another tensor of its shape. */
type Addend = "" | "row" | "all";

const transB = { transB: 1n };

/** Dimensions of what goes in and out, and the order in which the product's dimensions become those of y. */
const forms = {
  narrow: { w: ["m", "k"], y: ["n", "m"], row: ["m"], order: null },
  turned: { w: ["m", "k"], y: ["n", "m"], row: ["m"], order: [1n, 0n] },
  blocks: { w: ["b", width, "k"], y: ["n", "b", width], row: ["b", width], order: [1n, 0n, 2n] },
} as const;

function productNode(form: Form, w: string, out: string): Node {
  if (form === "blocks") return node("FusedMatMul", ["x", w], out, transB, "com.microsoft");
  return node("Gemm", form === "turned" ? [w, "x"] : ["x", w], out, transB);
}

/** y ← x·wᵀ + c, or y ← silu(x·wᵀ)·(x·upᵀ). */
function graphOf(form: Form, gated: boolean, addend: Addend): Graph {
  const { w, y, row, order } = forms[form], c = addend === "row" ? row : y;
  // The steps after the products, each from the one before.
  const steps: ((from: string, to: string) => Node)[] = [];
  if (order) steps.push((from, to) => node("Transpose", [from], to, { perm: order }));
  if (addend) steps.push((from, to) => node("Add", [from, "c"], to));
  const after = (step: number) => step === steps.length ? "y" : `step${step}`;
  return {
    inputs: [
      { name: "x", shape: ["n", "k"] },
      { name: "w", shape: w },
      ...(gated ? [{ name: "up", shape: w }] : []),
      ...(addend ? [{ name: "c", shape: c }] : []),
    ],
    outputs: [{ name: "y", shape: y }],
    nodes: [
      ...(gated
        ? [productNode(form, "w", "g"), productNode(form, "up", "u"), ...swigluNodes("g", "u", after(0))]
        : [productNode(form, "w", after(0))]),
      ...steps.map((step, i) => step(after(i), after(i + 1))),
    ],
  };
}

/** What a product ends with. */
export interface ProductOptions {
  /** A second weight: y ← silu(x·wᵀ)·(x·upᵀ). */
  readonly up?: CpuTensor;
  /** Added to the product: [m] to every row, or [n, m]. */
  readonly add?: CpuTensor;
}

/** Products of forward passes. */
export class ForwardProduct {
  readonly #sessions = new Map<string, Session>();

  /** @param threads upper bound: no thread gets fewer than 32 rows of a weight, as it might then get columns or one row */
  constructor(readonly pool: Pool, readonly threads: number) {}

  /** y ← x·wᵀ + add, or y ← silu(x·wᵀ)·(x·upᵀ); x [n, k] with n > 0, w and up [m, k], y [n, m], all f32. */
  run(x: CpuTensor, w: CpuTensor, y: CpuTensor, options: ProductOptions = {}): void {
    const n = x.shape[0]!, m = w.shape[0]!;
    const few = m < width ? 2 : m % width === 0 ? 2 : fewestTurned;
    if (n < few) return this.#padded(few, x, w, y, options);
    if (m >= width && m % width !== 0) {
      // The last piece reaches back over rows that are done: a piece of fewer would have other bits.
      for (let from = 0; from < n; from += width) {
        const to = Math.min(n, from + width);
        this.#piece("turned", x, w, y, options, n - from < fewestTurned ? to - width : from, to);
      }
      return;
    }
    const form = m < width ? "narrow" : n >= fewestTurned && n <= width ? "turned" : "blocks";
    const rows = Math.max(pieceRows, Math.floor(pieceElements / m));
    for (let from = 0, to = 0; from < n; from = to) {
      to = n - from <= rows + 1 ? n : from + rows; // no piece of one row
      this.#piece(form, x, w, y, options, from, to);
    }
  }

  #session(form: Form, gated: boolean, addend: Addend, m: number, products: number): Session {
    const most = form === "narrow" ? 1 : Math.max(1, Math.floor(m / width));
    const threads = products < fewProducts ? 1 : Math.min(this.threads, most);
    const key = `${form} ${gated} ${addend} ${threads}`;
    let session = this.#sessions.get(key);
    if (!session) this.#sessions.set(key, session = new Session(graphOf(form, gated, addend), threads));
    return session;
  }

  /** Rows [from, to). */
  #piece(
    form: Form,
    x: CpuTensor,
    w: CpuTensor,
    y: CpuTensor,
    { up, add }: ProductOptions,
    from: number,
    to: number,
  ): void {
    const n = to - from, whole = n === x.shape[0], [m, k] = w.shape as [number, number];
    const part = (t: CpuTensor) => whole ? t : t.rows(from, to), blocks = m / width;
    const weight = (t: CpuTensor) => form === "blocks" ? t.ortAs([blocks, width, k]) : t.ort;
    const rows = (t: CpuTensor) => form === "blocks" ? part(t).ortAs([n, blocks, width]) : part(t).ort;
    const addend: Addend = !add ? "" : add.size === m && add.shape.length === 1 ? "row" : "all";
    const c = addend === "row"
      ? { c: form === "blocks" ? add!.ortAs([blocks, width]) : add!.ort }
      : addend && { c: rows(add!) };
    this.#session(form, up !== undefined, addend, m, n * m * k).run(
      { x: part(x).ort, w: weight(w), ...(up && { up: weight(up) }), ...c },
      { y: rows(y) },
    );
  }

  /** Fewer rows than a product may have, among zeros. */
  #padded(rows: number, x: CpuTensor, w: CpuTensor, y: CpuTensor, { up, add }: ProductOptions): void {
    const scratch: CpuTensor[] = [];
    const padded = (t: CpuTensor): CpuTensor => {
      const copy = this.pool.alloc([rows, t.shape[1]!], "f32");
      scratch.push(copy);
      copy.f32.fill(0, t.size);
      copy.f32.set(t.f32);
      return copy;
    };
    const all = padded(y), row = add?.shape.length === 1;
    this.run(padded(x), w, all, { ...(up && { up }), ...(add && { add: row ? add : padded(add) }) });
    y.f32.set(all.f32.subarray(0, y.size));
    for (const tensor of scratch) this.pool.release(tensor);
  }

  /** Frees the sessions. */
  dispose(): void {
    for (const session of this.#sessions.values()) session.dispose();
  }
}
