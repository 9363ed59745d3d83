/**
 * One step of mini-batch k-means: the points of a batch to their nearest centres, and these to the means of their points.
 *
 * @module
 */
import { RowBatch } from "../../kernels/cpu/row_groups.ts";
import { inertia, labelNearest } from "./nearest_centre.ts";
import { type Points, squaredNorms } from "./points.ts";

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
    this.counts = new Float32Array(centres.rows);
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
    const { counts } = this, { groups, start, totals } = batch, members = this.#members.fill(0);
    const norms = squaredNorms(this.#centres);
    for (let i = 0; i < groups.length; i++) this.#batchNorms[i] = this.#norms[batch.rows[i]!]!;
    batch.pick();
    labelNearest(this.points, this.#centres, norms, batch.products, groups);
    for (let i = 0; i < groups.length; i++) members[groups[i]!]!++;
    for (let k = 0, at = 0; k < members.length; k++) {
      const count = counts[k]!;
      for (const end = at + d; at < end; at++) start[at] = centres[at]! * count;
    }
    batch.add();
    const inertia = this.#inertia(norms);
    for (let k = 0; k < members.length; k++) {
      if (members[k] === 0) continue;
      counts[k] = counts[k]! + members[k]!;
      const scale = Math.fround(1 / counts[k]!);
      for (let at = k * d, end = at + d; at < end; at++) centres[at] = totals[at]! * scale;
    }
    return inertia;
  }

  /** Σ ‖x‖² − Σ_k (2⟨c_k, sum of its x⟩ − their number · ‖c_k‖²), or point by point where that would cancel too much. */
  #inertia(centreNorms: Float64Array): number {
    const { groups, sums, columns: d } = this.#batch, centres = this.#centres.data;
    let squares = 0;
    for (let i = 0; i < groups.length; i++) squares += this.#batchNorms[i]!;
    let total = squares;
    for (let k = 0, at = 0; k < centreNorms.length; k++) {
      let product = 0;
      for (const end = at + d; at < end; at++) product += centres[at]! * sums[at]!;
      total -= 2 * product - this.#members[k]! * centreNorms[k]!;
    }
    return total * MOST_CANCELLED > squares ? total : inertia(this.points, this.#centres, groups);
  }

  /** Frees what ONNX Runtime holds of it. */
  [Symbol.dispose](): void {
    this.#batch[Symbol.dispose]();
  }
}
