/**
 * Training losses put together by hand from the ops of a device, for tests of the decoder's backward pass.
 *
 * @module
 */
import type { Device } from "../../kernels/device.ts";
import type { DecoderConfig } from "./config.ts";
import { type Bench, gather } from "./_decoder_bench.ts";
import { type PackedSequence, packSequences } from "./decoder.ts";
import type { Gradients } from "./gradients.ts";
import { Weights } from "./weights.ts";

/** The prediction of token `id` from the hidden state of row `row` of a packed stream. */
export interface Prediction {
  readonly row: number;
  readonly id: number;
}

/** Values of every gradient, by name. */
export type GradientValues = Map<string, Float32Array>;

/** How to run a loss. */
export interface LossOptions {
  readonly checkpointing?: boolean;
  /** What all gradients hold before the backward pass adds to them; 0 by default. */
  readonly initialGradient?: number;
  /** What is trained: all weights by default. */
  readonly newGradients?: () => Gradients;
}

/**
 * Log-probabilities of the predictions and the gradients of a loss of them.
 *
 * @param derivative d loss / d log-probability, from the log-probabilities
 */
export async function logProbLoss(
  { device, config, weights, decoder }: Bench,
  sequences: readonly PackedSequence[],
  predictions: readonly Prediction[],
  derivative: (logProbs: Float32Array) => Float32Array,
  options: LossOptions = {},
): Promise<{ logProbs: Float32Array; entropies: Float32Array; gradients: GradientValues }> {
  const gradients = newGradients(device, config, options);
  const activations = decoder.forwardTraining(packSequences(sequences), options.checkpointing);
  const part = gather(device, activations.hidden, predictions.map(({ row }) => row));
  const ids = Int32Array.from(predictions, ({ id }) => id);
  const statistics = await device.lmHead(part, weights.head, ids, 1);
  const dPart = device.alloc(part.shape), dHidden = device.alloc(activations.hidden.shape);
  device.fill(dPart, 0);
  device.fill(dHidden, 0);
  const dLogProb = derivative(statistics.logProb);
  device.lmHeadBackward(part, weights.head, ids, 1, statistics, { dLogProb }, dPart, gradients.head);
  const rows = device.upload(Int32Array.from(predictions, ({ row }) => row), [predictions.length]);
  device.scatterAddRows(dPart, rows, dHidden);
  decoder.backward(activations, dHidden, gradients);
  device.free(part, dPart, dHidden, rows);
  return { logProbs: statistics.logProb, entropies: statistics.entropy, gradients: await takeAll(gradients) };
}

/** A sequence whose embedding is pooled over tokens `start`..`end - 1`. */
export interface PooledSequence {
  readonly ids: readonly number[];
  readonly start: number;
  readonly end: number;
}

/** InfoNCE over normalised mean-pooled embeddings, with its gradients; candidates beyond the queries' number are negatives. */
export async function embeddingLoss(
  { device, config, decoder }: Bench,
  queries: readonly PooledSequence[],
  candidates: readonly PooledSequence[],
  temperature: number,
  options: LossOptions = {},
): Promise<{ loss: number; gradients: GradientValues }> {
  const gradients = newGradients(device, config, options);
  const all = [...queries, ...candidates], n = queries.length, shape = [all.length, config.hiddenSize];
  const batch = packSequences(all);
  const activations = decoder.forwardTraining(batch, options.checkpointing);
  const ranges = all.map(({ start, end }, i) => {
    const origin = batch.segments[i]!.start;
    return [{ start: origin + start, end: origin + end }];
  });
  const pooled = device.alloc(shape), unit = device.alloc(shape);
  const dUnit = device.alloc(shape), dPooled = device.alloc(shape);
  const dHidden = device.alloc(activations.hidden.shape);
  device.meanPool(activations.hidden, ranges, pooled);
  device.l2Normalize(pooled, unit);
  const top = (t: typeof unit) => device.rows(t, 0, n),
    bottom = (t: typeof unit) => device.rows(t, n, all.length);
  const loss = await device.infoNce(top(unit), bottom(unit), { temperature }, top(dUnit), bottom(dUnit));
  device.l2NormalizeBackward(dUnit, pooled, dPooled);
  device.fill(dHidden, 0);
  device.meanPoolBackward(dPooled, ranges, dHidden);
  decoder.backward(activations, dHidden, gradients);
  device.free(pooled, unit, dUnit, dPooled, dHidden);
  return { loss, gradients: await takeAll(gradients) };
}

/** Every token of every sequence but the first, from the row before it. */
export function nextTokens(sequences: readonly { readonly ids: readonly number[] }[]): Prediction[] {
  let start = 0;
  return sequences.flatMap(({ ids }) => {
    const first = start;
    start += ids.length;
    return ids.slice(1).map((id, i) => ({ row: first + i, id }));
  });
}

function newGradients(device: Device, config: DecoderConfig, options: LossOptions): Gradients {
  const { initialGradient = 0, newGradients = () => Weights.zeros(device, config) } = options;
  const gradients = newGradients();
  for (const tensor of gradients.tensors.values()) device.fill(tensor, initialGradient);
  return gradients;
}

async function takeAll(gradients: Gradients): Promise<GradientValues> {
  const values: GradientValues = new Map();
  for (const [name, tensor] of gradients.tensors) values.set(name, await gradients.device.read(tensor));
  gradients.free();
  return values;
}
