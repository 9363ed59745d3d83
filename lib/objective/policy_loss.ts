/**
 * The policy-gradient loss of a batch of rationales and its gradient with respect to their log-probabilities.
 *
 * With ratio r = exp(clamp(log π − log π_old)), the loss of a token is (verl, core_algos.py, `compute_policy_loss`)
 *
 *     ℓ = max(−A r, −A clip(r, 1 − εlow, 1 + εhigh)),  and where A < 0  ℓ = min(ℓ, −A c)   (dual clip)
 *
 * or, on-policy and without a ratio, ℓ = −A log π (paper Eq. 19). Token losses are summed and divided:
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

/** Added to a token count before dividing by it (verl's `masked_mean`). */
const COUNT_EPS = 1e-8;

/** What is summed per token. */
export interface SurrogateOptions {
  /** Clipped ratio of PPO, or −A log π. */
  surrogate: "ppo-clip" | "reinforce";
  /** εlow: the ratio is clipped from below at 1 − εlow. */
  clipLow: number;
  /** εhigh: the ratio is clipped from above at 1 + εhigh. */
  clipHigh: number;
  /** c > 1: with a negative advantage the loss of a token is at most −A c. */
  dualClip: number;
  /** log π − log π_old is clamped to ± this. */
  logRatioClamp: number;
}

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
export interface PolicyBatch {
  /** [T] log π of the sampled tokens under the weights in training. */
  logProbs: ArrayLike<number>;
  /** [T] the same under the weights that sampled them. */
  oldLogProbs: ArrayLike<number>;
  /** [S] advantage of each sequence. */
  advantages: ArrayLike<number>;
  /** [S + 1] first token of each sequence, and T. */
  offsets: ArrayLike<number>;
}

/** Loss, gradient and what to watch. The three means are over the tokens of this batch. */
export interface PolicyLoss {
  /** Aggregated loss, to be minimised. */
  loss: number;
  /** [T] d loss / d logProbs. */
  gradient: Float64Array;
  /** Share of tokens whose clipped surrogate is the larger loss. */
  clipFraction: number;
  /** Share of tokens bounded by the dual clip. */
  dualClipFraction: number;
  /** Mean of −(log π − log π_old), clamped: the first-order estimate of KL(π_old ‖ π). */
  approxKl: number;
  /** T, the weight of the three means when micro-batches are averaged. */
  tokens: number;
}

/**
 * Loss and gradient of a (micro-)batch. Contributions of micro-batches add up to the mini-batch's.
 *
 * At a kink the gradient is that of the unclipped side (PyTorch splits it at the dual clip's, which no sampled
 * ratio hits).
 *
 * @throws {UsageError} if the arrays do not fit each other, or an option is out of range
 * @throws {NumericError} if a sequence has no tokens, or a log-probability or an advantage is not finite
 */
export function policyLoss(
  batch: PolicyBatch,
  options: SurrogateOptions,
  aggregation: Aggregation,
): PolicyLoss {
  checkOptions(options);
  checkBatch(batch);
  const { logProbs, oldLogProbs, advantages, offsets } = batch;
  const tokens = logProbs.length, sequences = advantages.length;
  const scale = aggregationScale(aggregation, tokens, sequences);
  const gradient = new Float64Array(tokens);
  let loss = 0, clipped = 0, dualClipped = 0, kl = 0;
  for (let sequence = 0; sequence < sequences; sequence++) {
    const advantage = advantages[sequence]!;
    for (let t = offsets[sequence]!; t < offsets[sequence + 1]!; t++) {
      const token = tokenLoss(logProbs[t]!, oldLogProbs[t]!, advantage, options);
      loss += token.loss;
      gradient[t] = token.gradient * scale;
      clipped += token.clipped ? 1 : 0;
      dualClipped += token.dualClipped ? 1 : 0;
      kl -= token.logRatio;
    }
  }
  const share = tokens + COUNT_EPS;
  return {
    loss: loss * scale,
    gradient,
    clipFraction: clipped / share,
    dualClipFraction: dualClipped / share,
    approxKl: kl / share,
    tokens,
  };
}

/** Loss of one token and its derivative by log π. */
interface TokenLoss {
  loss: number;
  gradient: number;
  clipped: boolean;
  dualClipped: boolean;
  /** Clamped log π − log π_old. */
  logRatio: number;
}

function tokenLoss(logProb: number, old: number, advantage: number, options: SurrogateOptions): TokenLoss {
  const { clipLow, clipHigh, dualClip, logRatioClamp } = options;
  const difference = logProb - old;
  const logRatio = Math.min(logRatioClamp, Math.max(-logRatioClamp, difference));
  if (options.surrogate === "reinforce") {
    return {
      loss: -advantage * logProb,
      gradient: -advantage,
      clipped: false,
      dualClipped: false,
      logRatio,
    };
  }
  const ratio = Math.exp(logRatio);
  const plain = -advantage * ratio;
  const bounded = -advantage * Math.min(1 + clipHigh, Math.max(1 - clipLow, ratio));
  const bound = -advantage * dualClip;
  const clipped = bounded > plain;
  const dualClipped = advantage < 0 && Math.max(plain, bounded) > bound;
  const flows = !clipped && !dualClipped && logRatio === difference;
  return {
    loss: dualClipped ? bound : Math.max(plain, bounded),
    gradient: flows ? plain : 0, // d(−A r)/d log π = −A r
    clipped,
    dualClipped,
    logRatio,
  };
}

/** Factor of the sum of token losses. */
function aggregationScale(aggregation: Aggregation, tokens: number, sequences: number): number {
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

function checkOptions({ clipLow, clipHigh, dualClip, logRatioClamp }: SurrogateOptions): void {
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

function checkBatch({ logProbs, oldLogProbs, advantages, offsets }: PolicyBatch): void {
  const tokens = logProbs.length, sequences = advantages.length;
  const fits = sequences > 0 && oldLogProbs.length === tokens && offsets.length === sequences + 1 &&
    offsets[0] === 0 && offsets[sequences] === tokens;
  if (!fits) {
    throw new UsageError(
      `${tokens} log-probabilities, ${oldLogProbs.length} old ones, ${sequences} advantages and ` +
        `${offsets.length} offsets do not describe one batch`,
      "Pass T, T, S and S + 1 of them, offsets from 0 to T",
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
    if (!Number.isFinite(logProbs[t]) || !Number.isFinite(oldLogProbs[t])) {
      throw new NumericError(
        `Log-probability of token ${t} is ${logProbs[t]} (old: ${oldLogProbs[t]})`,
        "Look for the first step with a non-finite loss or gradient; lower the learning rate",
      );
    }
  }
}
