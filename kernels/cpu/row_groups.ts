/**
 * Rows that are picked from a matrix: their inner products with other rows, and their sums by group, for code that has no
 * device: k-means on minibatches.
 *
 * One thread computes: what comes out does not depend on the number of cores.
 *
 * @module
 */
import { DataType, type Graph, node } from "./onnx.ts";
import { OrtTensor, ortTensor, Session } from "./ort.ts";

let pick: Session | undefined, scatter: Session | undefined;

const pickGraph: Graph = {
  inputs: [
    { name: "from", shape: ["n", "d"] },
    { name: "rows", type: DataType.int64, shape: ["b"] },
    { name: "others", shape: ["k", "d"] },
  ],
  outputs: [{ name: "picked", shape: ["b", "d"] }, { name: "products", shape: ["b", "k"] }],
  nodes: [
    node("Gather", ["from", "rows"], "picked", { axis: 0n }),
    node("Gemm", ["picked", "others"], "products", { transB: 1n }),
  ],
};

const scatterGraph: Graph = {
  inputs: [
    { name: "start", shape: ["k", "d"] },
    { name: "groups", type: DataType.int64, shape: ["b", 1] },
    { name: "rows", shape: ["b", "d"] },
  ],
  outputs: [{ name: "sums", shape: ["k", "d"] }],
  nodes: [node("ScatterND", ["start", "groups", "rows"], "sums", { reduction: "add" })],
};

/** As many rows as a batch has, of one matrix of float32, again and again. */
export class RowBatch {
  /** [size], of the rows to pick; to be filled. */
  readonly rows: Int32Array;
  /** [size], of the group of each picked row; to be filled. */
  readonly groups: Int32Array;
  /** [size, columns]: the rows that {@linkcode RowBatch.pick} picked. */
  readonly picked: Float32Array;
  readonly #from: OrtTensor;
  readonly #rows: Indices;
  readonly #groups: Indices;
  readonly #picked: OrtTensor;

  /** @param from [rows, columns] */
  constructor(from: Float32Array, readonly columns: number, readonly size: number) {
    this.#from = new OrtTensor(from, [from.length / columns, columns], true);
    this.#rows = new Indices(size, [size]);
    this.#groups = new Indices(size, [size, 1]);
    this.picked = new Float32Array(size * columns);
    this.#picked = new OrtTensor(this.picked, [size, columns], true);
    this.rows = new Int32Array(size);
    this.groups = new Int32Array(size);
  }

  /**
   * Copies the rows whose indices {@linkcode RowBatch.rows} has to {@linkcode RowBatch.picked}, and writes their inner products
   * with other rows, in float32 and in the order of the machine (`productError` of `products.ts` says how exact).
   *
   * @param others [k, columns]
   * @param products [size, k], overwritten
   */
  pick(others: Float32Array, products: Float32Array): void {
    const k = others.length / this.columns;
    this.#rows.set(this.rows);
    (pick ??= new Session(pickGraph, 1)).run(
      { from: this.#from, rows: this.#rows.tensor, others: ortTensor(others, [k, this.columns]) },
      { picked: this.#picked, products: ortTensor(products, [this.size, k]) },
    );
  }

  /**
   * Adds each picked row to the row of its group: `sums[g] = start[g] + a + b + ..` in the order of the batch, rounded to float32
   * after every addition, the same on every machine.
   *
   * @param start [k, columns]; may not be `sums`
   * @param sums [k, columns], overwritten
   */
  addToGroups(start: Float32Array, sums: Float32Array): void {
    const dims = [start.length / this.columns, this.columns];
    this.#groups.set(this.groups);
    (scatter ??= new Session(scatterGraph, 1)).run(
      { start: ortTensor(start, dims), groups: this.#groups.tensor, rows: this.#picked },
      { sums: ortTensor(sums, dims) },
    );
  }

  /** Frees what ONNX Runtime holds of it. */
  [Symbol.dispose](): void {
    for (const tensor of [this.#from, this.#picked, this.#rows.tensor, this.#groups.tensor]) tensor.release();
  }
}

/** Indices as ONNX has them, of 64 bits. */
class Indices {
  readonly tensor: OrtTensor;
  /** Their halves: the low one is written, the high one stays 0, on the little-endian machines that ONNX Runtime is made for. */
  readonly #halves: Int32Array;

  constructor(size: number, dims: readonly number[]) {
    const data = new BigInt64Array(size);
    this.#halves = new Int32Array(data.buffer);
    this.tensor = new OrtTensor(data, dims, true);
  }

  /** @param indices from 0 on */
  set(indices: Int32Array): void {
    for (let i = 0; i < indices.length; i++) this.#halves[2 * i] = indices[i]!;
  }
}
