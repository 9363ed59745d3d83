/**
 * How the vocabulary head cuts its work. The vocabulary comes in *segments*: everything that is summed over it is summed
 * within a segment first, and then over segments, so that a row has the same bits however many logits are held at once.
 *
 * @module
 */
import { rowsPerBinding } from "./pieces.ts";

/** Columns of a segment: a multiple of the terms that products sum up at a time, so that these too come out the same. */
export const segmentColumns = 4096;

/** Most segments of a vocabulary, which kernels hold in workgroup memory. */
export const maxSegments = 1024;

/** Most bytes of logits at a time. */
const tileBytes = 64 << 20;

/** Most rows at a time; also a multiple of the terms that products sum up at a time. */
const tileRows = 4096, rowUnit = 256;

/** A cut of [n, vocab] logits. */
export interface Tiling {
  /** Rows at a time. */
  readonly rows: number;
  /** Columns at a time: whole segments, or the whole vocabulary. */
  readonly columns: number;
}

/** Number of segments of a vocabulary. */
export function segmentsOf(vocab: number): number {
  const segments = Math.ceil(vocab / segmentColumns);
  if (segments > maxSegments) throw new Error(`lmHead: a vocabulary of ${vocab} has too many segments`);
  return segments;
}

/**
 * Tiles that hold whole rows, for few rows.
 *
 * @throws where a binding cannot hold the logits of one row
 */
export function rowTiles(vocab: number, maxBinding: number): Tiling {
  const fit = Math.floor(tileBytes / (4 * vocab));
  return {
    rows: Math.min(tileRows, rowsPerBinding(4 * vocab, maxBinding), Math.max(fit, 1)),
    columns: vocab,
  };
}

/** Tiles that hold as many rows as they can, of one segment at least. */
export function columnTiles(n: number, vocab: number, maxBinding: number): Tiling {
  const width = Math.min(segmentColumns, vocab);
  const most = Math.min(tileRows, Math.floor(tileBytes / (4 * width)), rowsPerBinding(4 * width, maxBinding));
  const rows = n <= most ? Math.max(n, 1) : most > rowUnit ? most - most % rowUnit : most;
  const bytes = Math.min(tileBytes, 4 * width * rowsPerBinding(4 * width, maxBinding));
  const columns = width * Math.max(1, Math.floor(bytes / (4 * width * rows)));
  return { rows, columns: Math.min(columns, vocab) };
}

/** Blocks [start, end) of `count` rows (or columns), `size` at a time. */
export function* blocksOf(count: number, size: number): Generator<readonly [start: number, end: number]> {
  for (let start = 0; start < count; start += size) yield [start, Math.min(count, start + size)];
}
