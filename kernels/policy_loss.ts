/**
 * The policy-gradient loss of sampled tokens and its derivative by their log-probabilities, in float64 on the host: what
 * the CPU engine computes and what `lib/objective` aggregates.
 *
 * With ratio r = exp(clamp(log π − log π_old)) and advantage A, the loss of a token is (Schulman 2017, Eq. 7; dual clip:
 * Ye 2020, Eq. 5; both as in verl, core_algos.py, `compute_policy_loss`)
 *
 *     ℓ = max(−A r, −A clip(r, 1 − εlow, 1 + εhigh)),  and where A < 0  ℓ = min(ℓ, −A c)   (dual clip)
 *
 * or, on-policy and without a ratio, ℓ = −A log π (paper Eq. 19). A KL term adds β times an estimate of `kl_penalty.ts` to it.
 *
 * @module
 */
import { UsageError } from "#errors";
import { klPenalty, type KlTerm } from "./kl_penalty.ts";

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

/** The surrogate, and what its gradient is multiplied by. */
export interface PolicyLossSpec extends Readonly<SurrogateOptions> {
  /** Factor of the sum of token losses: 1 over a number of tokens or of sequences. */
  readonly scale: number;
  /** KL term towards a reference, none if left out. */
  readonly kl?: KlTerm | undefined;
}

/** Largest clamp of the log ratio in float32, which holds e⁸⁰ times any advantage. */
const largestFloat32LogRatio = 80;

/**
 * Fails if an engine that computes in float32 could not raise e to the log ratio. To be asked before a run, because otherwise the
 * first update would show it.
 *
 * @throws {UsageError} naming the setting and the limit
 */
export function requireFloat32Ratio(
  { surrogate, logRatioClamp }: Readonly<SurrogateOptions>,
  kl?: KlTerm,
): void {
  // Without a ratio, and without k3, nothing is raised.
  const raises = surrogate === "ppo-clip" || kl?.estimator === "k3";
  if (!raises || logRatioClamp <= largestFloat32LogRatio) return;
  throw new UsageError(
    `loss.logRatioClamp "${logRatioClamp}" is more than a GPU's float32 can raise e to`,
    `use 20 as the paper's code does, ${largestFloat32LogRatio} at most, or --device cpu`,
  );
}

/** How the tokens of S sequences were sampled, one sequence after the other: T tokens in all. */
export interface SampledSequences {
  /** [T] log π of the tokens under the weights that sampled them. */
  oldLogProbs: ArrayLike<number>;
  /** [S] advantage of each sequence. */
  advantages: ArrayLike<number>;
  /** [S + 1] first token of each sequence, and T. */
  offsets: ArrayLike<number>;
  /** [T] log π of the tokens under the reference; needed where the loss has a KL term. */
  referenceLogProbs?: ArrayLike<number>;
}

/** Sums over tokens that an engine may still keep to itself, see `Device.policySums`. */
export interface PendingPolicySums {
  /** T. */
  readonly tokens: number;
}

/** Sums over the T tokens of a policy loss. */
export interface PolicySums extends PendingPolicySums {
  /** Σ ℓ, before the scale, the KL term included. */
  readonly loss: number;
  /** Tokens whose clipped surrogate is the larger loss. */
  readonly clipped: number;
  /** Tokens bounded by the dual clip. */
  readonly dualClipped: number;
  /** Σ −(log π − log π_old), clamped. */
  readonly kl: number;
  /** Σ entropy. */
  readonly entropy: number;
  /** max |log π − log π_old|, not clamped. */
  readonly logProbGap: number;
  /** Σ of the KL estimates, before their coefficient; 0 where the loss has no such term. */
  readonly referenceKl: number;
  /** First token whose log π is infinite or NaN, −1 if none is. Where there is one, the sums mean nothing. */
  readonly firstNotFinite: number;
}

/**
 * Sums of the tokens' losses, added in order.
 *
 * @param logProb [T] log π under the weights in training
 * @param entropy [T]
 * @param dLogProb [T] ← scale · dℓ / d log π. At a kink it is that of the unclipped side (PyTorch splits it at the dual
 *   clip's, which no sampled ratio hits).
 */
export function policyLossSums(
  logProb: ArrayLike<number>,
  entropy: ArrayLike<number>,
  { oldLogProbs, advantages, offsets, referenceLogProbs }: SampledSequences,
  spec: PolicyLossSpec,
  dLogProb: Float32Array | Float64Array,
): PolicySums {
  const { kl, logRatioClamp, scale } = spec;
  const sums = {
    loss: 0,
    clipped: 0,
    dualClipped: 0,
    kl: 0,
    entropy: 0,
    logProbGap: 0,
    referenceKl: 0,
    firstNotFinite: -1,
  };
  for (let sequence = 0; sequence < advantages.length; sequence++) {
    const advantage = advantages[sequence]!;
    for (let t = offsets[sequence]!; t < offsets[sequence + 1]!; t++) {
      const token = tokenLoss(logProb[t]!, oldLogProbs[t]!, advantage, spec);
      if (kl) {
        const { value, slope } = klPenalty(logProb[t]! - referenceLogProbs![t]!, kl.estimator, logRatioClamp);
        token.loss += kl.coef * value;
        token.gradient += kl.coef * slope;
        sums.referenceKl += value;
      }
      dLogProb[t] = token.gradient * scale;
      sums.loss += token.loss;
      sums.clipped += token.clipped ? 1 : 0;
      sums.dualClipped += token.dualClipped ? 1 : 0;
      sums.kl -= token.logRatio;
      sums.entropy += entropy[t]!;
      sums.logProbGap = Math.max(sums.logProbGap, Math.abs(logProb[t]! - oldLogProbs[t]!));
      if (sums.firstNotFinite < 0 && !Number.isFinite(logProb[t])) sums.firstNotFinite = t;
    }
  }
  return { tokens: logProb.length, ...sums };
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

function tokenLoss(logProb: number, old: number, advantage: number, options: PolicyLossSpec): TokenLoss {
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

/**
 * Fails unless the sequences have `tokens` tokens.
 *
 * @throws a plain `Error`: a defect of the caller
 */
export function checkSequences(
  { oldLogProbs, advantages, offsets, referenceLogProbs }: SampledSequences,
  tokens: number,
  { kl }: Pick<PolicyLossSpec, "kl">,
): void {
  let fits = oldLogProbs.length === tokens && offsets.length === advantages.length + 1 &&
    offsets[0] === 0 && offsets[advantages.length] === tokens;
  for (let i = 0; i < advantages.length; i++) fits &&= offsets[i]! <= offsets[i + 1]!;
  if (kl) fits &&= referenceLogProbs?.length === tokens;
  if (!fits) {
    throw new Error(
      `policyLoss: ${oldLogProbs.length} old log-probabilities, ${advantages.length} advantages and offsets ` +
        `[${Array.from(offsets)}] for ${tokens} tokens, ${referenceLogProbs?.length} of the reference`,
    );
  }
}
