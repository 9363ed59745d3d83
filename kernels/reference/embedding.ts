/**
 * Float64 oracle of the ops that move rows: embedding is a gather from the vocabulary, its backward a scatter-add.
 *
 * @module
 */

/** y[i] = x[index[i]] for rows of `width`. */
export function gatherRows(x: Float64Array, index: Int32Array, width: number): Float64Array {
  const y = new Float64Array(index.length * width);
  for (let i = 0; i < index.length; i++) {
    for (let d = 0; d < width; d++) y[i * width + d] = x[index[i]! * width + d]!;
  }
  return y;
}

/** Zero matrix of `rows` rows with y[index[i]] += x[i]: the gradient of {@linkcode gatherRows}. */
export function scatterAddRows(x: Float64Array, index: Int32Array, rows: number): Float64Array {
  const width = x.length / index.length;
  const y = new Float64Array(rows * width);
  for (let i = 0; i < index.length; i++) {
    for (let d = 0; d < width; d++) y[index[i]! * width + d]! += x[i * width + d]!;
  }
  return y;
}
