/**
 * Rows that are picked from a matrix, and what mini-batch k-means does with them, for code that has no device: their inner
 * products with the centres of groups, the nearest of these, sums by group, and centres that move to the mean of all rows they
 * ever had.
 *
 * One thread computes: what comes out does not depend on the number of cores.
 *
 * @module
 */
import { DataType, type Graph, node } from "./onnx.ts";
import { OrtTensor, Session } from "./ort.ts";
import { RowMemory } from "./row_loops.ts";

let pick: Session | undefined;

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

/** Of a float32, and of an integer. */
const BYTES = 4;

/** As many rows as a batch has, of one matrix of float32, and the centres of their groups, again and again. */
export class RowBatch {
  /** [size], of the rows to pick; to be filled. */
  readonly rows: Int32Array;
  /** [size, columns]: the rows that {@linkcode RowBatch.pick} picked. */
  readonly picked: Float32Array;
  /** [size, groups]: their inner products with the centres. */
  readonly products: Float32Array;
  /** [groups]: ‖centre‖²; to be filled. */
  readonly norms: Float32Array;
  /** [size], by how much a centre has to be nearer than all others to be the nearest one for certain; to be filled. */
  readonly reaches: Float32Array;
  /** [size], of the group of each picked row. */
  readonly groups: Int32Array;
  /** [groups]: the number of picked rows. */
  readonly members: Int32Array;
  /** [groups, columns]: the sum of picked rows. */
  readonly sums: Float32Array;
  /** [groups, columns] */
  readonly centres: Float32Array;
  /** [groups], of the rows that a centre is the mean of; 0 at first. */
  readonly counts: Float32Array;
  readonly #moved: Float32Array;
  readonly #weights: Float32Array;
  readonly #shares: Float32Array;
  readonly #ends: Int32Array;
  readonly #order: Int32Array;
  readonly #rows: Indices;
  readonly #tensors: Readonly<Record<"from" | "centres" | "picked" | "products", OrtTensor>>;
  readonly #memory: RowMemory<string>;

  /**
   * @param from [rows, columns]
   * @param centres [groups, columns], copied
   */
  constructor(from: Float32Array, centres: Float32Array, readonly columns: number, readonly size: number) {
    const k = centres.length / columns;
    const memory = new RowMemory({
      ...{ rows: size, groups: size, order: size, ends: k, members: k },
      ...{ picked: size * columns, products: size * k, norms: k + 3, reaches: size },
      ...{ centres: k * columns, sums: k * columns, moved: k * columns, counts: k, weights: k, shares: k },
    });
    const { arrays } = memory;
    this.#memory = memory;
    this.rows = integers(arrays.rows);
    this.groups = integers(arrays.groups);
    this.members = integers(arrays.members);
    this.#order = integers(arrays.order);
    this.#ends = integers(arrays.ends);
    this.picked = arrays.picked;
    this.products = arrays.products;
    this.norms = arrays.norms.fill(Infinity).subarray(0, k);
    this.reaches = arrays.reaches;
    this.centres = arrays.centres;
    this.centres.set(centres);
    this.sums = arrays.sums;
    this.#moved = arrays.moved;
    this.counts = arrays.counts.fill(0);
    this.#weights = arrays.weights;
    this.#shares = arrays.shares;
    this.#rows = new Indices(size);
    const tensor = (data: Float32Array, width: number) =>
      new OrtTensor(data, [data.length / width, width], true);
    this.#tensors = {
      from: tensor(from, columns),
      centres: tensor(this.centres, columns),
      picked: tensor(this.picked, columns),
      products: tensor(this.products, k),
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
   * Gives each picked row the group whose norm − 2 · product is lowest, if that of all others is higher by more than the row's
   * reach, all in float32. Group −1 where it is not, or where a number is none.
   */
  findNearest(): void {
    const { products, norms, reaches, groups } = this;
    this.#memory.loops.nearest(
      products.byteOffset,
      norms.byteOffset,
      reaches.byteOffset,
      groups.byteOffset,
      groups.byteLength,
      norms.byteLength,
    );
  }

  /**
   * Counts and adds up the picked rows of each group, in the order of the batch and rounded to float32 after every operation, the
   * same on every machine.
   */
  add(): void {
    const { groups, members, counts, columns, picked, centres, sums } = this;
    const ends = this.#ends, order = this.#order, weights = this.#weights, shares = this.#shares;
    sortByGroup(groups, members, ends, order, columns * BYTES);
    for (let k = 0; k < members.length; k++) {
      // Times one and divided by one, an empty group's centre stays as it is.
      weights[k] = members[k] ? counts[k]! : 1;
      shares[k] = members[k] ? 1 / Math.fround(counts[k]! + members[k]!) : 1;
    }
    this.#memory.loops.means(
      picked.byteOffset,
      columns * BYTES,
      ends.byteLength,
      ends.byteOffset,
      order.byteOffset,
      centres.byteOffset,
      weights.byteOffset,
      shares.byteOffset,
      sums.byteOffset,
      this.#moved.byteOffset,
    );
  }

  /**
   * Moves each centre to the mean of all rows it ever had, with those that {@linkcode RowBatch.add} added:
   * `(centre · count + a + b + ..) · (1 / new count)`.
   */
  move(): void {
    const { centres, counts, members } = this;
    centres.set(this.#moved);
    for (let k = 0; k < members.length; k++) counts[k] = counts[k]! + members[k]!;
  }

  /** Frees what ONNX Runtime holds of it, and gives back its arrays: nothing of it may be used any more. */
  [Symbol.dispose](): void {
    for (const tensor of Object.values(this.#tensors)) tensor.release();
    this.#rows.tensor.release();
    this.#memory[Symbol.dispose]();
  }
}

function integers({ buffer, byteOffset, length }: Float32Array<ArrayBuffer>): Int32Array {
  return new Int32Array(buffer, byteOffset, length);
}

/** Where rows of `bytes` begin, group by group and in their order within each, and where each group ends there, in bytes. */
function sortByGroup(
  groups: Int32Array,
  members: Int32Array,
  ends: Int32Array,
  order: Int32Array,
  bytes: number,
): void {
  members.fill(0);
  for (let i = 0; i < groups.length; i++) members[groups[i]!]!++;
  for (let k = 0, before = 0; k < members.length; k++) {
    ends[k] = before;
    before += members[k]!;
  }
  for (let i = 0; i < groups.length; i++) order[ends[groups[i]!]!++] = i * bytes;
  for (let k = 0; k < members.length; k++) ends[k] = ends[k]! * BYTES;
}

/** Indices as ONNX has them, of 64 bits. */
class Indices {
  readonly tensor: OrtTensor;
  /** Their halves: the low one is written, the high one stays 0, on the little-endian machines that ONNX Runtime is made for. */
  readonly #halves: Int32Array;

  constructor(size: number) {
    const data = new BigInt64Array(size);
    this.#halves = new Int32Array(data.buffer);
    this.tensor = new OrtTensor(data, [size], true);
  }

  /** @param indices from 0 on */
  set(indices: Int32Array): void {
    for (let i = 0; i < indices.length; i++) this.#halves[2 * i] = indices[i]!;
  }
}
