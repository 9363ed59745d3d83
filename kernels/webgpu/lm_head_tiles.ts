/**
 * How the vocabulary head cuts its work. Columns of the vocabulary come in *segments*: everything that is summed over the
 * vocabulary is summed within a segment first, and then over segments in order, so that a row has the same bits however
 * many columns of logits are held at once. Statistics and gradients hold one segment of logits at a time, sampling as many
 * as there is room for.
 *
 * @module
 */
import { rowsPerBinding } from "./pieces.ts";
import type { GpuTensor } from "./tensor.ts";

/** Columns of a segment, unless a binding cannot hold that many rows of the weight. */
export const segmentColumns = 4096;

/** Most segments of a vocabulary, which kernels hold in workgroup memory. */
export const maxSegments = 1024;

/** Most bytes of logits at a time. */
const tileBytes = 64 << 20;

/** Most rows at a time. */
const tileRows = 4096;

/** A cut of [n, vocab] logits. */
export interface Tiling {
  readonly vocab: number;
  /** Columns of a segment; the last one may have fewer. */
  readonly segment: number;
  /** Number of segments of the vocabulary. */
  readonly segments: number;
  /** Columns that one matrix product makes: whole segments. */
  readonly columns: number;
  /** Rows at a time. */
  readonly rows: number;
}

/**
 * The cut for a weight [vocab, dim].
 *
 * @param wide whether all columns of a row are held at once (sampling), instead of one segment
 * @throws where the vocabulary is too large for what a binding can hold
 */
export function tilingOf(w: GpuTensor, maxBinding: number, wide: boolean): Tiling {
  const [vocab, dim] = w.shape as [number, number];
  // As for f32, so that weights stored as bf16 are cut like their gradients.
  const weightRows = rowsPerBinding(4 * dim, maxBinding);
  // A power of two, so that segments start at aligned bytes whatever the width.
  const segment = 2 **
    Math.floor(Math.log2(Math.min(segmentColumns, weightRows, rowsPerBinding(4, maxBinding))));
  const segments = Math.ceil(vocab / segment);
  if (segments > maxSegments) {
    throw new Error(
      `lmHead: ${vocab} tokens in segments of ${segment} are more than ${maxSegments} segments`,
    );
  }
  const bytes = 4 * (wide ? vocab : Math.min(segment, vocab));
  const rows = Math.min(
    tileRows,
    weightRows,
    rowsPerBinding(bytes, maxBinding),
    Math.floor(tileBytes / bytes),
  );
  const columns = wide ? segment * Math.floor(weightRows / segment) : segment;
  return { vocab, segment, segments, columns: Math.min(columns, vocab), rows: Math.max(rows, 1) };
}

/** Blocks [start, end) of `count` rows (or columns), `size` at a time. */
export function* blocksOf(count: number, size: number): Generator<readonly [start: number, end: number]> {
  for (let start = 0; start < count; start += size) yield [start, Math.min(count, start + size)];
}
