/**
 * Float64 oracle of mean pooling over ranges of rows.
 *
 * @module
 */

/** Rows [start, end). */
export interface RowRange {
  readonly start: number;
  readonly end: number;
}

function rowsOf(ranges: readonly RowRange[]): number[] {
  return ranges.flatMap(({ start, end }) => Array.from({ length: end - start }, (_, i) => start + i));
}

/** pooled[s] = mean of the rows in ranges[s] of x [n, dim]; a row in two ranges of one s counts twice. */
export function meanPool(
  x: Float64Array,
  ranges: readonly (readonly RowRange[])[],
  dim: number,
): Float64Array {
  const pooled = new Float64Array(ranges.length * dim);
  ranges.forEach((pieces, s) => {
    const rows = rowsOf(pieces);
    for (const row of rows) {
      for (let d = 0; d < dim; d++) pooled[s * dim + d]! += x[row * dim + d]! / rows.length;
    }
  });
  return pooled;
}

/** Gradient of {@linkcode meanPool} with respect to x [n, dim]. */
export function meanPoolBackward(
  dPooled: Float64Array,
  ranges: readonly (readonly RowRange[])[],
  dim: number,
  n: number,
): Float64Array {
  const dx = new Float64Array(n * dim);
  ranges.forEach((pieces, s) => {
    const rows = rowsOf(pieces);
    for (const row of rows) {
      for (let d = 0; d < dim; d++) dx[row * dim + d]! += dPooled[s * dim + d]! / rows.length;
    }
  });
  return dx;
}
