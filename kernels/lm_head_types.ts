/**
 * What the vocabulary head says about tokens, and how it is told to sample them.
 *
 * @module
 */
import type { Tensor } from "./tensor_types.ts";

/** What {@linkcode Device.lmHead} says about the given token of each row. All vectors have one entry a row. */
export interface TokenStatistics {
  /** log softmax(logits / temperature)[id] */
  readonly logProb: Float32Array;
  /** log Σ exp(logits / temperature) */
  readonly logSumExp: Float32Array;
  /** −Σ p log p of the distribution at this temperature, in nats */
  readonly entropy: Float32Array;
}

/** Options of {@linkcode Device.lmHead}. */
export interface LmHeadOptions {
  /**
   * {@linkcode Device.lmHeadBackward} or {@linkcode Device.lmHeadDiscard} follows with the same arguments, so an engine
   * may keep what it will need again; false by default.
   */
  readonly forBackward?: boolean;
  /** Whether the entropy is wanted, as by default. Where not, an engine may save itself the work and say NaN. */
  readonly entropy?: boolean;
}

/** Gradient of a loss by {@linkcode TokenStatistics}, one entry a row: numbers of the host, or tensors [n]. */
export interface TokenGradient {
  readonly dLogProb: Float32Array | Tensor;
  readonly dEntropy?: Float32Array | Tensor;
}

/** How {@linkcode Device.lmHeadSample} chooses. */
export interface SamplingSpec {
  /** 0 chooses the largest logit, the lowest id on ties. */
  readonly temperature: number;
  /** Nucleus: keep the smallest set of most likely tokens with probability >= topP; 1 keeps all. */
  readonly topP: number;
  /** Keep the topK largest logits and whatever equals the smallest of them; 0 keeps all. */
  readonly topK: number;
  /** Whether the entropy is wanted, see {@linkcode LmHeadOptions.entropy}. */
  readonly entropy?: boolean;
}

/** Sampled tokens with the statistics of {@linkcode TokenStatistics} under the untruncated distribution. */
export interface SampledTokens extends TokenStatistics {
  readonly ids: Int32Array;
}
