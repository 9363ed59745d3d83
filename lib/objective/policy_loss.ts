/**
 * The policy-gradient loss of a batch of rationales and its gradient with respect to their log-probabilities.
 *
 * The loss of a token is that of `kernels/policy_loss.ts`; a KL term is aggregated as the surrogate is (as in verl). Token losses are
 * summed and divided:
 *
 * - `token-mean`: by a number of tokens that the caller fixes for the whole mini-batch, so that the gradient does
 *   not depend on how the mini-batch is cut up.
 * - `token-mean-micro`: by the tokens of this micro-batch (+ 1e-8), then weighted by its share of the mini-batch's
 *   sequences: the released code, whose gradient depends on the packing.
 * - `seq-sum`: by a number of sequences: each sequence counts by its sum.
 *
 * @module
 */
import { NumericError, UsageError } from "#errors";
import { KL_ESTIMATORS, type KlEstimator, type KlTerm } from "../../kernels/kl_penalty.ts";
import {
  policyLossSums,
  type PolicySums,
  type SampledSequences,
  type SurrogateOptions,
} from "../../kernels/policy_loss.ts";

export type { SurrogateOptions } from "../../kernels/policy_loss.ts";

/** Added to a token count before dividing by it (verl's `masked_mean`). */
const COUNT_EPS = 1e-8;

/** How token losses become one number. */
export type Aggregation =
  /** `tokens`: response tokens of the whole mini-batch. */
  | { kind: "token-mean"; tokens: number }
  /** `miniBatchSequences`: sequences of the whole mini-batch. */
  | { kind: "token-mean-micro"; miniBatchSequences: number }
  /** `sequences`: sequences of the whole mini-batch. */
  | { kind: "seq-sum"; sequences: number };

/** Names of the aggregations. */
export type AggregationKind = Aggregation["kind"];

/** The response tokens of S sequences, one after the other: T tokens in all. */
export interface PolicyBatch extends SampledSequences {
  /** [T] log π of the sampled tokens under the weights in training. */
  logProbs: ArrayLike<number>;
}

/** Loss and what to watch. The means are over the tokens of this batch. */
export interface PolicyLossValues {
  /** Aggregated loss, to be minimised. */
  loss: number;
  /** Share of tokens whose clipped surrogate is the larger loss. */
  clipFraction: number;
  /** Share of tokens bounded by the dual clip. */
  dualClipFraction: number;
  /** Mean of −(log π − log π_old), clamped: the first-order estimate of KL(π_old ‖ π). */
  approxKl: number;
  /** Mean of the KL estimates, 0 without a KL term. */
  referenceKl: number;
  /** T, the weight of the means when micro-batches are averaged. */
  tokens: number;
}

/** Loss with its gradient. */
export interface PolicyLoss extends PolicyLossValues {
  /** [T] d loss / d logProbs. */
  gradient: Float64Array;
}

/**
 * Loss and gradient of a (micro-)batch. Contributions of micro-batches add up to the mini-batch's.
 *
 * @throws {UsageError} if the arrays do not fit each other, or an option is out of range
 * @throws {NumericError} if a sequence has no tokens, or a log-probability or an advantage is not finite
 */
export function policyLoss(
  batch: PolicyBatch,
  options: SurrogateOptions & { kl?: KlTerm },
  aggregation: Aggregation,
): PolicyLoss {
  const { logProbs, advantages } = batch, tokens = logProbs.length;
  checkSurrogate(options);
  if (options.kl) checkKl(options.kl);
  checkSampled(batch, tokens, options.kl);
  const scale = aggregationScale(aggregation, tokens, advantages.length);
  const gradient = new Float64Array(tokens);
  const sums = policyLossSums(logProbs, new Float64Array(tokens), batch, { ...options, scale }, gradient);
  return { ...policyLossValues(sums, scale), gradient };
}

/**
 * Loss and means from an engine's sums.
 *
 * @param scale that the sums were made with, of {@linkcode aggregationScale}
 * @throws {NumericError} if a log-probability was not finite
 */
export function policyLossValues(sums: PolicySums, scale: number): PolicyLossValues {
  const { tokens, loss, clipped, dualClipped, kl, referenceKl, firstNotFinite } = sums;
  if (firstNotFinite >= 0) throw notFinite(`Log-probability of token ${firstNotFinite} of ${tokens}`);
  const share = tokens + COUNT_EPS;
  return {
    loss: loss * scale,
    clipFraction: clipped / share,
    dualClipFraction: dualClipped / share,
    approxKl: kl / share,
    referenceKl: referenceKl / share,
    tokens,
  };
}

/**
 * Factor of the sum of token losses.
 *
 * @param tokens of this part of the mini-batch
 * @param sequences of this part
 * @throws {UsageError} if the mini-batch is smaller than its part
 */
