/**
 * What goes into tensors and comes out of them, from the host and from each other.
 *
 * @module
 */
import { isHalf, uploadType } from "../element_type.ts";
import type { DType } from "../tensor_types.ts";
import { type CpuTensor, type Pool, sizeOf } from "./tensor.ts";

/** New tensor with a copy of `data`; see {@linkcode Device.upload}. */
export function upload(
  pool: Pool,
  data: Float32Array | Int32Array | Uint16Array,
  shape: readonly number[],
  dtype?: DType,
): CpuTensor {
  if (data.length !== sizeOf(shape)) throw new Error(`upload: ${data.length} elements as [${shape}]`);
  const tensor = pool.alloc(shape, uploadType(data, dtype));
  tensor.data.set(data);
  return tensor;
}

/** New tensor in the memory of `data`, or with a copy of it if it is a part of a buffer; see {@linkcode Device.take}. */
export function take(pool: Pool, data: Float32Array<ArrayBuffer>, shape: readonly number[]): CpuTensor {
  if (data.length !== sizeOf(shape)) throw new Error(`take: ${data.length} elements as [${shape}]`);
  const whole = data.byteLength === data.buffer.byteLength;
  return whole ? pool.adopt(data, shape) : upload(pool, data, shape);
}

/** target ← data, which must be of its size and type. */
export function write(target: CpuTensor, data: Float32Array | Int32Array): void {
  const { data: to, shape, dtype } = target;
  if (to.length !== data.length || to.constructor !== data.constructor) {
    throw new Error(`write: ${data.length} elements to [${shape}] ${dtype}`);
  }
  to.set(data);
}

/** A copy of the elements, widened to f32. */
export function read(source: CpuTensor): Float32Array {
  if (!isHalf(source.dtype)) return Float32Array.from(source.data);
  const values = new Float32Array(source.size);
  source.widen(0, source.size, values);
  return values;
}

/** target ← source, of one size and type. */
export function copy(source: CpuTensor, target: CpuTensor): void {
  if (source.size !== target.size || source.dtype !== target.dtype) {
    throw new Error(`copy: [${source.shape}] ${source.dtype} to [${target.shape}] ${target.dtype}`);
  }
  target.data.set(source.data);
}
