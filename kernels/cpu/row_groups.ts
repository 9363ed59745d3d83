/**
 * Rows that are picked from a matrix: their inner products with other rows, and their sums by group, for code that has no
 * device: k-means on minibatches.
 *
 * One thread computes: what comes out does not depend on the number of cores.
 *
 * @module
 */
import { DataType, type Graph, node } from "./onnx.ts";
import { OrtTensor, Session } from "./ort.ts";

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
    { name: "zeros", shape: ["k", "d"] },
    { name: "start", shape: ["k", "d"] },
    { name: "groups", type: DataType.int64, shape: ["b", 1] },
    { name: "picked", shape: ["b", "d"] },
  ],
  outputs: [{ name: "sums", shape: ["k", "d"] }, { name: "totals", shape: ["k", "d"] }],
  nodes: [
    node("ScatterND", ["zeros", "groups", "picked"], "sums", { reduction: "add" }),
    node("ScatterND", ["start", "groups", "picked"], "totals", { reduction: "add" }),
  ],
};

/** As many rows as a batch has, of one matrix of float32, and as many other rows as there are groups, again and again. */
export class RowBatch {
  /** [size], of the rows to pick; to be filled. */
  readonly rows: Int32Array;
  /** [size], of the group of each picked row; to be filled. */
  readonly groups: Int32Array;
  /** [size, columns]: the rows that {@linkcode RowBatch.pick} picked. */
  readonly picked: Float32Array;
  /** [size, others]: their inner products with the other rows. */
  readonly products: Float32Array;
  /** [others, columns], to which {@linkcode RowBatch.add} adds; to be filled. */
  readonly start: Float32Array;
  /** [others, columns]: the sum of each group. */
  readonly sums: Float32Array;
  /** [others, columns]: the sum of each group and of where it starts. */
  readonly totals: Float32Array;
  readonly #rows: Indices;
  readonly #groups: Indices;
  readonly #tensors: Readonly<Record<"from" | "others" | "picked" | "products" | "zeros" | Sums, OrtTensor>>;

  /**
   * @param from [rows, columns]
   * @param others [others, columns], one for each group
   */
  constructor(from: Float32Array, others: Float32Array, readonly columns: number, readonly size: number) {
    const k = others.length / columns, floats = (length: number) => new Float32Array(length);
    this.#rows = new Indices(size, [size]);
    this.#groups = new Indices(size, [size, 1]);
    this.rows = new Int32Array(size);
    this.groups = new Int32Array(size);
    this.picked = floats(size * columns);
    this.products = floats(size * k);
    this.start = floats(k * columns);
    this.sums = floats(k * columns);
    this.totals = floats(k * columns);
    const tensor = (data: Float32Array, width: number) =>
      new OrtTensor(data, [data.length / width, width], true);
    this.#tensors = {
      from: tensor(from, columns),
      others: tensor(others, columns),
      picked: tensor(this.picked, columns),
      products: tensor(this.products, k),
      zeros: tensor(floats(k * columns), columns),
      start: tensor(this.start, columns),
      sums: tensor(this.sums, columns),
      totals: tensor(this.totals, columns),
    };
  }

  /**
   * Copies the rows whose indices {@linkcode RowBatch.rows} has to {@linkcode RowBatch.picked}, and multiplies them with the others
   * into {@linkcode RowBatch.products}, in float32 and in the order of the machine (`productError` of `products.ts` says how
   * exact).
   */
  pick(): void {
    const { from, others, picked, products } = this.#tensors;
    this.#rows.set(this.rows);
    (pick ??= new Session(pickGraph, 1)).run({ from, rows: this.#rows.tensor, others }, { picked, products });
  }

  /**
   * Adds each picked row to its group, in the order of the batch and rounded to float32 after every addition, the same on every
   * machine: `sums[g] = a + b + ..` and `totals[g] = start[g] + a + b + ..`.
   */
  add(): void {
    const { zeros, start, picked, sums, totals } = this.#tensors;
    this.#groups.set(this.groups);
    (scatter ??= new Session(scatterGraph, 1)).run(
      { zeros, start, groups: this.#groups.tensor, picked },
      { sums, totals },
    );
  }

  /** Frees what ONNX Runtime holds of it. */
  [Symbol.dispose](): void {
    for (const tensor of Object.values(this.#tensors)) tensor.release();
    this.#rows.tensor.release();
    this.#groups.tensor.release();
  }
}

type Sums = "start" | "sums" | "totals";

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
