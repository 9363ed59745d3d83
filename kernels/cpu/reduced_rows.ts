/**
 * Where a graph of statistics writes what it reduces rows of logits to.
 *
 * @module
 */
import { OrtTensor } from "./ort.ts";

/** Numbers of some rows that ONNX Runtime writes. */
export class ReducedRows {
  /** Largest scaled logit of each row, [rows, 1]. */
  readonly max: Float32Array;
  /** Σ exp(z − max), in both columns, [rows, 2]. */
  readonly sum: Float32Array;
  /** Σ exp(z − max)·(z − max), in both columns, [rows, 2]. */
  readonly moment: Float32Array;
  /** The same as ONNX Runtime knows them, until {@linkcode ReducedRows.dispose}. */
  readonly ort: Readonly<Record<"max" | "sum" | "moment", OrtTensor>>;

  /** See {@linkcode ReducedRows}. */
  constructor(readonly rows: number) {
    this.max = new Float32Array(rows);
    this.sum = new Float32Array(2 * rows);
    this.moment = new Float32Array(2 * rows);
    this.ort = {
      max: new OrtTensor(this.max, [rows, 1], true),
      sum: new OrtTensor(this.sum, [rows, 2], true),
      moment: new OrtTensor(this.moment, [rows, 2], true),
    };
  }

  /** Frees what ONNX Runtime knows of them. */
  dispose(): void {
    for (const tensor of Object.values(this.ort)) tensor.release();
  }
}
