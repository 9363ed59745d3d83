/**
 * Points of a clustering and their inner products.
 *
 * scikit-learn multiplies float32 matrices with whatever BLAS it was built with, so the last bits of its products
 * depend on the machine. Here an inner product is a sum in float64, from the first value to the last. Whoever needs many takes
 * them from a matrix product, and by this definition only those on which its rounding might decide: results are the same on
 * every machine.
 *
 * @module
 */

/** Points as rows of float32. */
export interface Points {
  /** [rows, columns], row-major. */
  readonly data: Float32Array;
  readonly rows: number;
  readonly columns: number;
  /** What {@linkcode squaredNorms} gives, where it is known: of rows that stay as they are. */
  readonly norms?: Float64Array;
}

/** Copies of some rows, in the order given. */
export function gather(points: Points, rows: ArrayLike<number>): Points {
  const { columns } = points, data = new Float32Array(rows.length * columns);
  for (let i = 0; i < rows.length; i++) data.set(row(points, rows[i]!), i * columns);
  const { norms } = points;
  return {
    data,
    rows: rows.length,
    columns,
    ...norms && { norms: Float64Array.from(rows, (i) => norms[i]!) },
  };
}

/** One row, sharing memory. */
export function row(points: Points, i: number): Float32Array {
  return points.data.subarray(i * points.columns, (i + 1) * points.columns);
}

/** Squared length of every row, in float64. */
export function squaredNorms({ data, rows, columns, norms: known }: Points): Float64Array {
  if (known) return known;
  const norms = new Float64Array(rows);
  rowByRowProducts(data, data, columns, norms);
  return norms;
}

/**
 * The inner product of each row of `a` with the same row of `b`, by its definition.
 *
 * @param out [rows], overwritten
 */
export function rowByRowProducts(a: Float32Array, b: Float32Array, columns: number, out: Float64Array): void {
  let i = 0;
  for (; i + 3 < out.length; i += 4) fourProducts(a, b, columns, i, out);
  for (; i < out.length; i++) out[i] = productAt(a, i * columns, b, i * columns, columns);
}

/** Four rows at a time, so that no addition waits for the one before it. A loop alone: see `vector_loops.ts`. */
function fourProducts(
  a: Float32Array,
  b: Float32Array,
  columns: number,
  row: number,
  out: Float64Array,
): void {
  const first = row * columns, second = first + columns, third = second + columns, fourth = third + columns;
  let s0 = 0, s1 = 0, s2 = 0, s3 = 0;
  for (let f = 0; f < columns; f++) {
    s0 += a[first + f]! * b[first + f]!;
    s1 += a[second + f]! * b[second + f]!;
    s2 += a[third + f]! * b[third + f]!;
    s3 += a[fourth + f]! * b[fourth + f]!;
  }
  out[row] = s0;
  out[row + 1] = s1;
  out[row + 2] = s2;
  out[row + 3] = s3;
}

function productAt(a: Float32Array, at: number, b: Float32Array, other: number, columns: number): number {
  let sum = 0;
  for (let f = 0; f < columns; f++) sum += a[at + f]! * b[other + f]!;
  return sum;
}

/** ⟨a_i, b_j⟩ by its definition. */
export function innerProduct(a: Points, i: number, b: Points, j: number): number {
  return productAt(a.data, i * a.columns, b.data, j * b.columns, a.columns);
}

/** Length of the longest row. */
export function longest(points: Points): number {
  return Math.sqrt(squaredNorms(points).reduce((a, b) => Math.max(a, b), 0));
}
