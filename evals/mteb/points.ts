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
}

/** Copies of some rows, in the order given, into `target` if there is one: as many rows of as many columns. */
export function gather(points: Points, rows: ArrayLike<number>, target?: Points): Points {
  const { columns } = points, data = target?.data ?? new Float32Array(rows.length * columns);
  for (let i = 0; i < rows.length; i++) data.set(row(points, rows[i]!), i * columns);
  return target ?? { data, rows: rows.length, columns };
}

/** One row, sharing memory. */
export function row(points: Points, i: number): Float32Array {
  return points.data.subarray(i * points.columns, (i + 1) * points.columns);
}

/** Squared length of every row, in float64. */
export function squaredNorms({ data, rows, columns }: Points): Float64Array {
  const norms = new Float64Array(rows);
  for (let i = 0, at = 0; i < rows; i++) {
    let sum = 0;
    for (const end = at + columns; at < end; at++) sum += data[at]! * data[at]!;
    norms[i] = sum;
  }
  return norms;
}

/** ⟨a_i, b_j⟩ by its definition. */
export function innerProduct(a: Points, i: number, b: Points, j: number): number {
  let sum = 0;
  for (let at = i * a.columns, other = j * b.columns, end = at + a.columns; at < end; at++, other++) {
    sum += a.data[at]! * b.data[other]!;
  }
  return sum;
}

/** Length of the longest row. */
export function longest(points: Points): number {
  return Math.sqrt(squaredNorms(points).reduce((a, b) => Math.max(a, b), 0));
}
