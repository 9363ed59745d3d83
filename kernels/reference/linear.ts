/**
 * Float64 oracle of the linear maps of {@linkcode Device}. Dimensions follow from the lengths and the number of rows.
 *
 * @module
 */

/** y[n, out] = x[n, in] · wᵀ (+ bias[out]) (+ residual[n, out]), w [out, in]. */
export function linear(
  x: Float64Array,
  w: Float64Array,
  n: number,
  options: { bias?: Float64Array; residual?: Float64Array } = {},
): Float64Array {
  const inputs = x.length / n, outputs = w.length / inputs;
  const y = new Float64Array(n * outputs);
  for (let row = 0; row < n; row++) {
    for (let o = 0; o < outputs; o++) {
      let sum = options.bias?.[o] ?? 0;
      for (let i = 0; i < inputs; i++) sum += x[row * inputs + i]! * w[o * inputs + i]!;
      y[row * outputs + o] = sum + (options.residual?.[row * outputs + o] ?? 0);
    }
  }
  return y;
}

/** dx[n, in] = dy[n, out] · w[out, in]. */
export function linearBackwardInput(dy: Float64Array, w: Float64Array, n: number): Float64Array {
  const outputs = dy.length / n, inputs = w.length / outputs;
  const dx = new Float64Array(n * inputs);
  for (let row = 0; row < n; row++) {
    for (let o = 0; o < outputs; o++) {
      for (let i = 0; i < inputs; i++) dx[row * inputs + i]! += dy[row * outputs + o]! * w[o * inputs + i]!;
    }
  }
  return dx;
}

/** dw[out, in] = dyᵀ · x and dBias[out] = Σ_rows dy. */
export function linearBackwardWeight(
  dy: Float64Array,
  x: Float64Array,
  n: number,
): { dw: Float64Array; dBias: Float64Array } {
  const outputs = dy.length / n, inputs = x.length / n;
  const dw = new Float64Array(outputs * inputs), dBias = new Float64Array(outputs);
  for (let row = 0; row < n; row++) {
    for (let o = 0; o < outputs; o++) {
      const slope = dy[row * outputs + o]!;
      dBias[o]! += slope;
      for (let i = 0; i < inputs; i++) dw[o * inputs + i]! += slope * x[row * inputs + i]!;
    }
  }
  return { dw, dBias };
}
