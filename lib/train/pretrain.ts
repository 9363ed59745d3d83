/**
 * Pretraining of a decoder from nothing: next-token cross-entropy over documents, AdamW, a warm-up and a cosine. The same
 * options give the same bits on the same machine; the cuts into micro-batches are part of the options.
 *
 * @module
 */
import type { Device } from "../../kernels/device.ts";
import { UsageError } from "#errors";
import type { DecoderConfig } from "../backbone/config.ts";
import { Decoder } from "../backbone/decoder.ts";
import { initialWeights } from "../backbone/initialise.ts";
import { Weights } from "../backbone/weights.ts";
import { DocumentOrder } from "./document_order.ts";
import {
  type PretrainCheckpoints,
  pretrainIdentity,
  readPretrainCheckpoint,
  writePretrainCheckpoint,
} from "./pretrain_checkpoint.ts";
import {
  checkDocument,
  countedTokens,
  negativeLogLikelihoods,
  nextTokenGradient,
  type PretrainDocument,
} from "./next_token_update.ts";
import { learningRateAt, Optimizer, type OptimizerOptions, type ScheduleOptions } from "./optimizer.ts";

export type { PretrainDocument } from "./next_token_update.ts";

/** AdamW as language models are usually pretrained (GPT-3, Brown et al. 2020, appendix B). */
export const pretrainOptimizer: OptimizerOptions = {
  beta1: 0.9,
  beta2: 0.95,
  eps: 1e-8,
  weightDecay: 0.1,
  decayed: "matrices",
  maxGradNorm: 1,
};

/** What {@linkcode pretrain} needs. */
export interface PretrainOptions {
  readonly device: Device;
  readonly config: DecoderConfig;
  readonly documents: readonly PretrainDocument[];
  /** Held-out documents. */
  readonly evaluation?: readonly PretrainDocument[];
  /** Decides the initial weights and the order of the documents. */
  readonly seed: number;
  readonly steps: number;
  /** Most tokens of a step: one update is made of as many whole documents as fit. */
  readonly tokensPerStep: number;
  /** Most tokens of one forward and backward pass; all of the step's by default. */
  readonly microBatchTokens?: number;
  /** Peak of the schedule. */
  readonly learningRate: number;
  readonly schedule: ScheduleOptions;
  /** {@linkcode pretrainOptimizer} by default. */
  readonly optimizer?: OptimizerOptions;
  /** Weights to start from, which are changed; the caller's even if training fails. New ones by default. */
  readonly weights?: Weights;
  /** Steps between evaluations; there is always one after the last step. */
  readonly evaluateEvery?: number;
  /** Training goes on from the newest checkpoint there, with the same bits as if it had never stopped. */
  readonly checkpoints?: PretrainCheckpoints;
  readonly signal?: AbortSignal;
  readonly onStep?: (step: PretrainStep) => void;
  readonly onEvaluation?: (evaluation: PretrainEvaluation) => void;
}

/** What one step did. All but the times is deterministic. */
export interface PretrainStep {
  /** Counted from 1. */
  readonly step: number;
  /** Mean over the tokens that count, in nats, before the update. */
  readonly loss: number;
  /** Global norm of the gradient before clipping. */
  readonly gradNorm: number;
  readonly learningRate: number;
  /** Tokens of the step's documents, and how many of them count. */
  readonly tokens: number;
  readonly counted: number;
  readonly seconds: number;
  readonly tokensPerSecond: number;
}

/** Losses of the held-out documents. */
export interface PretrainEvaluation {
  /** Steps that the weights have seen. */
  readonly step: number;
  /** Mean over all tokens that count, in nats. */
  readonly loss: number;
  /** The same over the documents of each kind, in order of first appearance; documents without a kind have no entry. */
  readonly lossByKind: ReadonlyMap<string, number>;
}

