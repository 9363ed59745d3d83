/**
 * Gradient of the policy loss over the rationales of a mini-batch, in micro-batches that fit into memory.
 *
 * The rationales of one prompt share the prompt's rows, in the forward pass and in the backward pass: exact for a causal
 * decoder. Only rows that predict a rationale's token go through the vocabulary head. The host looks at no result before
 * all micro-batches are issued, so a GPU never waits for it.
 *
 * @module
 */
import type { PendingPolicySums, PolicySums, SampledSequences } from "../../kernels/policy_loss.ts";
import type { KlTerm } from "../../kernels/kl_penalty.ts";
import type { Decoder } from "../backbone/decoder.ts";
import type { KeptActivations } from "../backbone/kept_activations.ts";
import type { Gradients } from "../backbone/gradients.ts";
import {
  type Aggregation,
  aggregationScale,
  checkKl,
  checkSampled,
  checkSurrogate,
  policyLossValues,
  type SurrogateOptions,
} from "../objective/policy_loss.ts";
import {
  type MicroBatch,
  microBatches,
  predictionsOf,
  type RolloutGroup,
  type WrittenRollout,
} from "./micro_batches.ts";

/** One rationale with its advantage; its rows are needed where {@linkcode PolicyOptions.kept} is given. */
export interface PolicyRollout extends WrittenRollout {
  /** log π of each token under the weights that sampled it. */
  readonly oldLogProbs: Float32Array;
  /** log π of each token under the reference; needed where {@linkcode PolicyOptions.kl} is given. */
  readonly referenceLogProbs?: Float32Array;
  readonly advantage: number;
}

/** Rationales of one prompt. */
export type PolicyGroup = RolloutGroup<PolicyRollout>;

/** How the loss is formed. */
export interface PolicyOptions {
  readonly surrogate: SurrogateOptions;
  readonly aggregation: Aggregation["kind"];
  /** KL term towards the reference; none if left out. */
  readonly kl?: KlTerm | undefined;
  /** Coefficient of the entropy bonus, a mean over tokens. */
  readonly entropyCoef: number;
  /** Sampling temperature: log-probabilities are those of the distribution that was sampled from. */
  readonly temperature: number;
  /** Most rows of one forward and backward pass. */
  readonly microBatchTokens: number;
  /** Keep only layer inputs, and run layers again in the backward pass. */
  readonly checkpointing?: boolean;
  /** Let the rationales of a prompt share its rows. Off only to show that it makes no difference. */
  readonly sharePrompts?: boolean;
  /**
   * Activations that decoding left, under the very weights of the decoder: they stand for the forward pass, to the last bit.
   */
  readonly kept?: KeptActivations | undefined;
  /** Told of the rows of each micro-batch when its passes are issued. */
  readonly onTokens?: (count: number) => void;
}

/** Loss of a mini-batch and what to watch; means are over its tokens. */
export interface PolicyStatistics {
  readonly loss: number;
  readonly clipFraction: number;
  readonly dualClipFraction: number;
  readonly approxKl: number;
  readonly entropy: number;
  /** max |log π − log π_old|: exactly 0 where the weights are those that sampled, on an engine with invariant bits. */
  readonly logProbGap: number;
  /** Mean of the KL estimates; absent without a KL term. */
  readonly kl?: number;
  /** Rationale tokens. */
  readonly tokens: number;
  /** Rows of all passes. */
  readonly rows: number;
}

/** A micro-batch whose gradient is issued. */
interface IssuedBatch {
  readonly sums: PendingPolicySums;
  /** Factor of its token losses. */
  readonly scale: number;
  /** Rows of its passes. */
  readonly rows: number;
}

/**
 * Adds the gradient of the mini-batch's loss to `gradients`.
 *
 * @throws {NumericError} if a log-probability or advantage is not finite, or a rationale is empty
 */
export async function policyGradient(
  decoder: Decoder,
  groups: readonly PolicyGroup[],
  options: PolicyOptions,
  gradients: Gradients,
): Promise<PolicyStatistics> {
  const rollouts = groups.flatMap((group) => group.rollouts);
  const tokens = rollouts.reduce((sum, rollout) => sum + rollout.tokens.length, 0);
  const aggregation: Aggregation = options.aggregation === "token-mean"
    ? { kind: "token-mean", tokens }
    : options.aggregation === "token-mean-micro"
    ? { kind: "token-mean-micro", miniBatchSequences: rollouts.length }
    : { kind: "seq-sum", sequences: rollouts.length };
  checkSurrogate(options.surrogate);
  if (options.kl) checkKl(options.kl);
  const batches = microBatches(groups, options), sampled = batches.map(sampledSequences);
  for (const sequences of sampled) checkSampled(sequences, sequences.oldLogProbs.length, options.kl);
  const miniBatch = { aggregation, tokens };
  const issued = batches.map((batch, i) => {
    const part = issueGradient(decoder, batch, sampled[i]!, options, miniBatch, gradients);
    options.onTokens?.(part.rows);
    return part;
  });
  const sums = await decoder.device.policySums(issued.map((part) => part.sums));
  return statisticsOf(issued, sums, options, tokens);
}

