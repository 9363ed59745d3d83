/**
 * Ones, as the right factor of row sums.
 *
 * @module
 */
import { OrtTensor } from "./ort.ts";

/**
 * Constant of ones [length, 2]. Sums over a row are taken as a product with it, because then they do not depend on
 * where the row lies in memory (those of ReduceSum do). Two columns, since one takes another code path.
 */
export class Ones {
  #data = new Float32Array(0);
  #columns: OrtTensor | undefined;

  /** Ones as [length, 2]: the same tensor as long as the same are asked for. */
  columns(length: number): OrtTensor {
    if (this.#columns?.dims[0] !== length) {
      this.#columns?.release();
      this.#columns = new OrtTensor(this.flat(2 * length), [length, 2], true);
    }
    return this.#columns;
  }

  /** `length` ones. */
  flat(length: number): Float32Array {
    if (this.#data.length < length) this.#data = new Float32Array(2 * length).fill(1);
    return this.#data.subarray(0, length);
  }

  /** Frees what ONNX Runtime knows of them. */
  dispose(): void {
    this.#columns?.release();
    this.#columns = undefined;
  }
}
