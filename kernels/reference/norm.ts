/**
 * Float64 oracle of the two normalisations by rows: RMSNorm with a weight, and division by the Euclidean length.
 *
 * @module
 */

/** Below this length {@linkcode l2Normalize} divides by it instead (as torch.nn.functional.normalize does). */
export const minimumLength = 1e-12;

/** y = x / sqrt(mean(x²) + eps) · w by rows (Zhang & Sennrich 2019), w [dim]. */
export function rmsNorm(x: Float64Array, w: Float64Array, eps: number): Float64Array {
  const dim = w.length;
  return mapRows(x, dim, (row) => {
    const r = 1 / Math.sqrt(dot(row, row) / dim + eps);
    return row.map((value, d) => value * r * w[d]!);
  });
}

/** dx and dw of {@linkcode rmsNorm}. With r = 1/sqrt(mean(x²)+eps), g = dy·w: dx = r·g − x·r³·mean(g·x). */
export function rmsNormBackward(
  dy: Float64Array,
  x: Float64Array,
  w: Float64Array,
  eps: number,
): { dx: Float64Array; dw: Float64Array } {
  const dim = w.length, dw = new Float64Array(dim);
  const dx = mapRows(x, dim, (row, start) => {
    const r = 1 / Math.sqrt(dot(row, row) / dim + eps);
    const g = w.map((weight, d) => dy[start + d]! * weight);
    for (let d = 0; d < dim; d++) dw[d]! += dy[start + d]! * row[d]! * r;
    const mean = dot(g, row) / dim;
    return row.map((value, d) => r * g[d]! - value * r ** 3 * mean);
  });
  return { dx, dw };
}

/** y = x / max(‖x‖, 1e-12) by rows of `dim`. */
export function l2Normalize(x: Float64Array, dim: number): Float64Array {
  return mapRows(x, dim, (row) => {
    const length = Math.max(Math.sqrt(dot(row, row)), minimumLength);
    return row.map((value) => value / length);
  });
}

/** dx = (dy − y·(y·dy)) / ‖x‖ by rows of `dim`; dy / 1e-12 where the length is below that. */
export function l2NormalizeBackward(dy: Float64Array, x: Float64Array, dim: number): Float64Array {
  return mapRows(x, dim, (row, start) => {
    const slope = dy.subarray(start, start + dim), length = Math.sqrt(dot(row, row));
    if (length < minimumLength) return slope.map((value) => value / minimumLength);
    const y = row.map((value) => value / length), along = dot(y, slope);
    return slope.map((value, d) => (value - y[d]! * along) / length);
  });
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function mapRows(
  x: Float64Array,
  dim: number,
  f: (row: Float64Array, start: number) => Float64Array,
): Float64Array {
  const y = new Float64Array(x.length);
  for (let start = 0; start < x.length; start += dim) y.set(f(x.subarray(start, start + dim), start), start);
  return y;
}
