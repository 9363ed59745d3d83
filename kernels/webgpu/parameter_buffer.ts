/**
 * The buffer of parameters and small lists: those of all commands of a submission lie in it, and are written at once.
 *
 * @module
 */
import type { Slab } from "./arena.ts";
import type { ParamType } from "./kernel.ts";

/** Bytes of the buffer. */
const capacity = 1 << 22;

/** See the module comment. One for each queue. */
export class ParameterBuffer {
  readonly slab: Slab;
  readonly #data = new ArrayBuffer(capacity);
  readonly #bytes = new Uint8Array(this.#data);
  readonly #views = {
    f32: new Float32Array(this.#data),
    i32: new Int32Array(this.#data),
    u32: new Uint32Array(this.#data),
  };
  #used = 0;

  /** @param alignment of everything that is put into it, in bytes */
  constructor(readonly device: GPUDevice, readonly alignment: number) {
    const buffer = device.createBuffer({
      label: "parameters",
      size: capacity,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST |
        GPUBufferUsage.COPY_SRC,
    });
    this.slab = { buffer, bytes: capacity, id: -1 };
  }

  /** Whether pieces of so many bytes fit in beside what is there. */
  fits(...pieces: number[]): boolean {
    return pieces.reduce((end, bytes) => this.#aligned(end + bytes), this.#used) <= capacity;
  }

  #aligned(offset: number): number {
    return Math.ceil(offset / this.alignment) * this.alignment;
  }

  /** Takes a place of so many bytes, which must fit, and tells where it is. */
  reserve(bytes: number): number {
    const offset = this.#used;
    this.#used = this.#aligned(offset + bytes);
    return offset;
  }

  /** Puts data into a place of `bytes` bytes, with zeros after it, and tells where that is. */
  put(data: Uint8Array, bytes: number): number {
    const offset = this.reserve(bytes);
    this.#bytes.fill(0, offset + data.length, offset + bytes);
    this.#bytes.set(data, offset);
    return offset;
  }

  /** Sets the 32-bit word `index` of the place at `offset`. */
  set(offset: number, index: number, type: ParamType, value: number): void {
    this.#views[type][offset / 4 + index] = value;
  }

  /** Writes what was put in to the GPU, for the submission that follows; what comes then begins anew. */
  write(): void {
    if (this.#used > 0) this.device.queue.writeBuffer(this.slab.buffer, 0, this.#data, 0, this.#used);
    this.#used = 0;
  }
}
