/**
 * Rows that are picked from a matrix, and what mini-batch k-means does with them, for code that has no device: their inner
 * products with the centres of groups, their sums by group, and centres that move to the mean of all rows they ever had.
 *
 * One thread computes: what comes out does not depend on the number of cores.
 *
 * @module
 */
import { BorrowedArrays } from "./borrowed_arrays.ts";
import { DataType, type Graph, node } from "./onnx.ts";
import { OrtTensor, Session } from "./ort.ts";

let pick: Session | undefined, move: Session | undefined;

const pickGraph: Graph = {
  inputs: [
    { name: "from", shape: ["n", "d"] },
    { name: "rows", type: DataType.int64, shape: ["b"] },
    { name: "centres", shape: ["k", "d"] },
  ],
  outputs: [{ name: "picked", shape: ["b", "d"] }, { name: "products", shape: ["b", "k"] }],
  nodes: [
    node("Gather", ["from", "rows"], "picked", { axis: 0n }),
    node("Gemm", ["picked", "centres"], "products", { transB: 1n }),
  ],
};

const moveGraph: Graph = {
  inputs: [
    { name: "zeros", shape: ["k", "d"] },
    { name: "centres", shape: ["k", "d"] },
    { name: "counts", shape: ["k", 1] },
    { name: "shares", shape: ["k", 1] },
    { name: "groups", type: DataType.int64, shape: ["b", 1] },
    { name: "picked", shape: ["b", "d"] },
  ],
  outputs: [{ name: "sums", shape: ["k", "d"] }, { name: "moved", shape: ["k", "d"] }],
  nodes: [
    node("ScatterND", ["zeros", "groups", "picked"], "sums", { reduction: "add" }),
    node("Mul", ["centres", "counts"], "start"),
    node("ScatterND", ["start", "groups", "picked"], "totals", { reduction: "add" }),
    node("Mul", ["totals", "shares"], "moved"),
  ],
};

/** As many rows as a batch has, of one matrix of float32, and the centres of their groups, again and again. */
export class RowBatch {
  /** [size], of the rows to pick; to be filled. */
  readonly rows: Int32Array;
  /** [size], of the group of each picked row; to be filled. */
  readonly groups: Int32Array;
  /** [size, columns]: the rows that {@linkcode RowBatch.pick} picked. */
  readonly picked: Float32Array;
  /** [size, groups]: their inner products with the centres. */
  readonly products: Float32Array;
  /** [groups], of the rows that a centre is the mean of; to be filled. */
  readonly counts: Float32Array;
  /** [groups], by which the sum is multiplied to be a mean; to be filled. */
  readonly shares: Float32Array;
  /** [groups, columns]: the sum of each group's picked rows. */
  readonly sums: Float32Array;
  /** [groups, columns]: the mean of these and of what was in the centre before. */
  readonly moved: Float32Array;
  readonly #rows: Indices;
  readonly #groups: Indices;
  readonly #tensors: Readonly<Record<Floats, OrtTensor>>;
  readonly #memory = new BorrowedArrays();

  /**
   * @param from [rows, columns]
   * @param centres [groups, columns]
   */
  constructor(from: Float32Array, centres: Float32Array, readonly columns: number, readonly size: number) {
    const k = centres.length / columns, floats = (length: number) => this.#memory.float32(length);
    this.#rows = new Indices(size, [size]);
    this.#groups = new Indices(size, [size, 1]);
    this.rows = this.#memory.int32(size);
    this.groups = this.#memory.int32(size);
    this.picked = floats(size * columns);
    this.products = floats(size * k);
    this.counts = floats(k);
    this.shares = floats(k);
    this.sums = floats(k * columns);
    this.moved = floats(k * columns);
    const tensor = (data: Float32Array, width: number) =>
      new OrtTensor(data, [data.length / width, width], true);
    this.#tensors = {
      from: tensor(from, columns),
      centres: tensor(centres, columns),
      picked: tensor(this.picked, columns),
      products: tensor(this.products, k),
      zeros: tensor(floats(k * columns).fill(0), columns),
      counts: tensor(this.counts, 1),
      shares: tensor(this.shares, 1),
      sums: tensor(this.sums, columns),
      moved: tensor(this.moved, columns),
    };
  }

  /**
   * Copies the rows whose indices {@linkcode RowBatch.rows} has to {@linkcode RowBatch.picked}, and multiplies them with the
   * centres into {@linkcode RowBatch.products}, in float32 and in the order of the machine (`productError` of `products.ts` says
   * how exact).
   */
  pick(): void {
    const { from, centres, picked, products } = this.#tensors;
    this.#rows.set(this.rows);
    (pick ??= new Session(pickGraph, 1)).run({ from, rows: this.#rows.tensor, centres }, {
      picked,
      products,
    });
  }

  /**
   * Adds each picked row to its group, in the order of the batch and rounded to float32 after every operation, the same on every
   * machine: `sums[g] = a + b + ..` and `moved[g] = (centres[g] · counts[g] + a + b + ..) · shares[g]`.
   */
  add(): void {
    const { zeros, centres, counts, shares, picked, sums, moved } = this.#tensors;
    this.#groups.set(this.groups);
    (move ??= new Session(moveGraph, 1)).run(
      { zeros, centres, counts, shares, groups: this.#groups.tensor, picked },
      { sums, moved },
    );
  }

  /** Frees what ONNX Runtime holds of it, and gives back its arrays: nothing of it may be used any more. */
  [Symbol.dispose](): void {
    for (const tensor of Object.values(this.#tensors)) tensor.release();
    this.#rows.tensor.release();
    this.#groups.tensor.release();
    this.#memory[Symbol.dispose]();
  }
}

type Floats = "from" | "centres" | "picked" | "products" | "zeros" | "counts" | "shares" | "sums" | "moved";

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
