/**
 * Float64 oracle of rotary positions (Su et al. 2021) in the halves layout of transformers.
 *
 * @module
 */

/**
 * Rotates every pair (i, i + headDim/2) of every head of x [n, heads · headDim] by position · inverseFrequencies[i]:
 * y₁ = x₁·cos − x₂·sin, y₂ = x₂·cos + x₁·sin. `inverse` rotates back, which is also the gradient.
 */
export function rope(
  x: Float64Array,
  positions: Int32Array,
  inverseFrequencies: Float64Array,
  heads: number,
  inverse = false,
): Float64Array {
  const half = inverseFrequencies.length, y = new Float64Array(x.length);
  for (let row = 0; row < positions.length; row++) {
    for (let head = 0; head < heads; head++) {
      const first = (row * heads + head) * 2 * half;
      for (let i = 0; i < half; i++) {
        const angle = (inverse ? -1 : 1) * positions[row]! * inverseFrequencies[i]!;
        const x1 = x[first + i]!, x2 = x[first + half + i]!;
        y[first + i] = x1 * Math.cos(angle) - x2 * Math.sin(angle);
        y[first + half + i] = x2 * Math.cos(angle) + x1 * Math.sin(angle);
      }
    }
  }
  return y;
}
