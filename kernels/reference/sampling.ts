/**
 * Float64 oracle of token sampling: temperature, then top-k, then top-p over what top-k left (the order of
 * transformers and vLLM), then inversion of the cumulative distribution in the order of ids.
 *
 * @module
 */
import type { SamplingSpec } from "../lm_head_types.ts";
import { logSumExp } from "./lm_head.ts";

/**
 * Probabilities [vocab] of one row after temperature, top-k and top-p, summing to 1; 0 where a token is left out.
 * Of equally likely tokens the one with the lower id counts as more likely.
 */
export function truncatedDistribution(logits: Float64Array, spec: SamplingSpec): Float64Array {
  const kept = new Float64Array(logits.length);
  const order = Array.from(logits.keys()).sort((a, b) => logits[b]! - logits[a]! || a - b);
  if (spec.temperature === 0) {
    kept[order[0]!] = 1;
    return kept;
  }
  const total = logSumExp(logits.map((logit) => logit / spec.temperature));
  const likely = order.slice(0, spec.topK === 0 ? undefined : spec.topK);
  const p = (id: number) => Math.exp(logits[id]! / spec.temperature - total);
  const massOfTopK = likely.reduce((sum, id) => sum + p(id), 0);
  let mass = 0;
  for (const id of likely) {
    // topP = 1 keeps all, even where the sum reaches 1 early by rounding.
    if (spec.topP < 1 && mass >= spec.topP * massOfTopK) break;
    kept[id] = p(id);
    mass += p(id);
  }
  return kept.map((probability) => probability / mass);
}

/** First id whose cumulative probability exceeds `uniform` in [0, 1). */
export function invertCumulative(probabilities: Float64Array, uniform: number): number {
  let sum = 0, last = -1;
  for (let id = 0; id < probabilities.length; id++) {
    if (probabilities[id] === 0) continue;
    sum += probabilities[id]!;
    last = id;
    if (uniform < sum) return id;
  }
  return last;
}
