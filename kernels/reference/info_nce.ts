/**
 * Float64 oracle of InfoNCE (van den Oord 2018; paper Eq. 1-2).
 *
 * @module
 */
import type { InfoNceSpec } from "../training_types.ts";
import { logSumExp } from "./lm_head.ts";

/** softmax_j(q[i]·c[j]/τ) without the excluded candidates, and its logarithm at j = i, for every row i. */
function distributions(q: Float64Array, c: Float64Array, n: number, m: number, spec: InfoNceSpec) {
  const dim = q.length / n;
  return Array.from({ length: n }, (_, i) => {
    const scores = Float64Array.from({ length: m }, (_, j) => {
      if (spec.excluded?.[i * m + j] === 1) return -Infinity;
      let sum = 0;
      for (let d = 0; d < dim; d++) sum += q[i * dim + d]! * c[j * dim + d]!;
      return sum / spec.temperature;
    });
    const total = logSumExp(scores);
    return { probabilities: scores.map((score) => Math.exp(score - total)), logPositive: scores[i]! - total };
  });
}

/** loss = −1/n Σᵢ log softmax_j(q[i]·c[j]/τ)[i] for q [n, dim] and candidates c [m, dim], m >= n. */
export function infoNce(q: Float64Array, c: Float64Array, n: number, m: number, spec: InfoNceSpec): number {
  return -distributions(q, c, n, m, spec).reduce((sum, row) => sum + row.logPositive, 0) / n;
}

/** dq = 1/(nτ) Σⱼ (p_j − [i = j])·c[j], and dc[j] = 1/(nτ) Σᵢ (p_j − [i = j])·q[i]. */
export function infoNceBackward(
  q: Float64Array,
  c: Float64Array,
  n: number,
  m: number,
  spec: InfoNceSpec,
): { dq: Float64Array; dc: Float64Array } {
  const dim = q.length / n, dq = new Float64Array(q.length), dc = new Float64Array(c.length);
  distributions(q, c, n, m, spec).forEach(({ probabilities }, i) => {
    for (let j = 0; j < m; j++) {
      const slope = (probabilities[j]! - (i === j ? 1 : 0)) / (n * spec.temperature);
      for (let d = 0; d < dim; d++) {
        dq[i * dim + d]! += slope * c[j * dim + d]!;
        dc[j * dim + d]! += slope * q[i * dim + d]!;
      }
    }
  });
  return { dq, dc };
}
