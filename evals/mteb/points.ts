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
  let i = 0;
  // Four rows at a time, so that no addition waits for the one before it.
  for (; i + 3 < rows; i += 4) {
    let a = i * columns, b = a + columns, c = b + columns, d = c + columns;
    let s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    for (const end = b; a < end; a++, b++, c++, d++) {
      s0 += data[a]! * data[a]!;
      s1 += data[b]! * data[b]!;
      s2 += data[c]! * data[c]!;
      s3 += data[d]! * data[d]!;
    }
    norms[i] = s0;
    norms[i + 1] = s1;
    norms[i + 2] = s2;
    norms[i + 3] = s3;
  }
  for (; i < rows; i++) {
    let sum = 0;
    for (let at = i * columns, end = at + columns; at < end; at++) sum += data[at]! * data[at]!;
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
