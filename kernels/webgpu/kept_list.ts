/**
 * Lists of integers that stay on the GPU: all layers of a pass ask for the same ones, and to make a list of hundreds of slots
 * and hand it over takes the host longer than the GPU needs for the layer.
 *
 * @module
 */
import type { Arena } from "./arena.ts";
import type { CommandQueue } from "./queue.ts";
import type { GpuTensor } from "./tensor.ts";

/** Integers that there is room for from the start. */
const fewest = 256;

/** Memory for one list, which is written anew when another one is wanted. */
export class KeptList {
  #memory: GpuTensor | null = null;

  constructor(readonly queue: CommandQueue, readonly arena: Arena) {}

  /** Writes a list over the one before, after everything that was issued with that. */
  write(values: Int32Array<ArrayBuffer>): GpuTensor {
    const { length } = values;
    if (this.#memory === null || this.#memory.size < length) {
      this.free();
      this.#memory = this.arena.alloc([2 ** Math.ceil(Math.log2(Math.max(length, fewest)))], "i32");
    }
    const list = this.#memory.rows(0, length);
    this.queue.write(list, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    return list;
  }

  /** Gives the memory back. */
  free(): void {
    if (this.#memory) this.arena.release(this.#memory);
    this.#memory = null;
  }
}

/** Whether two lists have the same integers. */
export function sameList(a: Int32Array, b: Int32Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
