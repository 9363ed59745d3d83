/**
 * What Llama 3's RoPE scaling does to each rotary frequency.
 *
 * @module
 */
import type { Llama3RopeScaling } from "./config.ts";

/**
 * Divisors of the frequencies θ^(−2i/headDim), i = 0 … headDim/2 − 1, in float64.
 *
 * With wavelength λ = 2π/frequency, L = originalMaxPositions: 1 where λ < L/highFreqFactor, `factor` where
 * λ > L/lowFreqFactor, and between them 1 / ((1 − s)/factor + s) with
 * s = (L/λ − lowFreqFactor) / (highFreqFactor − lowFreqFactor).
 * (transformers, `_compute_llama3_parameters`; llama.cpp, `rope_freqs.weight`.)
 */
export function llama3FrequencyFactors(
  scaling: Llama3RopeScaling,
  headDim: number,
  ropeTheta: number,
): Float64Array<ArrayBuffer> {
  const { factor, lowFreqFactor, highFreqFactor, originalMaxPositions } = scaling;
  return Float64Array.from({ length: headDim / 2 }, (_, i) => {
    const wavelength = 2 * Math.PI * ropeTheta ** (2 * i / headDim);
    if (wavelength < originalMaxPositions / highFreqFactor) return 1;
    if (wavelength > originalMaxPositions / lowFreqFactor) return factor;
    const smooth = (originalMaxPositions / wavelength - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
    return 1 / ((1 - smooth) / factor + smooth);
  });
}