/** Adds up what the micro-batches say. */
function statisticsOf(
  issued: readonly IssuedBatch[],
  sums: readonly PolicySums[],
  { entropyCoef, kl }: PolicyOptions,
  tokens: number,
): PolicyStatistics {
  const total = {
    loss: 0,
    clipFraction: 0,
    dualClipFraction: 0,
    approxKl: 0,
    entropy: 0,
    logProbGap: 0,
    rows: 0,
  };
  issued.forEach(({ scale, rows }, i) => {
    const part = sums[i]!, values = policyLossValues(part, scale);
    const share = part.tokens / tokens, entropy = part.entropy / part.tokens;
    total.loss += values.loss - entropyCoef * entropy * part.tokens / tokens;
    for (const key of ["clipFraction", "dualClipFraction", "approxKl"] as const) {
      total[key] += share * values[key];
    }
    total.entropy += share * entropy;
    total.logProbGap = Math.max(total.logProbGap, part.logProbGap);
    total.rows += rows;
  });
  const estimates = sums.reduce((sum, part) => sum + part.referenceKl, 0);
  return { ...total, ...(kl && { kl: estimates / tokens }), tokens };
}

/** How the tokens of a micro-batch's rationales were sampled. */
function sampledSequences({ rollouts }: MicroBatch<PolicyRollout>): SampledSequences {
  const oldLogProbs: number[] = [], references: number[] = [], offsets = [0];
  for (const { rollout } of rollouts) {
    rollout.tokens.forEach((_, j) => oldLogProbs.push(rollout.oldLogProbs[j]!));
    rollout.referenceLogProbs?.forEach((logProb) => references.push(logProb));
    offsets.push(oldLogProbs.length);
  }
  return {
    oldLogProbs,
    advantages: rollouts.map(({ rollout }) => rollout.advantage),
    offsets,
    referenceLogProbs: references,
  };
}

/** Lists of `total` numbers together, one after the other. */
function joined(lists: readonly Int32Array[], total: number): Int32Array {
  const all = new Int32Array(total);
  let at = 0;
  for (const list of lists) {
    all.set(list, at);
    at += list.length;
  }
  if (at !== total) throw new Error(`policyGradient: activations of ${at} of ${total} rows are kept`);
  return all;
}

/** Issues the forward and the backward pass of a micro-batch. */
function issueGradient(
  decoder: Decoder,
  batch: MicroBatch<PolicyRollout>,
  sampled: SampledSequences,
  { surrogate, kl, entropyCoef, temperature, checkpointing, kept }: PolicyOptions,
  miniBatch: { readonly aggregation: Aggregation; readonly tokens: number },
  gradients: Gradients,
): IssuedBatch {
  const { device, config, weights: { head } } = decoder;
  const { packed, rows, ids } = predictionsOf(batch);
  const scale = aggregationScale(miniBatch.aggregation, ids.length, batch.rollouts.length);
  const activations = kept
    ? kept.activations(packed, joined(batch.keptRows, packed.ids.length))
    : decoder.forwardTraining(packed, checkpointing);
  const index = device.upload(rows, [ids.length]), predicting = device.alloc([ids.length, config.hiddenSize]);
  device.gatherRows(activations.hidden, index, predicting);
  const statistics = device.alloc([ids.length, 3]), dLogProb = device.alloc([ids.length]);
  device.lmHeadInto(predicting, head, ids, temperature, statistics, { forBackward: true });
  const sums = device.policyLoss(statistics, sampled, { ...surrogate, kl, scale }, dLogProb);
  const dPredicting = device.alloc(predicting.shape), dHidden = device.alloc(activations.hidden.shape);
  device.fill(dPredicting, 0);
  device.fill(dHidden, 0);
  const gradient = {
    dLogProb,
    ...(entropyCoef !== 0 &&
      { dEntropy: new Float32Array(ids.length).fill(-entropyCoef / miniBatch.tokens) }),
  };
  const dHead = gradients.head;
  device.lmHeadBackward(predicting, head, ids, temperature, statistics, gradient, dPredicting, dHead);
  device.scatterAddRows(dPredicting, index, dHidden);
  device.free(index, predicting, statistics, dLogProb, dPredicting);
  decoder.backward(activations, dHidden, gradients);
  device.free(dHidden);
  return { sums, scale, rows: packed.ids.length };
}
