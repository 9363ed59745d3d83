/**
 * InfoNCE: the loss of the contrastive baselines, with its gradients.
 *
 *     L = − 1/n Σ_i log softmax_j(q_i · c_j / τ) at j = i,   c = positives ⊕ mined negatives
 *
 * Every query is scored against all positives and all mined negatives of the batch (the form of LLM2Vec's
 * HardNegativeNLLLoss; paper Eq. 1-2 has in-batch negatives only). SimCSE is the same without mined negatives and
 * with the second view of each text as its positive. Vectors are taken as normalised: chain
 * `l2NormalizeBackward` (`vector.ts`) for the gradient with respect to the embeddings before.
 *
 * @module
 */
import { NumericError, UsageError } from "#errors";

/** A batch of n queries, n positives and m mined negatives. */
export interface InfoNceBatch {
  /** [n, dim], norm 1. */
  queries: ArrayLike<number>;
  /** [n, dim], norm 1; row i belongs to query i. */
  positives: ArrayLike<number>;
  /** [m, dim], norm 1; may be empty. */
  negatives: ArrayLike<number>;
  /** Length of a vector. */
  dim: number;
}

/** Switches of the loss. */
export interface InfoNceOptions {
  /** τ > 0 (LLM2Vec's scale is 1 / τ). */
  temperature: number;
  /**
   * Identities of the texts, to leave out of a query's candidates every other copy of its own positive, which it
   * would be pushed away from. Without this, duplicates count as negatives (LLM2Vec, SimCSE).
   */
  maskDuplicates?: {
    /** [n] */
    positiveKeys: readonly string[];
    /** [m] */
    negativeKeys: readonly string[];
  };
}

/** Loss and gradients; shapes as in {@linkcode InfoNceBatch}. */
export interface InfoNceResult {
  /** L, the mean over queries. */
  loss: number;
  /** Share of queries whose own positive has the highest score. */
  accuracy: number;
  /** How many candidates were left out as duplicates. */
  masked: number;
  /** [n, dim] dL / d queries. */
  queryGradient: Float64Array;
  /** [n, dim] dL / d positives. */
  positiveGradient: Float64Array;
  /** [m, dim] dL / d negatives. */
  negativeGradient: Float64Array;
}

/**
 * InfoNCE of a batch.
 *
 * @throws {UsageError} if shapes do not fit, the temperature is not positive, or a query has no candidate besides
 * its positive (its loss would be 0 whatever the weights)
 * @throws {NumericError} if a score is not finite
 */
export function infoNce(batch: InfoNceBatch, options: InfoNceOptions): InfoNceResult {
  const { queries, positives, dim } = batch;
  const { temperature } = options;
  const { n, m } = checkShapes(batch, options);
  const count = n + m;
  const candidates = new Float64Array(count * dim);
  candidates.set(Array.from(positives));
  candidates.set(Array.from(batch.negatives), n * dim);
  const mask = options.maskDuplicates && duplicateMask(options.maskDuplicates);
  const queryGradient = new Float64Array(n * dim), candidateGradient = new Float64Array(count * dim);
  const scores = new Float64Array(count);
  let loss = 0, correct = 0, masked = 0;
  for (let i = 0; i < n; i++) {
    let left = 0;
    for (let j = 0; j < count; j++) {
      if (mask?.[i * count + j] === 1) {
        scores[j] = -Infinity;
        masked++;
      } else {
        scores[j] = score(queries, i, candidates, j, dim) / temperature;
        left++;
      }
    }
    if (left < 2) {
      throw new UsageError(
        `Query ${i} has no candidate besides its own positive`,
        "Use a larger batch, mined negatives, or texts that differ",
      );
    }
    const largest = scores.reduce((max, s) => Math.max(max, s), -Infinity);
    const total = scores.reduce((sum, s) => sum + Math.exp(s - largest), 0);
    loss += largest + Math.log(total) - scores[i]!;
    if (scores.indexOf(largest) === i) correct++;
    for (let j = 0; j < count; j++) {
      const probability = Math.exp(scores[j]! - largest) / total;
      const weight = (probability - (j === i ? 1 : 0)) / (n * temperature);
      if (weight === 0) continue;
      for (let x = 0; x < dim; x++) {
        queryGradient[i * dim + x]! += weight * candidates[j * dim + x]!;
        candidateGradient[j * dim + x]! += weight * queries[i * dim + x]!;
      }
    }
  }
  return {
    loss: loss / n,
    accuracy: correct / n,
    masked,
    queryGradient,
    positiveGradient: candidateGradient.slice(0, n * dim),
    negativeGradient: candidateGradient.slice(n * dim),
  };
}

/** q_i · c_j. */
function score(
  queries: ArrayLike<number>,
  i: number,
  candidates: Float64Array,
  j: number,
  dim: number,
): number {
  let sum = 0;
  for (let x = 0; x < dim; x++) sum += queries[i * dim + x]! * candidates[j * dim + x]!;
  if (!Number.isFinite(sum)) {
    throw new NumericError(
      `Score of query ${i} and candidate ${j} is ${sum}`,
      "Look for the first step with a non-finite loss or gradient; lower the learning rate",
    );
  }
  return sum;
}

/**
 * Which candidates are another copy of a query's own positive.
 *
 * @returns [n, n + m]: 1 at [i, j] where candidate j (positives, then negatives) is to be left out for query i
 */
export function duplicateMask(
  { positiveKeys, negativeKeys }: NonNullable<InfoNceOptions["maskDuplicates"]>,
): Uint8Array {
  const all = [...positiveKeys, ...negativeKeys], mask = new Uint8Array(positiveKeys.length * all.length);
  positiveKeys.forEach((own, i) =>
    all.forEach((key, j) => mask[i * all.length + j] = j !== i && key === own ? 1 : 0)
  );
  return mask;
}

function checkShapes(
  { queries, positives, negatives, dim }: InfoNceBatch,
  { temperature, maskDuplicates }: InfoNceOptions,
): { n: number; m: number } {
  const n = queries.length / dim, m = negatives.length / dim;
  if (!(Number.isInteger(n) && n > 0 && Number.isInteger(m) && positives.length === queries.length)) {
    throw new UsageError(
      `${queries.length}, ${positives.length} and ${negatives.length} numbers are not n queries, n positives and m ` +
        `negatives of ${dim} dimensions`,
      "Pass one positive per query",
    );
  }
  if (!(temperature > 0 && temperature < Infinity)) {
    throw new UsageError(
      `InfoNCE temperature "${temperature}" is not a positive number`,
      "Use 0.02 … 0.1 for cosines",
    );
  }
  if (
    maskDuplicates && (maskDuplicates.positiveKeys.length !== n || maskDuplicates.negativeKeys.length !== m)
  ) {
    throw new UsageError(
      "Keys to mask duplicates do not fit the batch",
      "Pass n keys of positives and m of negatives",
    );
  }
  return { n, m };
}