export function aggregationScale(aggregation: Aggregation, tokens: number, sequences: number): number {
  const positive = (name: string, value: number, atLeast: number) => {
    if (Number.isInteger(value) && value >= atLeast) return value;
    throw new UsageError(
      `${name} of the mini-batch is "${value}", but this part of it has ${atLeast}`,
      "Pass the count of the whole mini-batch",
    );
  };
  switch (aggregation.kind) {
    case "token-mean":
      return 1 / positive("Number of tokens", aggregation.tokens, tokens);
    case "token-mean-micro": {
      const all = positive("Number of sequences", aggregation.miniBatchSequences, sequences);
      return sequences / all / (tokens + COUNT_EPS);
    }
    case "seq-sum":
      return 1 / positive("Number of sequences", aggregation.sequences, sequences);
  }
}

/**
 * Fails unless the options are in range.
 *
 * @throws {UsageError} naming the option and its value
 */
export function checkSurrogate({ clipLow, clipHigh, dualClip, logRatioClamp }: SurrogateOptions): void {
  if (!(clipLow >= 0 && clipLow <= 1)) {
    throw new UsageError(`clip_low "${clipLow}" is outside [0, 1]`, "The paper's code uses 0.2");
  }
  if (!(clipHigh >= 0 && clipHigh < Infinity)) {
    throw new UsageError(`clip_high "${clipHigh}" is not a finite number >= 0`, "The paper's code uses 0.2");
  }
  if (!(dualClip > 1)) {
    throw new UsageError(
      `dual_clip "${dualClip}" is not above 1`,
      "The paper's code uses 3; Infinity is off",
    );
  }
  if (!(logRatioClamp > 0)) {
    throw new UsageError(`log_ratio_clamp "${logRatioClamp}" is not above 0`, "The paper's code uses 20");
  }
}

/** The KL term of these settings: none where its coefficient is 0. */
export function klTerm(coef: number, estimator: KlEstimator): KlTerm | undefined {
  return coef === 0 ? undefined : { coef, estimator };
}

/**
 * Fails unless the KL term is one.
 *
 * @throws {UsageError} naming what is wrong
 */
export function checkKl({ coef, estimator }: KlTerm): void {
  if (!(coef > 0 && coef < Infinity)) {
    throw new UsageError(
      `Coefficient "${coef}" of the KL term is not a finite number > 0`,
      "Leave the term out",
    );
  }
  if (!KL_ESTIMATORS.includes(estimator)) {
    throw new UsageError(`KL estimator "${estimator}" is unknown`, `Use one of ${KL_ESTIMATORS.join(", ")}`);
  }
}

/**
 * Fails unless the sequences make up `tokens` tokens, none is empty, and all numbers are finite.
 *
 * @param kl term of the loss, which needs a reference
 * @throws {UsageError} if the arrays do not fit each other
 * @throws {NumericError} if a sequence has no tokens, or an old log-probability or an advantage is not finite
 */
export function checkSampled(
  { oldLogProbs, advantages, offsets, referenceLogProbs = [] }: SampledSequences,
  tokens: number,
  kl?: KlTerm,
): void {
  const sequences = advantages.length;
  const fits = sequences > 0 && oldLogProbs.length === tokens && offsets.length === sequences + 1 &&
    offsets[0] === 0 && offsets[sequences] === tokens;
  if (!fits) {
    throw new UsageError(
      `${tokens} log-probabilities, ${oldLogProbs.length} old ones, ${sequences} advantages and ` +
        `${offsets.length} offsets do not describe one batch`,
      "Pass T, T, S and S + 1 of them, offsets from 0 to T",
    );
  }
  if (kl && referenceLogProbs.length !== tokens) {
    throw new UsageError(
      `${tokens} log-probabilities have ${referenceLogProbs.length} of the reference`,
      "Pass one of each token, or leave the KL term out",
    );
  }
  for (let sequence = 0; sequence < sequences; sequence++) {
    if (!(offsets[sequence + 1]! > offsets[sequence]!)) {
      throw new NumericError(
        `Sequence ${sequence} has no response tokens`,
        "Check generation and truncation",
      );
    }
    if (!Number.isFinite(advantages[sequence])) {
      throw new NumericError(`Advantage ${sequence} is ${advantages[sequence]}`, "Check the rewards");
    }
  }
  for (let t = 0; t < tokens; t++) {
    if (!Number.isFinite(oldLogProbs[t])) {
      throw notFinite(`Log-probability of token ${t} when it was sampled, ${oldLogProbs[t]},`);
    }
    if (t < referenceLogProbs.length && !Number.isFinite(referenceLogProbs[t])) {
      throw notFinite(`Log-probability of token ${t} under the reference, ${referenceLogProbs[t]},`);
    }
  }
}

function notFinite(what: string): NumericError {
  return new NumericError(
    `${what} is not finite`,
    "Look for the first step with a non-finite loss or gradient; lower the learning rate",
  );
}
