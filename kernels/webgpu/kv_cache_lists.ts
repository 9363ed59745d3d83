/**
 * Which rows a cache is to write where, as lists on the GPU: the same for all layers of a pass.
 *
 * @module
 */
import type { CacheRows } from "../attention_types.ts";
import type { Arena } from "./arena.ts";
import { KeptList, sameList } from "./kept_list.ts";
import { tokensPerGroup } from "./kv_cache_kernels.ts";
import type { CommandQueue } from "./queue.ts";
import type { GpuTensor } from "./tensor.ts";

/** Slots [from, to). */
interface Slots {
  readonly from: number;
  readonly to: number;
}

/** Pieces of rows for a block of slots: for each its first row, counted from the first of all, rows, slot and position. */
export interface CachePieces {
  readonly list: GpuTensor;
  readonly count: number;
}

/** Rows [first, end) of k and v. */
export interface RowSpan {
  readonly first: number;
  readonly end: number;
}

/** The smallest range that holds all of these rows. */
export function spanOf(rows: readonly CacheRows[]): RowSpan {
  return {
    first: rows.reduce((first, { row }) => Math.min(first, row), Infinity),
    end: rows.reduce((end, { row, count }) => Math.max(end, row + count), 0),
  };
}

/** Keeps the lists of the last call. */
export class CacheRowLists {
  #known: Int32Array | null = null;
  readonly #kept: KeptList[] = [];
  #pieces: CachePieces[] = [];
  /** Rows that the last lists are of. */
  span: RowSpan = { first: 0, end: 0 };

  constructor(readonly queue: CommandQueue, readonly arena: Arena) {}

  /** Whether these rows are those of the last call. */
  knows(rows: readonly CacheRows[]): boolean {
    return this.#known !== null && sameList(this.#known, flat(rows));
  }

  /** The last lists, by block. */
  get pieces(): readonly CachePieces[] {
    return this.#pieces;
  }

  /** Makes the lists of rows for blocks of slots. */
  make(rows: readonly CacheRows[], blocks: readonly Slots[]): void {
    const { first } = this.span = spanOf(rows);
    this.#known = flat(rows);
    this.#pieces = blocks.map(({ from, to }, block) => {
      const list: number[] = [];
      for (const { row, count, slot, position } of rows) {
        if (slot < from || slot >= to) continue;
        for (let done = 0; done < count; done += tokensPerGroup) {
          const some = Math.min(tokensPerGroup, count - done);
          list.push(row + done - first, some, slot - from, position + done);
        }
      }
      const kept = this.#kept[block] ??= new KeptList(this.queue, this.arena);
      return { list: kept.write(Int32Array.from(list)), count: list.length / 4 };
    });
  }

  /** What was known no longer holds. */
  forget(): void {
    this.#known = null;
  }

  /** Gives the memory back. */
  free(): void {
    this.forget();
    for (const kept of this.#kept.splice(0)) kept.free();
  }
}

function flat(rows: readonly CacheRows[]): Int32Array {
  const list = new Int32Array(4 * rows.length);
  rows.forEach(({ row, count, slot, position }, i) => {
    list[4 * i] = row;
    list[4 * i + 1] = count;
    list[4 * i + 2] = slot;
    list[4 * i + 3] = position;
  });
  return list;
}
