/**
 * What goes into tensors and comes out of them, from the host and from each other.
 *
 * @module
 */
import { uploadType } from "../element_type.ts";
import type { DType } from "../tensor_types.ts";
import { bf16ToF32, f16sToF32 } from "../half_floats.ts";
import type { Arena } from "./arena.ts";
import type { CommandQueue } from "./queue.ts";
import { type GpuTensor, sizeOf } from "./tensor.ts";

/** See the module comment. */
export class Transfers {
  constructor(readonly queue: CommandQueue, readonly arena: Arena) {}

  /** New tensor with a copy of `data`; see `Device.upload`. */
  upload(
    data: Float32Array | Int32Array | Uint16Array,
    shape: readonly number[],
    dtype?: DType,
  ): GpuTensor {
    if (data.length !== sizeOf(shape)) throw new Error(`upload: ${data.length} elements as [${shape}]`);
    const tensor = this.arena.alloc(shape, uploadType(data, dtype));
    this.#put(tensor, data);
    return tensor;
  }

  /** target ← data, which must be of its size and type. */
  write(target: GpuTensor, data: Float32Array | Int32Array): void {
    const { size, dtype, shape } = target;
    if (size !== data.length || dtype !== (data instanceof Float32Array ? "f32" : "i32")) {
      throw new Error(`write: ${data.length} elements to [${shape}] ${dtype}`);
    }
    this.#put(target, data);
  }

  #put(target: GpuTensor, data: Float32Array | Int32Array | Uint16Array): void {
    target.note(data instanceof Int32Array ? data : undefined);
    const bytes = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
    this.queue.write(target, bytes);
  }

  /** The elements of a tensor, widened to f32, once everything before is done. */
  async read({ slab, offset, bytes, dtype, size }: GpuTensor): Promise<Float32Array> {
    // A view of 16-bit elements may start and end within a word.
    const start = Math.floor(offset / 4) * 4, end = Math.ceil((offset + bytes) / 4) * 4;
    const data = await this.queue.read({ slab, offset: start, bytes: end - start });
    if (dtype === "f32") return new Float32Array(data);
    if (dtype === "i32") return Float32Array.from(new Int32Array(data));
    const values = new Float32Array(size), widen = dtype === "bf16" ? bf16ToF32 : f16sToF32;
    widen(new Uint16Array(data, offset - start, size), values);
    return values;
  }

  /** to ← from, of one size and type. */
  copy(from: GpuTensor, to: GpuTensor): void {
    if (from.size !== to.size || from.dtype !== to.dtype) {
      throw new Error(`copy: [${from.shape}] ${from.dtype} to [${to.shape}] ${to.dtype}`);
    }
    if (from.bytes % 4 !== 0 || from.offset % 4 !== 0 || to.offset % 4 !== 0) {
      throw new Error("copy: part of a word of two 16-bit elements");
    }
    to.note(from.dtype === "i32" && from.shadow.values ? from.indices(2 ** 31, "copy") : undefined);
    this.queue.copy(from, to);
  }
}
