/**
 * What attention and its cache are told: pieces of a packed stream, heads, positions.
 *
 * @module
 */

/**
 * One piece of a packed stream: rows [start, start + length). If it has a parent, its tokens continue the parent's
 * sequence: they see all rows of the parent, and positions count on from its end. K rationales of one prompt are K
 * segments with the prompt's segment as parent, so the prompt's rows exist once. A parent has no parent of its own.
 */
export interface Segment {
  readonly start: number;
  readonly length: number;
  /** Index of the parent in the same list of segments, which comes before this one; -1 for none. */
  readonly parent: number;
}

/** Shape of grouped-query attention: query head h reads key/value head floor(h / (heads / kvHeads)). */
export interface AttentionShape {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

/** Cosine and sine of every position, [positions, headDim / 2] each, made by {@linkcode Device.ropeTable}. */
export interface RopeTable {
  readonly positions: number;
  readonly headDim: number;
}

/** Keys and values of `slots` sequences for every layer, for decoding one token at a time. */
export interface KvCache {
  readonly layers: number;
  readonly slots: number;
  /** Tokens that fit into a slot at present. */
  readonly capacity: number;
}

/** Where the rows of a {@linkcode Device.cacheWrite} go: rows [row, row + count) to `slot`, from `position` on. */
export interface CacheRows {
  readonly row: number;
  readonly count: number;
  readonly slot: number;
  readonly position: number;
}
