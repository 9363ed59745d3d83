/**
 * How attention over a packed stream is cut into pieces of work: tiles of queries for the passes that go by queries, and
 * blocks of keys for the gradients of keys and values. All of it is small lists of integers for the kernels.
 *
 * The query heads that share a key/value head see the same keys, so a tile is made of (row, head of the group) pairs:
 * pair i of a segment is row i / group, head i % group. Tiles of short segments are filled better that way.
 *
 * @module
 */
import type { Segment } from "../attention_types.ts";

/** Keys that are weighed at a time. Results depend on it: a softmax is put together from chunks of this many positions. */
export const chunk = 32;

/** Pairs in a tile of queries: those of the usual kernel, and of the one for what is left of a segment. */
export const tilePairs = [64, 32] as const;

/** Integers of a tile: see {@linkcode QueryTiles}. */
export const tileFields = 6;

/**
 * Tiles of up to `pairs` pairs. For each: row of the window where its segment starts, first pair, number of pairs, row
 * where the parent starts, number of the parent's rows, number of keys that its last pair sees. Most keys first, so that
 * a GPU is not left with the long ones at the end.
 */
export interface QueryTiles {
  readonly pairs: number;
  readonly count: number;
  /** Scores of all tiles, for one key/value head. */
  readonly scores: number;
  readonly list: Int32Array;
}

/**
 * Blocks of up to {@linkcode chunk} keys with the queries that see them. For each block: its first row, its number of
 * rows, and where its ranges of queries are; for each range: its first row, its number of pairs, and whether a query sees
 * only the keys up to its own row.
 */
export interface KeyBlocks {
  readonly count: number;
  /** Scores of all blocks, for one key/value head. */
  readonly scores: number;
  /** Four integers a block. */
  readonly list: Int32Array;
  /** Three integers a range. */
  readonly ranges: Int32Array;
}

/** Rows [from, to) of the stream, which a kernel sees at once; rows in the lists count from its start. */
export interface Window {
  readonly from: number;
  readonly to: number;
  readonly tiles: readonly QueryTiles[];
  readonly keyBlocks: KeyBlocks;
}

/** What attention does for a stream. */
export interface AttentionPlan {
  readonly windows: readonly Window[];
  /** Whether each row of the stream is in a segment. */
  readonly coversAll: boolean;
}

/** What a plan depends on. */
export interface PlanKey {
  readonly segments: readonly Segment[];
  /** Rows of the stream. */
  readonly total: number;
  /** Query heads for each key/value head. */
  readonly group: number;
  /** Rows that a kernel can see at once. */
  readonly maxRows: number;
}

/** A segment with its parent's rows: sequences start with `before` rows from `parent` on. */
interface Piece {
  readonly start: number;
  readonly length: number;
  readonly parent: number;
  readonly before: number;
  readonly children: readonly Segment[];
}

/**
 * The pieces of each family, a segment without parent and its children.
 *
 * @throws if a segment lies outside the stream, or its parent comes later or has a parent
 */
function familiesOf(segments: readonly Segment[], total: number): Piece[][] {
  const children = new Map<number, Segment[]>(), families = new Map<number, Piece[]>();
  segments.forEach((segment, index) => {
    const { start, length, parent } = segment;
    if (parent >= index || (parent >= 0 && segments[parent]!.parent >= 0)) {
      throw new Error(`attention: segment ${index} has ${parent} as parent`);
    }
    if (!(start >= 0 && length >= 0 && start + length <= total)) {
      throw new Error(`attention: segment ${index} is rows [${start}, ${start + length}) of ${total}`);
    }
    if (parent >= 0) {
      const { start: from, length: before } = segments[parent]!;
      children.get(parent)!.push(segment);
      families.get(parent)!.push({ start, length, parent: from, before, children: [] });
    } else {
      const own: Segment[] = [];
      children.set(index, own);
      families.set(index, [{ start, length, parent: 0, before: 0, children: own }]);
    }
  });
  return [...families.values()].map((family) => family.filter(({ length }) => length > 0))
    .filter((family) => family.length > 0);
}

/** Smallest range of rows that holds a family, the parent of its children included. */
function hullOf(family: readonly Piece[]): { from: number; to: number } {
  let from = Infinity, to = 0;
  for (const { start, length } of family) {
    from = Math.min(from, start);
    to = Math.max(to, start + length);
  }
  return { from, to };
}

