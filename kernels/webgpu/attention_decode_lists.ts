/**
 * How decoding divides the keys of a block of slots, as lists on the GPU: the same for all layers of a step.
 *
 * @module
 */
import type { Arena } from "./arena.ts";
import { chunk } from "./attention_plan.ts";
import { chunks } from "./attention_weigh.ts";
import { KeptList, sameList } from "./kept_list.ts";
import type { CommandQueue } from "./queue.ts";
import type { GpuTensor } from "./tensor.ts";

/** Number of chunks of a sequence. */
const chunksOf = (length: number): number => Math.ceil(length / chunk);

/** Work of both passes over a block of slots. */
export interface DecodeWork {
  /** Of the first pass: number of parts, and four integers for each, see `weighKernel`. */
  readonly parts: number;
  readonly weigh: GpuTensor;
  /** Of the second pass: slot, number of its first chunk among those of all slots, and of its chunks. */
  readonly join: GpuTensor;
  /** Chunks of all slots. */
  readonly chunks: number;
}

/** Keeps the work of the last call. */
export class DecodeLists {
  readonly #weigh: KeptList;
  readonly #join: KeptList;
  #lengths = new Int32Array(0);
  #from = -1;
  #work: DecodeWork | null = null;

  constructor(queue: CommandQueue, arena: Arena) {
    this.#weigh = new KeptList(queue, arena);
    this.#join = new KeptList(queue, arena);
  }

  /** Work for slots from `from` on that hold so many tokens each. */
  of(lengths: Int32Array, from: number): DecodeWork {
    if (this.#work && this.#from === from && sameList(this.#lengths, lengths)) return this.#work;
    const weigh: number[] = [], join: number[] = [];
    let first = 0;
    lengths.forEach((length, i) => {
      const slot = from + i, count = chunksOf(length);
      for (let c = 0; c < count; c += chunks) weigh.push(slot, c * chunk, length, first + c);
      join.push(slot, first, count);
      first += count;
    });
    [this.#lengths, this.#from] = [lengths.slice(), from];
    return this.#work = {
      parts: weigh.length / 4,
      weigh: this.#weigh.write(Int32Array.from(weigh)),
      join: this.#join.write(Int32Array.from(join)),
      chunks: first,
    };
  }

  /** Gives the memory back. */
  free(): void {
    this.#weigh.free();
    this.#join.free();
    this.#work = null;
  }
}
