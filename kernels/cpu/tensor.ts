/**
 * Tensors of the CPU engine: typed arrays from a pool with explicit ownership, so that a training step touches the
 * same memory every time. Fresh memory would have to be zeroed and faulted in: a GEMM into a new array runs at a third
 * of its speed.
 *
 * @module
 */
import type { DType, Tensor } from "../tensor_types.ts";
import { bytesPer } from "../element_type.ts";
import { bf16ToF32, f16sToF32 } from "../half_floats.ts";
import { OrtTensor, ortTensor } from "./ort.ts";

type Data = Float32Array | Int32Array | Uint16Array;

/** A typed array with a shape. */
export class CpuTensor implements Tensor {
  readonly size: number;
  /** The tensor whose memory this is: itself, or the one that it is a view of. */
  readonly owner: CpuTensor;
  /** A copy of an owner's weight in another order, for products of few rows. */
  packed: CpuTensor | undefined;
  /** Whether the weight was written to since. */
  packedIsStale = false;
  readonly #data: Data;
  #ort: OrtTensor | undefined;
  /** What ONNX Runtime knows of parts of the tensor and of other shapes, oldest first. */
  #forms: OrtTensor[] = [];
  /** Whether the elements are to be zeros, and are not yet. */
  #isUnwrittenZero = false;

  /** `slab` is the pooled buffer that a tensor owns; views have none, but an owner. */
  constructor(
    readonly dtype: DType,
    readonly shape: readonly number[],
    data: Data,
    readonly slab: ArrayBuffer | null,
    owner?: CpuTensor,
  ) {
    this.#data = data;
    this.size = data.length;
    this.owner = owner ?? this;
  }

  /** The elements. */
  get data(): Data {
    this.owner.#writeZeros();
    return this.#data;
  }

  #writeZeros(): void {
    if (!this.#isUnwrittenZero) return;
    this.#isUnwrittenZero = false;
    this.#data.fill(0);
  }

  /**
   * Sets all elements to 0, those of an owner only when somebody wants to see them: gradients are cleared once a step, and the
   * first product that is added to one need not read it.
   */
  setZero(): void {
    if (this.owner === this) this.#isUnwrittenZero = true;
    else this.data.fill(0);
  }

  /** Whether the elements are zeros that nobody has seen, which the caller now writes over. */
  takeZero(): boolean {
    const taken = this.#isUnwrittenZero;
    this.#isUnwrittenZero = false;
    return taken;
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

  /** Elements [start, end) of a tensor of 16-bit elements as f32, exactly. */
  widen(start: number, end: number, out: Float32Array): void {
    const bits = this.data.subarray(start, end) as Uint16Array;
    if (this.dtype === "bf16") bf16ToF32(bits, out);
    else if (this.dtype === "f16") f16sToF32(bits, out);
    else throw new Error(`expected a tensor of 16-bit elements, got ${this.dtype}`);
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
      this.owner,
    );
  }

  /** View of the same elements under another shape. */
  reshaped(shape: readonly number[]): CpuTensor {
    if (sizeOf(shape) !== this.size) throw new Error(`cannot view [${this.shape}] as [${shape}]`);
    return new CpuTensor(this.dtype, [...shape], this.data, null, this.owner);
  }