/** Families together in windows of at most `maxRows` rows. */
function windowsOf(
  families: readonly Piece[][],
  maxRows: number,
): { from: number; to: number; pieces: Piece[] }[] {
  const placed = families.map((family) => ({ family, ...hullOf(family) }))
    .sort((a, b) => a.from - b.from);
  const windows: { from: number; to: number; pieces: Piece[] }[] = [];
  for (const { family, from, to } of placed) {
    if (to - from > maxRows) {
      throw new Error(
        `attention: a segment and its children lie in rows [${from}, ${to}), a kernel sees ${maxRows} rows at once`,
      );
    }
    const last = windows.at(-1);
    if (last && Math.max(last.to, to) - last.from <= maxRows) {
      last.to = Math.max(last.to, to);
      last.pieces.push(...family);
    } else windows.push({ from, to, pieces: [...family] });
  }
  return windows;
}

/** The tiles of queries, by their number of pairs. */
function tilesOf(pieces: readonly Piece[], base: number, group: number): QueryTiles[] {
  const [large, small] = tilePairs;
  const lists = new Map<number, number[][]>([[large, []], [small, []]]);
  for (const { start, length, parent, before } of pieces) {
    const pairs = length * group;
    for (let first = 0; first < pairs; first += large) {
      const count = Math.min(large, pairs - first), last = Math.floor((first + count - 1) / group);
      const tile = [start - base, first, count, before > 0 ? parent - base : 0, before, before + last + 1];
      lists.get(count > small ? large : small)!.push(tile);
    }
  }
  return [...lists].map(([pairs, tiles]) => ({
    pairs,
    count: tiles.length,
    scores: tiles.reduce((sum, tile) => sum + tile[2]! * tile[5]!, 0),
    list: Int32Array.from(tiles.sort((a, b) => b[5]! - a[5]!).flat()),
  }));
}

/** The blocks of keys, those that most queries see first. */
function keyBlocksOf(pieces: readonly Piece[], base: number, group: number): KeyBlocks {
  const blocks: { list: number[]; work: number; scores: number }[] = [], ranges: number[] = [];
  for (const { start, length, children } of pieces) {
    let shared = 0;
    const later = children.filter((child) => child.length > 0).flatMap((child) => {
      shared += child.length;
      return [child.start - base, child.length * group, 0];
    });
    for (let from = 0; from < length; from += chunk) {
      const list = [
        start + from - base,
        Math.min(chunk, length - from),
        ranges.length / 3,
        1 + later.length / 3,
      ];
      blocks.push({
        list,
        work: length - from + shared,
        scores: list[1]! * group * (length - from + shared),
      });
      // A loop: there may be more children than a call takes arguments.
      ranges.push(start + from - base, (length - from) * group, 1);
      for (const value of later) ranges.push(value);
    }
  }
  blocks.sort((a, b) => b.work - a.work);
  return {
    count: blocks.length,
    scores: blocks.reduce((sum, block) => sum + block.scores, 0),
    list: Int32Array.from(blocks.flatMap(({ list }) => list)),
    ranges: Int32Array.from(ranges),
  };
}

function coversAll(segments: readonly Segment[], total: number): boolean {
  let end = 0;
  for (const { start, length } of segments.toSorted((a, b) => a.start - b.start)) {
    if (length > 0 && start > end) return false;
    end = Math.max(end, start + length);
  }
  return end >= total;
}

/**
 * The plan for a stream.
 *
 * @throws if a segment lies outside the stream, its parent comes later or has a parent, or a family is longer than
 *   `maxRows`
 */
export function planAttention({ segments, total, group, maxRows }: PlanKey): AttentionPlan {
  const families = familiesOf(segments, total);
  return {
    coversAll: coversAll(segments, total),
    windows: windowsOf(families, maxRows).map(({ from, to, pieces }) => ({
      from,
      to,
      tiles: tilesOf(pieces, from, group),
      keyBlocks: keyBlocksOf(pieces, from, group),
    })),
  };
}

/** Keeps the last plan: all layers of a model ask for the same one. */
export class Planner {
  #key: Float64Array | null = null;
  #plan: AttentionPlan | null = null;

  /** See {@linkcode planAttention}. */
  plan(key: PlanKey): AttentionPlan {
    const { segments, total, group, maxRows } = key;
    const wanted = new Float64Array(3 + 3 * segments.length);
    wanted.set([total, group, maxRows]);
    segments.forEach(({ start, length, parent }, i) => wanted.set([start, length, parent], 3 + 3 * i));
    const known = this.#key;
    if (known?.length !== wanted.length || known.some((value, i) => value !== wanted[i])) {
      this.#plan = planAttention(key);
      this.#key = wanted;
    }
    return this.#plan!;
  }
}
