/**
 * Float64 oracle of the vocabulary head. It holds all logits at once, which is what the engines avoid.
 *
 * @module
 */
import { linear, linearBackwardInput, linearBackwardWeight } from "./linear.ts";

/** Statistics of one token a row, as in `TokenStatistics` of the op vocabulary. */
export interface Statistics {
  readonly logProb: Float64Array;
  readonly logSumExp: Float64Array;
  readonly entropy: Float64Array;
}

/** log Σ exp of a row of scores. */
export function logSumExp(scores: Float64Array): number {
  const largest = scores.reduce((a, b) => Math.max(a, b), -Infinity);
  return largest + Math.log(scores.reduce((sum, score) => sum + Math.exp(score - largest), 0));
}

/** Rows of log softmax(logits / temperature), logits = h · wᵀ. */
export function logProbabilities(
  h: Float64Array,
  w: Float64Array,
  temperature: number,
  n: number,
): Float64Array[] {
  const logits = linear(h, w, n), vocab = logits.length / n;
  return Array.from({ length: n }, (_, row) => {
    const scores = logits.subarray(row * vocab, (row + 1) * vocab).map((logit) => logit / temperature);
    const total = logSumExp(scores);
    return scores.map((score) => score - total);
  });
}

/** log softmax(logits / temperature)[id], log Σ exp(logits / temperature) and −Σ p log p by rows. */
export function lmHead(
  h: Float64Array,
  w: Float64Array,
  ids: Int32Array,
  temperature: number,
  n: number,
): Statistics {
  const logits = linear(h, w, n), vocab = logits.length / n;
  const logProbs = logProbabilities(h, w, temperature, n);
  return {
    logProb: Float64Array.from(logProbs, (row, i) => row[ids[i]!]!),
    logSumExp: Float64Array.from(
      logProbs,
      (_, i) => logSumExp(logits.subarray(i * vocab, (i + 1) * vocab).map((logit) => logit / temperature)),
    ),
    entropy: Float64Array.from(logProbs, (row) => -row.reduce((sum, lp) => sum + Math.exp(lp) * lp, 0)),
  };
}

/**
 * dh and dw of Σᵢ dLogProb[i]·logProb[i] + dEntropy[i]·entropy[i].
 * With z = logits / temperature: ∂logProb/∂z_j = [j = id] − p_j and ∂entropy/∂z_j = −p_j·(log p_j + entropy).
 */
export function lmHeadBackward(
  h: Float64Array,
  w: Float64Array,
  ids: Int32Array,
  temperature: number,
  n: number,
  gradient: { dLogProb: Float64Array; dEntropy?: Float64Array },
): { dh: Float64Array; dw: Float64Array } {
  const logProbs = logProbabilities(h, w, temperature, n), vocab = logProbs[0]!.length;
  const { entropy } = lmHead(h, w, ids, temperature, n);
  const dLogits = new Float64Array(n * vocab);
  logProbs.forEach((row, i) => {
    for (let j = 0; j < vocab; j++) {
      const p = Math.exp(row[j]!);
      const dz = gradient.dLogProb[i]! * ((j === ids[i] ? 1 : 0) - p) -
        (gradient.dEntropy?.[i] ?? 0) * p * (row[j]! + entropy[i]!);
      dLogits[i * vocab + j] = dz / temperature;
    }
  });
  return { dh: linearBackwardInput(dLogits, w, n), dw: linearBackwardWeight(dLogits, h, n).dw };
}
