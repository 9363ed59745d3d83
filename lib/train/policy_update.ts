/**
 * Gradient of the policy loss over the rationales of a mini-batch, in micro-batches that fit into memory.
 *
 * The rationales of one prompt share the prompt's rows, in the forward pass and in the backward pass: exact for a causal
 * decoder. Only rows that predict a rationale's token go through the vocabulary head.
 *
 * @module
 */
import type { TokenStatistics } from "../../kernels/device.ts";
import type { Decoder, PackedSequence } from "../backbone/decoder.ts";
import { packSequences } from "../backbone/decoder.ts";
import type { Weights } from "../backbone/weights.ts";
import { type Aggregation, policyLoss, type SurrogateOptions } from "../objective/policy_loss.ts";

/** One rationale with its advantage. */
export interface PolicyRollout {
  /** Generated tokens, a final end-of-sequence token included; at least one. */
  readonly tokens: Int32Array;
  /** log π of each token under the weights that sampled it. */
  readonly oldLogProbs: Float32Array;
  readonly advantage: number;
}

/** Rationales of one prompt. */
export interface PolicyGroup {
  readonly prompt: Int32Array;
  readonly rollouts: readonly PolicyRollout[];
}

/** How the loss is formed. */
export interface PolicyOptions {
  readonly surrogate: SurrogateOptions;
  readonly aggregation: Aggregation["kind"];
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
  /** Told of the tokens of each pass that goes forwards and backwards. */
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
  /** Rationale tokens. */
  readonly tokens: number;
  /** Rows that went through the decoder. */
  readonly rows: number;
}

interface MicroBatch {
  readonly sequences: PackedSequence[];
  /** Each rollout with the index of its prompt's sequence and of its own (−1 if it has one token and needs no rows). */
  readonly rollouts: { rollout: PolicyRollout; prompt: number; own: number }[];
  rows: number;
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
  gradients: Weights,
): Promise<PolicyStatistics> {
  const rollouts = groups.flatMap((group) => group.rollouts);
  const tokens = rollouts.reduce((sum, rollout) => sum + rollout.tokens.length, 0);
  const aggregation: Aggregation = options.aggregation === "token-mean"
    ? { kind: "token-mean", tokens }
    : options.aggregation === "token-mean-micro"
    ? { kind: "token-mean-micro", miniBatchSequences: rollouts.length }
    : { kind: "seq-sum", sequences: rollouts.length };
  const total = {
    loss: 0,
    clipFraction: 0,
    dualClipFraction: 0,
    approxKl: 0,
    entropy: 0,
    logProbGap: 0,
    rows: 0,
  };
  for (const batch of microBatches(groups, options)) {
    const part = await microBatch(decoder, batch, options, aggregation, tokens, gradients);
    const share = part.tokens / tokens;
    total.loss += part.loss;
    for (const key of ["clipFraction", "dualClipFraction", "approxKl", "entropy"] as const) {
      total[key] += share * part[key];
    }
    total.logProbGap = Math.max(total.logProbGap, part.logProbGap);
    total.rows += part.rows;
    options.onTokens?.(part.rows);
  }
  return { ...total, tokens };
}

/** Cuts a mini-batch into passes of at most `microBatchTokens` rows; a prompt whose rollouts are cut apart is run again. */
function microBatches(
  groups: readonly PolicyGroup[],
  { microBatchTokens, sharePrompts = true }: PolicyOptions,
): MicroBatch[] {
  const empty = (): MicroBatch => ({ sequences: [], rollouts: [], rows: 0 });
  const batches: MicroBatch[] = [];
  let batch = empty();
  for (const { prompt, rollouts } of groups) {
    let at = -1;
    for (const rollout of rollouts) {
      const own = rollout.tokens.length - 1;
      const more = () => own + (at < 0 ? prompt.length : 0);
      if (batch.rollouts.length > 0 && batch.rows + more() > microBatchTokens) {
        batches.push(batch);
        batch = empty();
        at = -1;
      }
      batch.rows += more();
      if (at < 0) at = batch.sequences.push({ ids: prompt }) - 1;
      const ownAt = own > 0
        ? batch.sequences.push({ ids: rollout.tokens.subarray(0, own), parent: at }) - 1
        : -1;
      batch.rollouts.push({ rollout, prompt: at, own: ownAt });
      if (!sharePrompts) at = -1;
    }
  }
  batches.push(batch);
  return batches;
}

async function microBatch(
  decoder: Decoder,
  batch: MicroBatch,
  options: PolicyOptions,
  aggregation: Aggregation,
  miniBatchTokens: number,
  gradients: Weights,
): Promise<PolicyStatistics> {
  const { device, config, weights } = decoder;
  const packed = packSequences(batch.sequences);
  const rows: number[] = [], ids: number[] = [], old: number[] = [], advantages: number[] = [], offsets = [0];
  for (const { rollout, prompt, own } of batch.rollouts) {
    const head = packed.segments[prompt]!;
    rollout.tokens.forEach((id, j) => {
      // The first token is predicted by the prompt's last row, each further one by the row of the token before it.
      rows.push(j === 0 ? head.start + head.length - 1 : packed.segments[own]!.start + j - 1);
      ids.push(id);
      old.push(rollout.oldLogProbs[j]!);
    });
    advantages.push(rollout.advantage);
    offsets.push(ids.length);
  }
  const activations = decoder.forwardTraining(packed, options.checkpointing);
  const targets = Int32Array.from(ids), index = device.upload(Int32Array.from(rows), [rows.length]);
  const predicting = device.alloc([rows.length, config.hiddenSize]);
  device.gatherRows(activations.hidden, index, predicting);
  const statistics = await device.lmHead(predicting, weights.head, targets, options.temperature, {
    forBackward: true,
  });
  let result;
  try {
    result = policyLoss(
      { logProbs: statistics.logProb, oldLogProbs: old, advantages, offsets },
      options.surrogate,
      aggregation,
    );
  } catch (error) {
    device.lmHeadDiscard(statistics);
    decoder.discard(activations);
    device.free(index, predicting);
    throw error;
  }
  const dPredicting = device.alloc(predicting.shape), dHidden = device.alloc(activations.hidden.shape);
  device.fill(dPredicting, 0);
  device.fill(dHidden, 0);
  const gradient = {
    dLogProb: Float32Array.from(result.gradient),
    ...(options.entropyCoef !== 0 && {
      dEntropy: new Float32Array(ids.length).fill(-options.entropyCoef / miniBatchTokens),
    }),
  };
  const dHead = gradients.head;
  device.lmHeadBackward(
    predicting,
    weights.head,
    targets,
    options.temperature,
    statistics,
    gradient,
    dPredicting,
    dHead,
  );
  device.scatterAddRows(dPredicting, index, dHidden);
  device.free(index, predicting, dPredicting);
  decoder.backward(activations, dHidden, gradients);
  device.free(dHidden);
  const { loss, clipFraction, dualClipFraction, approxKl } = result;
  const entropy = mean(statistics.entropy);
  return {
    loss: loss - options.entropyCoef * entropy * ids.length / miniBatchTokens,
    clipFraction,
    dualClipFraction,
    approxKl,
    entropy,
    logProbGap: gap(statistics, old),
    tokens: ids.length,
    rows: packed.ids.length,
  };
}

function gap({ logProb }: TokenStatistics, old: readonly number[]): number {
  return logProb.reduce((worst, value, i) => Math.max(worst, Math.abs(value - old[i]!)), 0);
}

function mean(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
