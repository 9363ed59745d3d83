/**
 * From logits to a token: temperature, top-k, top-p, and the inverse of the cumulative distribution.
 *
 * Semantics are those of vLLM and Hugging Face transformers, in their order: divide by the temperature, keep the
 * k largest logits, then of what is left (renormalised) the nucleus. Two choices that those leave to a sorting
 * routine are fixed here: equal probabilities at the edge of the nucleus are kept lowest id first, and the
 * distribution is walked through in the order of the vocabulary, so that a token is a function of its logits and
 * one uniform number.
 *
 * @module
 */
import { NumericError, UsageError } from "#errors";

/** How to sample a token. */
export interface SamplingOptions {
  /** Divides the logits; 0 means the largest logit, the lowest id among equals. */
  temperature: number;
  /**
   * Nucleus: keep the smallest set of most probable tokens whose probabilities sum to at least `topP` (at least
   * one token). In (0, 1]; 1 keeps all.
   */
  topP: number;
  /** Keep the `topK` largest logits and whatever equals the smallest of them; −1 (or 0) keeps all. */
  topK: number;
}

/** Plain sampling at temperature 1, as the released code does for the trained role. */
export const PLAIN_SAMPLING: Readonly<SamplingOptions> = { temperature: 1, topP: 1, topK: -1 };

/** Number of weights summed together, so that only the block with the chosen token is walked through twice. */
const BLOCK = 512;

/**
 * Fails unless the options are in range.
 *
 * @throws {UsageError} naming the option and its value
 */
export function checkSamplingOptions({ temperature, topP, topK }: SamplingOptions): void {
  if (!Number.isFinite(temperature) || temperature < 0) {
    throw new UsageError(
      `Sampling temperature "${temperature}" is not a finite number >= 0`,
      "Use 0 or more",
    );
  }
  if (!(topP > 0 && topP <= 1)) {
    throw new UsageError(`Sampling top_p "${topP}" is outside (0, 1]`, "Use 1 to keep the whole vocabulary");
  }
  if (!Number.isInteger(topK) || topK < -1) {
    throw new UsageError(`Sampling top_k "${topK}" is not −1, 0 or a positive integer`, "Use −1 to keep all");
  }
}

/** Id of the largest logit, the lowest id among equals. */
function argmax(logits: Float32Array): number {
  let best = -1, largest = -Infinity;
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id]!;
    if (Number.isNaN(logit) || logit === Infinity) {
      throw new NumericError(
        `Logit of token ${id} is ${logit}`,
        "Look for the first step with a non-finite loss or gradient; lower the learning rate",
      );
    }
    if (logit > largest) {
      largest = logit;
      best = id;
    }
  }
  if (best < 0) {
    throw new NumericError(`All ${logits.length} logits are −Infinity`, "Check the model's weights");
  }
  return best;
}

/** Sets to 0 what top-k and top-p do not keep. */
function truncate(weights: Float64Array, topP: number, topK: number): void {
  const ascending = weights.slice().sort();
  const size = weights.length;
  let first = 0; // index into `ascending` of the smallest weight that top-k keeps, ties included
  if (topK > 0 && topK < size) {
    const threshold = ascending[size - topK]!;
    for (let id = 0; id < size; id++) if (weights[id]! < threshold) weights[id] = 0;
    while (ascending[first]! < threshold) first++;
  }
  if (topP === 1) return;
  let total = 0;
  for (let i = size - 1; i >= first; i--) total += ascending[i]!;
  // Walk down from the most probable token until the nucleus is full: `edge` is its smallest weight.
  let mass = 0, at = size;
  do mass += ascending[--at]!; while (at > first && mass < topP * total);
  const edge = ascending[at]!;
  let equals = 0; // how many tokens of weight `edge` are inside
  while (at + equals < size && ascending[at + equals] === edge) equals++;
  for (let id = 0; id < size; id++) {
    if (weights[id]! < edge || (weights[id] === edge && equals-- <= 0)) weights[id] = 0;
  }
}

/**
 * Unnormalised probabilities under the sampling distribution: exp((logit − max) / temperature), 0 where the
 * token is not kept. With temperature 0 a single 1.
 *
 * @param logits [vocabulary], −Infinity allowed for tokens that must not be drawn
 * @returns [vocabulary]
 * @throws {UsageError} if an option is out of range or there are no logits
 * @throws {NumericError} if a logit is NaN or +Infinity, or all are −Infinity
 */
export function samplingWeights(logits: Float32Array, options: SamplingOptions): Float64Array {
  checkSamplingOptions(options);
  if (logits.length === 0) throw new UsageError("No logits to sample from", "Pass one logit per token");
  const { temperature, topP, topK } = options;
  const weights = new Float64Array(logits.length);
  const best = argmax(logits);
  if (temperature === 0) {
    weights[best] = 1;
    return weights;
  }
  const largest = logits[best]!;
  for (let id = 0; id < weights.length; id++) weights[id] = Math.exp((logits[id]! - largest) / temperature);
  if (topP < 1 || topK > 0) truncate(weights, topP, topK);
  return weights;
}

/**
 * Draws a token: the first id, in the order of the vocabulary, whose cumulative weight exceeds `uniform` times
 * the total.
 *
 * @param logits [vocabulary], −Infinity allowed for tokens that must not be drawn
 * @param uniform random number in [0, 1); not used with temperature 0
 * @returns the token's id
 * @throws {UsageError} if an option or `uniform` is out of range, or there are no logits
 * @throws {NumericError} if a logit is NaN or +Infinity, or all are −Infinity
 */
export function sampleToken(logits: Float32Array, options: SamplingOptions, uniform: number): number {
  if (!(uniform >= 0 && uniform < 1)) {
    throw new UsageError(
      `Random number "${uniform}" is outside [0, 1)`,
      "Draw it with uniform() of philox.ts",
    );
  }
  const weights = samplingWeights(logits, options);
  const sums = new Float64Array(Math.ceil(weights.length / BLOCK));
  let total = 0;
  for (let block = 0; block < sums.length; block++) {
    const end = Math.min(weights.length, (block + 1) * BLOCK);
    let sum = 0;
    for (let id = block * BLOCK; id < end; id++) sum += weights[id]!;
    sums[block] = sum;
    total += sum;
  }
  let remaining = uniform * total, block = 0, candidate = -1;
  for (; block < sums.length - 1 && sums[block]! <= remaining; block++) remaining -= sums[block]!;
  const end = Math.min(weights.length, (block + 1) * BLOCK);
  let cumulative = 0;
  for (let id = block * BLOCK; id < end; id++) {
    if (weights[id] === 0) continue;
    candidate = id;
    cumulative += weights[id]!;
    if (cumulative > remaining) return id;
  }
  // Only rounding leads here: the last token that can be drawn is the one that the sum fell short of.
  for (let id = block * BLOCK - 1; candidate < 0 && id >= 0; id--) if (weights[id]! > 0) candidate = id;
  return candidate;
}