/**
 * Trains a decoder and returns its weights, the caller's to free.
 *
 * @throws {UsageError} if a document or an option is not usable
 * @throws {NumericError} if a loss or a gradient is not finite
 * @throws the signal's reason, after writing a checkpoint, when it is aborted
 */
export async function pretrain(options: PretrainOptions): Promise<Weights> {
  const { device, config, documents, evaluation = [], seed, steps, tokensPerStep, signal } = options;
  const { learningRate: peak, schedule, optimizer: adamW = pretrainOptimizer, checkpoints } = options;
  const { microBatchTokens = tokensPerStep, evaluateEvery = steps } = options;
  const counts = { steps, tokensPerStep, microBatchTokens, evaluateEvery };
  for (const [name, value] of Object.entries({ ...counts, "checkpoints.every": checkpoints?.every ?? 1 })) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new UsageError(`${name} is "${value}"`, "use a positive whole number");
    }
  }
  documents.forEach((document, i) => checkDocument(document, `document ${i}`, config));
  evaluation.forEach((document, i) => checkDocument(document, `evaluation document ${i}`, config));
  const order = new DocumentOrder(documents.map(({ ids }) => ids.length), tokensPerStep, seed);

  const weights = options.weights ?? initialWeights(device, config, seed);
  const decoder = new Decoder(weights);
  const optimizer = new Optimizer(weights, adamW);
  const gradients = Weights.zeros(device, config);
  let finished = false;
  try {
    let save: (() => Promise<void>) | undefined;
    if (checkpoints) {
      const settings = { config, seed, steps, tokensPerStep, microBatchTokens, peak, schedule, adamW };
      const identity = await pretrainIdentity(settings, documents, weights);
      readPretrainCheckpoint(checkpoints.folder, identity, weights, optimizer);
      save = () => writePretrainCheckpoint(checkpoints.folder, identity, weights, optimizer);
    }
    for (let step = optimizer.updates + 1; step <= steps; step++) {
      const start = performance.now();
      const batch = order.at(step).map((index) => documents[index]!);
      const learningRate = learningRateAt(peak, step, steps, schedule);
      gradients.clear();
      const { loss, counted } = await nextTokenGradient(decoder, batch, microBatchTokens, gradients);
      const gradNorm = await optimizer.update(gradients, learningRate);
      const seconds = (performance.now() - start) / 1000;
      const tokens = batch.reduce((sum, { ids }) => sum + ids.length, 0);
      const tokensPerSecond = tokens / seconds;
      options.onStep?.({ step, loss, gradNorm, learningRate, tokens, counted, seconds, tokensPerSecond });
      if (evaluation.length > 0 && (step % evaluateEvery === 0 || step === steps)) {
        options.onEvaluation?.({ step, ...await evaluate(decoder, evaluation, microBatchTokens) });
      }
      // Lets a signal be delivered: a step itself may never wait.
      await new Promise((resolve) => setTimeout(resolve, 0));
      if (checkpoints && (step === steps || step % checkpoints.every === 0 || signal?.aborted)) await save!();
      signal?.throwIfAborted();
    }
    finished = true;
    return weights;
  } finally {
    optimizer.free();
    gradients.free();
    if (!finished && !options.weights) weights.free();
  }
}

async function evaluate(
  decoder: Decoder,
  documents: readonly PretrainDocument[],
  batchTokens: number,
): Promise<{ loss: number; lossByKind: Map<string, number> }> {
  const sums = await negativeLogLikelihoods(decoder, documents, batchTokens);
  const mean = (indices: readonly number[]) =>
    indices.reduce((sum, i) => sum + sums[i]!, 0) /
    indices.reduce((sum, i) => sum + countedTokens(documents[i]!), 0);
  const byKind = Map.groupBy(documents.keys(), (i) => documents[i]!.kind);
  const lossByKind = new Map<string, number>();
  for (const [kind, indices] of byKind) if (kind !== undefined) lossByKind.set(kind, mean(indices));
  return { loss: mean([...documents.keys()]), lossByKind };
}
