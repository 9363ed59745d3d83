/**
 * How attention over a packed stream is cut into calls: long segments into blocks of queries, and many short blocks
 * together into one call.
 *
 * @module
 */
import type { Segment } from "../attention_types.ts";

/** Rows [from, to) of the stream as queries; they see `before` rows of a parent from `parent` on, and own rows [start, to). */
export interface Block {
  readonly from: number;
  readonly to: number;
  readonly start: number;
  readonly parent: number;
  readonly before: number;
}

/** Blocks of one call, each padded to `rows` queries and `keys` keys. */
export interface Batch {
  readonly blocks: readonly Block[];
  readonly rows: number;
  readonly keys: number;
}

/** Query rows handled at a time: bounds the score matrix, and skips most keys that lie in a row's future. */
const queryBlock = 128;

/**
 * Most scores [rows, keys] of all heads in one call of several blocks, about a megabyte: what is made of them stays in the cache,
 * and there are enough products to share evenly, where a block alone may have three for two threads. Two blocks of 128 rows and 9
 * heads together take a quarter less time than one after the other. It is part of the bits of gradients: how far a block is padded
 * decides where its sums over rows are cut.
 */
const batchScores = 300_000;

/** Queries of a block. */
export const rowsOf = ({ from, to }: Block): number => to - from;

/** Keys that the last query of a block sees. */
export const keysOf = ({ before, start, to }: Block): number => before + to - start;

/** All blocks of a stream of `total` rows. */
function blocksOf(segments: readonly Segment[], total: number): Block[] {
  const blocks: Block[] = [];
  segments.forEach(({ start, length, parent }, index) => {
    const before = parent < 0 ? undefined : segments[parent];
    if (parent >= index || (before && before.parent >= 0)) {
      throw new Error(`attention: segment ${index} has ${parent} as parent`);
    }
    const end = start + length;
    if (!(start >= 0 && length >= 0 && end <= total)) {
      throw new Error(`attention: segment ${index} is rows [${start}, ${end}) of ${total}`);
    }
    for (let from = start; from < end; from += queryBlock) {
      const to = Math.min(end, from + queryBlock);
      blocks.push({ from, to, start, parent: before?.start ?? 0, before: before?.length ?? 0 });
    }
  });
  return blocks;
}

/**
 * The calls for a stream: blocks of about the same size together, so that little is padded.
 *
 * @param leastRows queries a block is padded to at least
 */
export function batchesOf(
  segments: readonly Segment[],
  total: number,
  heads: number,
  leastRows: number,
): Batch[] {
  const blocks = blocksOf(segments, total);
  // A stable sort: equal blocks stay in the order of the stream, where neighbours need not be copied together.
  blocks.sort((a, b) => keysOf(a) - keysOf(b) || rowsOf(a) - rowsOf(b));
  const batches: Batch[] = [];
  let first = 0, rows = 0;
  blocks.forEach((block, i) => {
    const more = Math.max(rows, rowsOf(block), leastRows);
    if (i > first && (i - first + 1) * more * keysOf(block) * heads > batchScores) {
      batches.push({ blocks: blocks.slice(first, i), rows, keys: keysOf(blocks[i - 1]!) });
      first = i;
      rows = Math.max(rowsOf(block), leastRows);
    } else rows = more;
  });
  if (blocks.length > first) {
    batches.push({ blocks: blocks.slice(first), rows, keys: keysOf(blocks.at(-1)!) });
  }
  return batches;
}
