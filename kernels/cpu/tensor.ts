/**
 * Tensors of the CPU engine: typed arrays from a pool with explicit ownership, so that a training step touches the
 * same memory every time. Fresh memory would have to be zeroed and faulted in: a GEMM into a new array runs at a third
 * of its speed.
 *
 * @module
 */
import type { DType, Tensor } from "../device.ts";
import { type OrtTensor, ortTensor } from "./ort.ts";

type Data = Float32Array | Int32Array | Uint16Array;

/** A typed array with a shape. */
export class CpuTensor implements Tensor {
  readonly size: number;
  #ort: OrtTensor | undefined;

  /** `slab` is the pooled buffer that a tensor owns; views have none. */
  constructor(
    readonly dtype: DType,
    readonly shape: readonly number[],
    readonly data: Data,
    readonly slab: ArrayBuffer | null,
  ) {
    this.size = data.length;
  }

  /** The elements of an f32 tensor. */
  get f32(): Float32Array {
    if (this.dtype !== "f32") throw new Error(`expected an f32 tensor, got ${this.dtype}`);
    return this.data as Float32Array;
  }

  /** The elements of an i32 tensor. */
  get i32(): Int32Array {
    if (this.dtype !== "i32") throw new Error(`expected an i32 tensor, got ${this.dtype}`);
    return this.data as Int32Array;
  }

  /** View of rows [start, end) of the first dimension. */
  rows(start: number, end: number): CpuTensor {
    const [first = 1, ...rest] = this.shape, width = sizeOf(rest);
    if (!(0 <= start && start <= end && end <= first)) throw new Error(`rows [${start}, ${end}) of ${first}`);
    return new CpuTensor(
      this.dtype,
      [end - start, ...rest],
      this.data.subarray(start * width, end * width),
      null,
    );
  }

  /** View of the same elements under another shape. */
  reshaped(shape: readonly number[]): CpuTensor {
    if (sizeOf(shape) !== this.size) throw new Error(`cannot view [${this.shape}] as [${shape}]`);
    return new CpuTensor(this.dtype, [...shape], this.data, null);
  }

  /** The tensor as ONNX Runtime sees it. */
  get ort(): OrtTensor {
    return this.#ort ??= ortTensor(this.data as Float32Array | Int32Array, this.shape);
  }

  /** The same elements under other dimensions, for ONNX Runtime. */
  ortAs(shape: readonly number[]): OrtTensor {
    return ortTensor(this.f32, shape);
  }
}

/** Number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  let size = 1;
  for (const dim of shape) size *= dim;
  return size;
}

const bytesPer: Record<DType, number> = { f32: 4, i32: 4, bf16: 2 };

/** Sizes are rounded up to an eighth of their power of two, so that nearly equal batches reuse each other's memory. */
function slabSize(bytes: number): number {
  if (bytes <= 4096) return 4096;
  const unit = 2 ** (Math.floor(Math.log2(bytes)) - 3);
  return Math.ceil(bytes / unit) * unit;
}

/** Allocates and recycles the buffers of tensors. */
export class Pool {
  readonly #free = new Map<number, ArrayBuffer[]>();
  readonly #live = new Set<CpuTensor>();
  /** Bytes in live tensors. */
  current = 0;
  /** Most bytes there ever were in live tensors. */
  peak = 0;

  /** A tensor with undefined content. */
  alloc(shape: readonly number[], dtype: DType): CpuTensor {
    const size = sizeOf(shape);
    if (!Number.isSafeInteger(size) || size < 0) throw new Error(`not a shape: [${shape}]`);
    const bytes = slabSize(size * bytesPer[dtype]);
    const slab = this.#free.get(bytes)?.pop() ?? new ArrayBuffer(bytes);
    const data = dtype === "f32"
      ? new Float32Array(slab, 0, size)
      : dtype === "i32"
      ? new Int32Array(slab, 0, size)
      : new Uint16Array(slab, 0, size);
    const tensor = new CpuTensor(dtype, [...shape], data, slab);
    this.#live.add(tensor);
    this.current += bytes;
    this.peak = Math.max(this.peak, this.current);
    return tensor;
  }

  /** Takes a tensor back; giving one back twice, or a view, is a defect. */
  release(tensor: CpuTensor): void {
    if (!this.#live.delete(tensor)) throw new Error("tensor is a view, or was freed before");
    const slab = tensor.slab!;
    this.current -= slab.byteLength;
    const list = this.#free.get(slab.byteLength);
    if (list) list.push(slab);
    else this.#free.set(slab.byteLength, [slab]);
  }

  /** Forgets all buffers that are not in use. */
  trim(): void {
    this.#free.clear();
  }
}
