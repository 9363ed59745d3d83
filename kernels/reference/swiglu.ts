/**
 * Float64 oracle of the gated activation of Llama and Qwen (Shazeer 2020).
 *
 * @module
 */

function sigmoid(z: number): number {
  return 1 / (1 + Math.exp(-z));
}

/** y = silu(gate) · up with silu(z) = z · sigmoid(z). */
export function swiglu(gate: Float64Array, up: Float64Array): Float64Array {
  return gate.map((z, i) => z * sigmoid(z) * up[i]!);
}

/** Gradients of {@linkcode swiglu}: silu′(z) = s·(1 + z·(1 − s)) with s = sigmoid(z). */
export function swigluBackward(
  dy: Float64Array,
  gate: Float64Array,
  up: Float64Array,
): { dGate: Float64Array; dUp: Float64Array } {
  const dGate = gate.map((z, i) => {
    const s = sigmoid(z);
    return dy[i]! * up[i]! * s * (1 + z * (1 - s));
  });
  return { dGate, dUp: gate.map((z, i) => dy[i]! * z * sigmoid(z)) };
}