  /** The tensor as ONNX Runtime sees it. */
  get ort(): OrtTensor {
    this.owner.#writeZeros();
    return this.#ort ??= new OrtTensor(
      this.data as Float32Array | Int32Array,
      this.shape,
      this.slab !== null,
    );
  }

  /** Frees what ONNX Runtime knows of the tensor; the pool does so before the memory becomes another one. */
  forget(): void {
    this.#ort?.release();
    for (const form of this.#forms) form.release();
  }

  /**
   * A tensor in the memory of this one, which is done with. Of the same type and shape it takes over what ONNX Runtime
   * knows of this one: decoding asks for the same shapes at every token.
   */
  successor(dtype: DType, shape: readonly number[], size: number): CpuTensor {
    if (dtype !== this.dtype || !sameShape(shape, this.shape)) {
      this.forget();
      return new CpuTensor(dtype, [...shape], arrayOver(this.slab!, dtype, size), this.slab);
    }
    const tensor = new CpuTensor(dtype, this.shape, this.#data, this.slab);
    tensor.#ort = this.#ort;
    tensor.#forms = this.#forms;
    return tensor;
  }

  /** Elements of an f32 tensor from one on, under dimensions of their own, for ONNX Runtime; known to it from then on. */
  ortAs(dims: readonly number[], from = 0): OrtTensor {
    const { f32 } = this;
    if (this.slab === null) return ortTensor(f32.subarray(from, from + sizeOf(dims)), dims);
    for (const form of this.#forms) {
      if (form.data.byteOffset === f32.byteOffset + 4 * from && sameShape(form.dims, dims)) return form;
    }
    // An op has fewer forms of a tensor in use at a time.
    if (this.#forms.length === mostForms) this.#forms.shift()!.release();
    const form = new OrtTensor(f32.subarray(from, from + sizeOf(dims)), dims, true);
    this.#forms.push(form);
    return form;
  }
}

/**
 * Forms of a tensor that ONNX Runtime knows: the chunks of a vocabulary of 256,000. Of fewer than there are chunks none would be
 * found again, since they are asked for in turn.
 */
const mostForms = 64;

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** The first `size` elements of a buffer. */
function arrayOver(slab: ArrayBuffer, dtype: DType, size: number): Data {
  if (dtype === "f32") return new Float32Array(slab, 0, size);
  return dtype === "i32" ? new Int32Array(slab, 0, size) : new Uint16Array(slab, 0, size);
}

/** Number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  let size = 1;
  for (const dim of shape) size *= dim;
  return size;
}

/** Sizes are rounded up to an eighth of their power of two, so that nearly equal batches reuse each other's memory. */
function slabSize(bytes: number): number {
  if (bytes <= 4096) return 4096;
  const unit = 2 ** (Math.floor(Math.log2(bytes)) - 3);
  return Math.ceil(bytes / unit) * unit;
}

/**
 * Live and free memory together stay below the most that was ever live, and a tenth more. So a step finds the memory of
 * the one before, and batches of many different sizes do not leave slabs of every size behind (without this bound a run of
 * SmolLM2 grew to 16 GB; keeping less than this, every step would fault in its memory anew).
 */
const slack = 1.1;

/** A tensor takes a free slab of up to so many times its size. */
const looseFit = 1.5;
/** The same where a new slab would mean that others are dropped, which the next step would have to fault in anew. */
const loosestFit = 4;

/** Allocates and recycles the buffers of tensors. */
export class Pool {
  /** Tensors that are done with, by the size of their slabs; the map's order is that of their last use, oldest first. */
  readonly #free = new Map<number, CpuTensor[]>();
  #freeBytes = 0;
  readonly #live = new Set<CpuTensor>();
  /** Bytes in live tensors. */
  current = 0;
  /** Most bytes there ever were in live tensors. */
  #peakLive = 0;
  /** Most bytes in live tensors and in free slabs together, since somebody last set it to what is held. */
  peak = 0;

  /** A tensor with undefined content. */
  alloc(shape: readonly number[], dtype: DType): CpuTensor {
    const size = sizeOf(shape);
    if (!Number.isSafeInteger(size) || size < 0) throw new Error(`not a shape: [${shape}]`);
    const bytes = slabSize(size * bytesPer[dtype]);
    const free = this.#take(bytes, looseFit) ??
      (this.#isFull(bytes) ? this.#take(bytes, loosestFit) : undefined);
    if (free) return this.#own(free.successor(dtype, shape, size));
    this.#makeRoom(bytes);
    const slab = new ArrayBuffer(bytes);
    return this.#own(new CpuTensor(dtype, [...shape], arrayOver(slab, dtype, size), slab));
  }

  /** A tensor of an array that is the pool's from now on; it must fill its buffer. */
  adopt(data: Float32Array<ArrayBuffer>, shape: readonly number[]): CpuTensor {
    if (data.byteLength !== data.buffer.byteLength) {
      throw new Error("adopt: the array is part of a larger buffer");
    }
    this.#makeRoom(data.byteLength);
    return this.#own(new CpuTensor("f32", [...shape], data, data.buffer));
  }

  #own(tensor: CpuTensor): CpuTensor {
    this.#live.add(tensor);
    this.current += tensor.slab!.byteLength;
    this.#peakLive = Math.max(this.#peakLive, this.current);
    this.peak = Math.max(this.peak, this.held);
    return tensor;
  }

  /** Whether `bytes` more would go beyond the bound. */
  #isFull(bytes: number): boolean {
    return this.held + bytes > slack * Math.max(this.#peakLive, this.current + bytes);
  }

  /** Drops free slabs until `bytes` more stay below the bound. */
  #makeRoom(bytes: number): void {
    while (this.#isFull(bytes) && this.#freeBytes > 0) this.#dropOldest();
  }

  /** Bytes in live tensors and in free slabs. */
  get held(): number {
    return this.current + this.#freeBytes;
  }

  /** The tensor with the smallest free slab that fits and has at most `most` times the bytes. */
  #take(bytes: number, most: number): CpuTensor | undefined {
    let best = bytes;
    if (!this.#free.get(bytes)?.length) {
      best = Infinity;
      for (const [size, list] of this.#free) {
        if (size >= bytes && size <= most * bytes && size < best && list.length > 0) best = size;
      }
    }
    const tensor = this.#free.get(best)?.pop();
    if (tensor) this.#freeBytes -= best;
    return tensor;
  }

  /** Takes a tensor back; giving one back twice, or a view, is a defect. */
  release(tensor: CpuTensor): void {
    if (!this.#live.delete(tensor)) throw new Error("tensor is a view, or was freed before");
    this.unpack(tensor);
    const size = tensor.slab!.byteLength;
    this.current -= size;
    this.#freeBytes += size;
    const list = this.#free.get(size) ?? [];
    list.push(tensor);
    // To the end of the map: used last.
    this.#free.delete(size);
    this.#free.set(size, list);
  }

  /** Gives the packed copy of a weight back. */
  unpack(tensor: CpuTensor): void {
    const { packed } = tensor.owner;
    if (!packed) return;
    tensor.owner.packed = undefined;
    this.release(packed);
  }

  #dropOldest(): void {
    for (const [size, list] of this.#free) {
      if (list.length === 0) {
        this.#free.delete(size);
        continue;
      }
      list.pop()!.forget();
      this.#freeBytes -= size;
      return;
    }
  }

  /** Forgets all buffers that are not in use, and how much once was. */
  trim(): void {
    for (const list of this.#free.values()) for (const tensor of list) tensor.forget();
    this.#free.clear();
    this.#freeBytes = 0;
    this.#peakLive = this.current;
  }
}
