/**
 * Norms and angles of embeddings. Sums run in f64, whatever the arrays hold.
 *
 * Differs from the reference in one way: PyTorch's `normalize` and `cosine_similarity` put a floor under the norm
 * and return 0 for a zero vector; here such a vector is an error.
 *
 * @module
 */
import { NumericError, UsageError } from "#errors";

/** An embedding: [dim] numbers, plain or typed. */
export type Embedding = ArrayLike<number>;

/** Euclidean norms up to this are taken for 0 (PyTorch's `eps` of `normalize`). */
export const NORM_EPS = 1e-12;

/**
 * Dot product of two vectors of equal length.
 *
 * @throws {UsageError} if the lengths differ
 */
export function dot(a: Embedding, b: Embedding): number {
  if (a.length !== b.length) {
    throw new UsageError(
      `Vectors of ${a.length} and ${b.length} dimensions cannot be compared`,
      "Use embeddings of one model",
    );
  }
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/**
 * Euclidean norm of a vector that has a direction.
 *
 * @param what name of the vector in an error
 * @throws {NumericError} if an element is not finite, or the norm is at most {@linkcode NORM_EPS}
 */
export function norm(vector: Embedding, what = "Vector"): number {
  const length = Math.sqrt(dot(vector, vector));
  if (!Number.isFinite(length)) {
    throw new NumericError(
      `${what} has elements that are not finite`,
      "Check the model's weights; of a trained one, look for the first step with a non-finite loss or gradient, and lower the learning rate",
    );
  }
  if (length <= NORM_EPS) {
    throw new NumericError(
      `${what} has norm ${length}, so it has no direction`,
      "Check that its tokens were pooled and that the model's weights are loaded",
    );
  }
  return length;
}

/**
 * A vector divided by its norm, in f64.
 *
 * @param what name of the vector in an error
 * @throws {NumericError} as {@linkcode norm}
 */
export function unit(vector: Embedding, what?: string): Float64Array {
  const length = norm(vector, what);
  return Float64Array.from(vector, (x) => x / length);
}

/**
 * y = x / ‖x‖₂ of one embedding, or of each row of several, rounded to f32.
 *
 * @param x [rows, dim]
 * @param dim length of a row; the whole array by default
 * @throws {NumericError} as {@linkcode norm}
 */
export function l2Normalize(x: Float32Array, dim: number = x.length): Float32Array {
  const y = new Float32Array(x.length);
  for (let row = 0; row < rowCount(x, dim); row++) {
    y.set(unit(x.subarray(row * dim, (row + 1) * dim), `Embedding ${row}`), row * dim);
  }
  return y;
}

/**
 * Gradient through {@linkcode l2Normalize}: dx = (dy − y (y · dy)) / ‖x‖₂, row by row.
 *
 * @param x [rows, dim], the input of the forward pass
 * @param gradient [rows, dim], the gradient of the loss with respect to y
 * @returns [rows, dim], f64
 * @throws {NumericError} as {@linkcode norm}
 */
export function l2NormalizeBackward(x: Embedding, gradient: Embedding, dim: number = x.length): Float64Array {
  if (gradient.length !== x.length) {
    throw new UsageError(
      `Gradient has ${gradient.length} elements, its input ${x.length}`,
      "Pass arrays of one shape",
    );
  }
  const dx = new Float64Array(x.length);
  for (let row = 0; row < rowCount(x, dim); row++) {
    const start = row * dim;
    const rowOf = (a: Embedding) => Float64Array.from({ length: dim }, (_, i) => a[start + i]!);
    const input = rowOf(x), dy = rowOf(gradient);
    const length = norm(input, `Embedding ${row}`);
    const along = dot(input, dy) / length ** 2;
    for (let i = 0; i < dim; i++) dx[start + i] = (dy[i]! - input[i]! * along) / length;
  }
  return dx;
}

/**
 * Cosine of the angle between two embeddings: the similarity s of every reward.
 *
 * @throws {NumericError} as {@linkcode norm}
 * @throws {UsageError} if the lengths differ
 */
export function cosine(a: Embedding, b: Embedding): number {
  return dot(a, b) / (norm(a) * norm(b));
}

/** Number of rows of a flat [rows, dim] array. */
function rowCount(x: Embedding, dim: number): number {
  if (!Number.isInteger(dim) || dim < 1 || x.length % dim !== 0) {
    throw new UsageError(
      `${x.length} elements are not rows of ${dim}`,
      "Pass the dimension of the embeddings",
    );
  }
  return x.length / dim;
}
