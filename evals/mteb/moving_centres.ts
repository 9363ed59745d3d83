/**
 * One step of mini-batch k-means: the points of a batch to their nearest centres, and these to the means of their points.
 *
 * @module
 */
import { RowBatch } from "../../kernels/cpu/row_groups.ts";
import { inertia, labelNearest } from "./nearest_centre.ts";
import { type Points, rowByRowProducts, squaredNorms } from "./points.ts";

/**
 * By how much the squared lengths of points may exceed their squared distances from the centres, for these to be taken as a
 * difference of sums: what float32 rounds in a sum is then far less than what scikit-learn rounds in its inertia.
 */
const MOST_CANCELLED = 64;

/** Centres that follow the batches of points. */
export class MovingCentres {
  /** Points that each centre was ever assigned. */
  readonly counts: Float32Array;
  /** Of the points in the next batch: to be filled before each step. */
  readonly rows: Int32Array;
  /** The batch, once it was taken a step with. */
  readonly points: Points;
  readonly #batch: RowBatch;
  readonly #centres: Points;
  readonly #norms: Float64Array;
  readonly #batchNorms: Float64Array;
  /** Points of the batch that each centre was assigned. */
  readonly #members: Int32Array;
  /** The centre that each point was assigned when it was last in a batch; until then the first one. */
  readonly labels: Int32Array;

  /**
   * @param points of which batches are drawn
   * @param centres moved in place
   * @param size points in a batch
   */
  constructor(points: Points, centres: Points, size: number) {
    const batch = new RowBatch(points.data, centres.data, points.columns, size);
    this.#batch = batch;
    this.#centres = centres;
    this.#norms = squaredNorms(points);
    this.#batchNorms = new Float64Array(size);
    this.#members = new Int32Array(centres.rows);
    this.labels = new Int32Array(points.rows);
    this.counts = batch.counts.fill(0);
    this.rows = batch.rows;
    this.points = { data: batch.picked, rows: size, columns: points.columns, norms: this.#batchNorms };
  }

  /**
   * Assigns the points of a batch to their nearest centres, and moves each of these to the mean of all points it was ever
   * assigned. That is rounded to float32 after every operation, in scikit-learn's order, so that equal assignments give equal
   * bits.
   *
   * @returns the inertia: the sum of the points' squared distances from where their centres were
   */
  step(): number {
    const batch = this.#batch, centres = this.#centres.data, d = batch.columns;
    const { counts, shares, groups, moved } = batch, members = this.#members.fill(0);
    const norms = squaredNorms(this.#centres);
    for (let i = 0; i < groups.length; i++) {
      const row = batch.rows[i]!;
      this.#batchNorms[i] = this.#norms[row]!;
      groups[i] = this.labels[row]!;
    }
    batch.pick();
    labelNearest(this.points, this.#centres, norms, batch.products, groups);
    for (let i = 0; i < groups.length; i++) {
      const group = groups[i]!;
      members[group]!++;
      this.labels[batch.rows[i]!] = group;
    }
    for (let k = 0; k < members.length; k++) {
      const after = Math.fround(counts[k]! + members[k]!);
      shares[k] = after === 0 ? 0 : 1 / after;
    }
    batch.add();
    const inertia = this.#inertia(norms);
    for (let k = 0; k < members.length; k++) {
      if (members[k] === 0) continue;
      counts[k] = counts[k]! + members[k]!;
      centres.set(moved.subarray(k * d, (k + 1) * d), k * d);
    }
    return inertia;
  }

  /** Σ ‖x‖² − Σ_k (2⟨c_k, sum of its x⟩ − their number · ‖c_k‖²), or point by point where that would cancel too much. */
  #inertia(centreNorms: Float64Array): number {
    const { groups, sums, columns } = this.#batch, products = new Float64Array(centreNorms.length);
    rowByRowProducts(this.#centres.data, sums, columns, products);
    const squares = sumOf(this.#batchNorms);
    let total = squares;
    for (let k = 0; k < centreNorms.length; k++) {
      total -= 2 * products[k]! - this.#members[k]! * centreNorms[k]!;
    }
    return total * MOST_CANCELLED > squares ? total : inertia(this.points, this.#centres, groups);
  }

  /** Frees what ONNX Runtime holds of it, and gives back its arrays: counts, rows and points may not be used any more. */
  [Symbol.dispose](): void {
    this.#batch[Symbol.dispose]();
  }
}

function sumOf(values: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum;
}
