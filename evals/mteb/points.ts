/**
 * Points of a clustering and their inner products: the one inner loop of k-means.
 *
 * scikit-learn multiplies float32 matrices with whatever BLAS it was built with, so the last bits of its products
 * depend on the machine. Here products are summed in float64, which is the value those approximate.
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

/** Copies of some rows, in the order given. */
export function gather(points: Points, rows: ArrayLike<number>): Points {
  const { columns } = points;
  const data = new Float32Array(rows.length * columns);
  for (let i = 0; i < rows.length; i++) data.set(row(points, rows[i]!), i * columns);
  return { data, rows: rows.length, columns };
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

/**
 * Inner products of rows `from..to-1` of `a` with every row of `b`, in float64:
 * `out[(i - from) * b.rows + j] = ⟨a_i, b_j⟩`.
 *
 * @param out at least (to - from) * b.rows long
 */
export function innerProducts(a: Points, from: number, to: number, b: Points, out: Float64Array): void {
  const d = a.columns, x = a.data, y = b.data;
  for (let i = from; i < to; i++) {
    const start = i * d, base = (i - from) * b.rows;
    let j = 0;
    // Four rows of b at a time: four independent sums hide the latency of the additions, and x is read once.
    for (; j + 3 < b.rows; j += 4) {
      let s0 = 0, s1 = 0, s2 = 0, s3 = 0;
      let at0 = j * d, at1 = at0 + d, at2 = at1 + d, at3 = at2 + d;
      for (let at = start, end = start + d; at < end; at++) {
        const value = x[at]!;
        s0 += value * y[at0++]!;
        s1 += value * y[at1++]!;
        s2 += value * y[at2++]!;
        s3 += value * y[at3++]!;
      }
      out[base + j] = s0;
      out[base + j + 1] = s1;
      out[base + j + 2] = s2;
      out[base + j + 3] = s3;
    }
    for (; j < b.rows; j++) {
      let s = 0;
      for (let at = start, other = j * d, end = start + d; at < end; at++) s += x[at]! * y[other++]!;
      out[base + j] = s;
    }
  }
}
