/**
 * Tensors of the WebGPU engine: a piece of a buffer with a shape.
 *
 * @module
 */
import type { DType, Tensor } from "../tensor_types.ts";
import { bytesPer } from "../element_type.ts";
import type { Slab } from "./arena.ts";

/** Number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  let size = 1;
  for (const dim of shape) size *= dim;
  return size;
}

/** Row-major elements from byte `offset` of a buffer on. 16-bit elements lie two in a word, the first in its low half. */
export class GpuTensor implements Tensor {
  readonly size: number;

  /** `shadow`: host copy of the indices in an i32 tensor, shared by all its views. */
  constructor(
    readonly dtype: DType,
    readonly shape: readonly number[],
    readonly slab: Slab,
    readonly offset = 0,
    readonly shadow: { values?: Int32Array } = {},
  ) {
    this.size = sizeOf(shape);
  }

  /** Bytes that the elements fill. */
  get bytes(): number {
    return this.size * bytesPer[this.dtype];
  }

  /** View of rows [start, end) of the first dimension. */
  rows(start: number, end: number): GpuTensor {
    const [first = 1, ...rest] = this.shape, width = sizeOf(rest);
    if (!(0 <= start && start <= end && end <= first)) throw new Error(`rows [${start}, ${end}) of ${first}`);
    const offset = this.offset + start * width * bytesPer[this.dtype];
    return new GpuTensor(this.dtype, [end - start, ...rest], this.slab, offset, this.shadow);
  }

  /** View of the same elements under another shape. */
  reshaped(shape: readonly number[]): GpuTensor {
    if (sizeOf(shape) !== this.size) throw new Error(`cannot view [${this.shape}] as [${shape}]`);
    return new GpuTensor(this.dtype, [...shape], this.slab, this.offset, this.shadow);
  }

  /** Notes what an i32 tensor now holds; without `values`, that it was made on the GPU. */
  note(values?: Int32Array): void {
    if (this.dtype !== "i32") return;
    if (!values) delete this.shadow.values;
    else {
      const start = this.offset / 4, known = this.shadow.values;
      if (known && start + values.length <= known.length) known.set(values, start);
      else if (start === 0) this.shadow.values = values.slice();
      else delete this.shadow.values;
    }
  }

  /** Indices in host memory, each in [0, limit).
   *
   * @throws where the tensor was made on the GPU, or an index does not fit
   */
  indices(limit: number, what: string): Int32Array {
    if (this.dtype !== "i32") throw new Error(`${what}: expected an i32 tensor, got ${this.dtype}`);
    const start = this.offset / 4, values = this.shadow.values?.subarray(start, start + this.size);
    if (values?.length !== this.size) throw new Error(`${what}: the indices were made on the GPU`);
    for (const value of values) {
      if (value < 0 || value >= limit) throw new Error(`${what}: ${value} of ${limit}`);
    }
    return values;
  }
}

/** Fails unless a tensor has this shape and is f32. */
export function expectShape(tensor: GpuTensor, shape: readonly number[], what: string): void {
  const { shape: actual, dtype } = tensor;
  if (dtype !== "f32") throw new Error(`${what}: expected f32, got ${dtype}`);
  if (actual.length !== shape.length || actual.some((dim, i) => dim !== shape[i])) {
    throw new Error(`${what}: expected [${shape}], got [${actual}]`);
  }
}
