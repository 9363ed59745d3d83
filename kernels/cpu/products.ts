/**
 * Matrix products over plain arrays, in float32 or float64, for code that has no device: the scorers of evaluations.
 *
 * The order in which a product is summed is that of MLAS and depends on the machine. Of an inner product of k numbers, whatever
 * the order and with or without fused operations, the result differs from the exact one by at most
 *
 *     γ ‖a‖ ‖b‖,   γ = k u / (1 − k u),   u = 2⁻²⁴ in float32 and 2⁻⁵³ in float64
 *
 * (Higham 2002, section 3.1; {@linkcode productError}), so that a caller can tell which results an order could have changed. One
 * thread computes unless the caller asks for more: what comes out does then not depend on the number of cores.
 *
 * @module
 */
import type { Graph } from "./onnx.ts";
import { ortTensor, Session } from "./ort.ts";

/** `TensorProto.DataType`. */
const types = { float32: 1, float64: 11 } as const;

type Precision = keyof typeof types;

const sessions = new Map<string, Session>();

function session(precision: Precision, transposed: "left" | "right", threads: number): Session {
  const key = `${precision} ${transposed} ${threads}`;
  let found = sessions.get(key);
  if (found === undefined) sessions.set(key, found = new Session(gemm(precision, transposed), threads));
  return found;
}

function gemm(precision: Precision, transposed: "left" | "right"): Graph {
  const type = types[precision], left = transposed === "left";
  return {
    inputs: [
      { name: "a", type, shape: left ? ["k", "n"] : ["n", "k"] },
      { name: "b", type, shape: left ? ["k", "m"] : ["m", "k"] },
    ],
    outputs: [{ name: "y", type, shape: ["n", "m"] }],
    nodes: [{
      op: "Gemm",
      inputs: ["a", "b"],
      outputs: ["y"],
      attributes: { transA: BigInt(left), transB: BigInt(!left) },
    }],
  };
}

function run(
  transposed: "left" | "right",
  a: Float32Array | Float64Array,
  b: Float32Array | Float64Array,
  inner: number,
  out: Float32Array | Float64Array,
  threads: number,
): void {
  const n = a.length / inner, m = b.length / inner;
  if (out.length !== n * m || a.constructor !== out.constructor || b.constructor !== out.constructor) {
    throw new Error(
      `product: ${a.length} and ${b.length} numbers over ${inner} do not give ${out.length} of their kind`,
    );
  }
  if (out.length === 0) return;
  const precision = out instanceof Float64Array ? "float64" : "float32";
  const shape = (columns: number) => transposed === "left" ? [inner, columns] : [columns, inner];
  session(precision, transposed, threads).run(
    { a: ortTensor(a, shape(n)), b: ortTensor(b, shape(m)) },
    { y: ortTensor(out, [n, m]) },
  );
}

/**
 * Inner products of rows: `out[i * m + j] = Σ_k a[i * inner + k] b[j * inner + k]`, in the precision of the arrays.
 *
 * @param a [n, inner]
 * @param b [m, inner]
 * @param out [n, m], overwritten
 * @param threads by which it is computed; with more than one, last bits may depend on their number
 */
export function rowProducts<T extends Float32Array | Float64Array>(
  a: T,
  b: T,
  inner: number,
  out: T,
  threads = 1,
): void {
  run("right", a, b, inner, out, threads);
}

/**
 * Inner products of columns: `out[i * m + j] = Σ_k a[k * n + i] b[k * m + j]`, in the precision of the arrays.
 *
 * @param a [inner, n]
 * @param b [inner, m]
 * @param out [n, m], overwritten
 */
export function columnProducts<T extends Float32Array | Float64Array>(
  a: T,
  b: T,
  inner: number,
  out: T,
): void {
  run("left", a, b, inner, out, 1);
}

/**
 * Most by which a product of {@linkcode rowProducts} may differ from the same one summed in float64 in any other order, for rows
 * of these lengths. Includes what underflow may take.
 */
export function productError(precision: Precision, inner: number, lengths: number): number {
  const [unit, tiny] = precision === "float32" ? [2 ** -24, 2 ** -125] : [2 ** -53, 2 ** -1021];
  const gamma = (k: number, u: number) => k * u / (1 - k * u);
  // A little more than the bound, for the rounding of the lengths themselves.
  return 1.001 * (gamma(inner + 1, unit) + gamma(inner + 1, 2 ** -53)) * lengths + inner * tiny;
}
