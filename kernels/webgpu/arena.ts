/**
 * Buffers of the WebGPU engine, with explicit ownership: Deno never collects a GPU buffer that is merely forgotten.
 *
 * @module
 */
import { DeviceError } from "#errors";
import type { DType } from "../tensor_types.ts";
import { bytesPer } from "../element_type.ts";
import { GpuTensor, sizeOf } from "./tensor.ts";

/** A GPU buffer with a number, which keys the cache of bind groups. */
export interface Slab {
  readonly buffer: GPUBuffer;
  readonly bytes: number;
  readonly id: number;
}

/**
 * Sizes are rounded up to an eighth of their power of two, so that nearly equal batches reuse each other's memory; not
 * beyond `most`, the largest size of a buffer, if they fit that.
 */
function slabSize(bytes: number, most: number): number {
  if (bytes <= 4096) return 4096;
  const unit = Math.max(256, 2 ** (Math.floor(Math.log2(bytes)) - 3));
  const rounded = Math.ceil(bytes / unit) * unit;
  return rounded <= most ? rounded : Math.max(bytes, most - most % 256);
}

/** Live and free memory together stay below the most that was ever live, and a tenth more. */
const slack = 1.1;

/**
 * The slab that was made first, out of a list that has some: whoever allocates the same tensors again gets the same slabs,
 * in whatever order they came back, and finds bind groups of them.
 */
function takeFirst(list: Slab[]): Slab {
  let first = 0;
  for (let i = 1; i < list.length; i++) if (list[i]!.id < list[first]!.id) first = i;
  const slab = list[first]!, last = list.pop()!;
  if (slab !== last) list[first] = last;
  return slab;
}

/** What the arena needs of its surroundings. */
export interface ArenaHost {
  readonly device: GPUDevice;
  /** Runs `create` and notes an out-of-memory error, which WebGPU tells only later. */
  guard(create: () => GPUBuffer, what: string): GPUBuffer;
  /** Submits what still may use a buffer that is about to be destroyed. */
  beforeDestroy(): void;
}

/** Allocates and recycles the buffers of tensors. Recycling needs no fence: all uses are in one queue, in order. */
export class Arena {
  readonly #free = new Map<number, Slab[]>();
  #freeBytes = 0;
  readonly #live = new Set<GpuTensor>();
  readonly #permanent: Slab[] = [];
  #nextId = 0;
  /** Bytes in live tensors. */
  current = 0;
  #peakLive = 0;
  /** Most bytes in live tensors and in free slabs together, since somebody last set it to what is held. */
  peak = 0;

  constructor(readonly host: ArenaHost) {}

  /** A tensor with undefined content. */
  alloc(shape: readonly number[], dtype: DType): GpuTensor {
    const size = sizeOf(shape);
    if (!Number.isSafeInteger(size) || size < 0) throw new Error(`not a shape: [${shape}]`);
    const slab = this.#slab(this.#sizeFor(size * bytesPer[dtype]), `a tensor [${shape}] of ${dtype}`);
    const tensor = new GpuTensor(dtype, [...shape], slab);
    this.#live.add(tensor);
    this.current += slab.bytes;
    this.#peakLive = Math.max(this.#peakLive, this.current);
    this.peak = Math.max(this.peak, this.held);
    return tensor;
  }

  /**
   * A tensor that lives as long as the device and cannot be released, for tables that every call shares. It does not count
   * as a tensor.
   */
  permanent(shape: readonly number[], dtype: DType): GpuTensor {
    const bytes = this.#sizeFor(sizeOf(shape) * bytesPer[dtype]);
    const slab = this.#create(bytes, `a table [${shape}] of ${dtype}`);
    this.#permanent.push(slab);
    return new GpuTensor(dtype, [...shape], slab);
  }

  #sizeFor(bytes: number): number {
    return slabSize(bytes, this.host.device.limits.maxBufferSize);
  }

  /** Bytes in live tensors and in free slabs. */
  get held(): number {
    return this.current + this.#freeBytes;
  }

  /** The smallest free slab that fits and is not more than half as large again, or a new one. */
  #slab(bytes: number, what: string): Slab {
    let best = Infinity;
    for (const [size, list] of this.#free) {
      if (size >= bytes && size <= 1.5 * bytes && size < best && list.length > 0) best = size;
    }
    const list = this.#free.get(best);
    if (list) {
      this.#freeBytes -= best;
      return takeFirst(list);
    }
    const bound = slack * Math.max(this.#peakLive, this.current + bytes);
    while (this.held + bytes > bound && this.#freeBytes > 0) this.#dropOldest();
    return this.#create(bytes, what);
  }

  #create(bytes: number, what: string): Slab {
    const { maxBufferSize } = this.host.device.limits;
    if (bytes > maxBufferSize) {
      throw new DeviceError(
        `${what} takes ${bytes} bytes, the largest buffer of this GPU ${maxBufferSize}`,
        "use smaller batches, a smaller backbone, or --device cpu",
      );
    }
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const buffer = this.host.guard(() => this.host.device.createBuffer({ size: bytes, usage }), what);
    return { buffer, bytes, id: this.#nextId++ };
  }

  /** Takes a tensor back; giving one back twice, or a view, is a defect. */
  release(tensor: GpuTensor): void {
    if (!this.#live.delete(tensor)) throw new Error("tensor is a view, or was freed before");
    const { slab } = tensor;
    this.current -= slab.bytes;
    this.#freeBytes += slab.bytes;
    const list = this.#free.get(slab.bytes) ?? [];
    list.push(slab);
    // To the end of the map: used last.
    this.#free.delete(slab.bytes);
    this.#free.set(slab.bytes, list);
  }

  #dropOldest(): void {
    for (const [size, list] of this.#free) {
      const slab = list.pop();
      if (!slab) {
        this.#free.delete(size);
        continue;
      }
      this.#freeBytes -= size;
      this.host.beforeDestroy();
      slab.buffer.destroy();
      return;
    }
  }

  /** Destroys all buffers that are not in use, and forgets how much once was. */
  trim(): void {
    while (this.#freeBytes > 0) this.#dropOldest();
    this.#peakLive = this.current;
  }

  /** Destroys every buffer. */
  dispose(): void {
    this.trim();
    this.host.beforeDestroy();
    for (const { slab } of this.#live) slab.buffer.destroy();
    for (const { buffer } of this.#permanent.splice(0)) buffer.destroy();
    this.#live.clear();
    this.current = 0;
  }
}
