/**
 * One step of mini-batch k-means: the points of a batch to their nearest centres, and these to the means of their points.
 *
 * @module
 */
import { RowBatch } from "../../kernels/cpu/row_groups.ts";
import { assignToNearest, inertia, labelNearest } from "./nearest_centre.ts";
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
  /** Where they are. */
  readonly centres: Points;
  readonly #batch: RowBatch;
  readonly #all: Points;
  readonly #norms: Float64Array;

  /**
   * @param points of which batches are drawn
   * @param centres where they begin
   * @param size points in a batch
   */
  constructor(points: Points, { data, rows, columns }: Points, size: number) {
    const batch = new RowBatch(points.data, data, columns, size), norms = squaredNorms(points);
    this.#batch = batch;
    this.#all = { ...points, norms };
    this.#norms = norms;
    this.counts = batch.counts;
    this.rows = batch.rows;
    this.points = { data: batch.picked, rows: size, columns };
    this.centres = { data: batch.centres, rows, columns };
  }

  /**
   * Assigns the points of a batch to their nearest centres, and moves each of these to the mean of all points it was ever
   * assigned. That is rounded to float32 after every operation, in scikit-learn's order, so that equal assignments give equal
   * bits.
   *
   * @returns the inertia: the sum of the points' squared distances from where their centres were
   */
  step(): number {
    const batch = this.#batch, norms = squaredNorms(this.centres);
    batch.pick();
    labelNearest(batch, this.#all, norms);
    batch.add();
    const inertia = this.#inertia(norms);
    batch.move();
    return inertia;
  }

  /** The cluster of every point. */
  labels(): Int32Array {
    return assignToNearest(this.#batch, this.#all);
  }

  /** Σ ‖x‖² − Σ_k (2⟨c_k, sum of its x⟩ − their number · ‖c_k‖²), or point by point where that would cancel too much. */
  #inertia(centreNorms: Float64Array): number {
    const { rows, groups, members, sums, columns } = this.#batch, products = new Float64Array(members.length);
    rowByRowProducts(this.centres.data, sums, columns, products);
    const squares = sumOver(rows, this.#norms);
    let total = squares;
    for (let k = 0; k < members.length; k++) {
      total -= 2 * products[k]! - members[k]! * centreNorms[k]!;
    }
    return total * MOST_CANCELLED > squares ? total : inertia(this.points, this.centres, groups);
  }

  /** Frees what ONNX Runtime holds of it, and gives back its arrays: nothing of it may be used any more. */
  [Symbol.dispose](): void {
    this.#batch[Symbol.dispose]();
  }
}

function sumOver(places: Int32Array, values: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < places.length; i++) sum += values[places[i]!]!;
  return sum;
}
