/**
 * How much memory a decoder takes, before any of it is loaded.
 *
 * @module
 */
import { bytesPer } from "../../kernels/element_type.ts";
import type { DecoderConfig } from "./config.ts";
import { adaptedMatrices, adapterTensors } from "./lora.ts";
import type { LoraOptions } from "./lora_options.ts";
import { expectedTensors, keptAs, type TensorSource } from "./tensor_source.ts";

/** Bytes, unless said otherwise. Everything is float32 but {@linkcode MemoryEstimate.storedWeights}. */
export interface MemoryEstimate {
  /** Number of weights. */
  readonly parameters: number;
  /** The weights. */
  readonly weights: number;
  /** The weights on an engine that reads matrices of 16 bits as the checkpoint has them, where nothing is trained. */
  readonly storedWeights: number;
  /** Copies of the matrices in the order in which the CPU engine decodes fastest, where memory is plenty. */
  readonly packedWeights: number;
  /** The largest weight, which an engine keeps in one buffer. */
  readonly largestTensor: number;
  /** Weights, gradients and the two AdamW moments: 16 bytes a parameter. */
  readonly trainingState: number;
  /** Activations that the backward pass needs for one token, if every layer keeps its own. */
  readonly activationsPerToken: number;
  /** Keys and values of one token. */
  readonly kvCachePerToken: number;
}

/** Memory that inference and full fine-tuning of a decoder take, whose checkpoint stores weights so. */
export function estimateMemory(
  config: DecoderConfig,
  { dtype }: Pick<TensorSource, "dtype">,
): MemoryEstimate {
  let parameters = 0, largest = 0, storedWeights = 0, packed = 0;
  for (const [name, shape] of expectedTensors(config)) {
    const size = shape.reduce((a, b) => a * b, 1);
    parameters += size;
    storedWeights += bytesPer[keptAs(shape, dtype(name)) ?? "f32"] * size;
    largest = Math.max(largest, size);
    // Of embeddings of their own, decoding reads single rows.
    if (shape.length === 2 && (config.tiedEmbeddings || !name.includes("embed_tokens"))) packed += size;
  }
  const q = config.heads * config.headDim;
  const kv = config.kvHeads * config.headDim;
  // A layer keeps its input and the residual between its halves (2 × hidden); q, k, v and the attention's output, q and k also
  // before their norms if they have some; one log-sum-exp a head; gate and up (2 × intermediate).
  const attended = 2 * q + 2 * kv + (config.qkNorm ? q + kv : 0) + config.heads;
  const layer = 2 * config.hiddenSize + attended + 2 * config.intermediateSize;
  return {
    parameters,
    weights: 4 * parameters,
    storedWeights,
    packedWeights: 4 * packed,
    largestTensor: 4 * largest,
    trainingState: 16 * parameters,
    activationsPerToken: 4 * (config.layers * layer + 2 * config.hiddenSize),
    kvCachePerToken: 4 * config.layers * 2 * kv,
  };
}

/** Memory that training an adapter takes in place of {@linkcode MemoryEstimate.trainingState}, in bytes. */
export interface AdapterEstimate {
  /** Number of trained scalars. */
  readonly parameters: number;
  /** Weights, those of the adapted matrices once more as they were, and the adapter with gradients and moments. */
  readonly trainingState: number;
  /** The same on an engine that reads matrices of 16 bits as the checkpoint has them: only what is adapted is in f32. */
  readonly storedTrainingState: number;
}

/** Memory that training a low-rank adapter of a decoder takes. */
export function estimateAdapterMemory(
  config: DecoderConfig,
  source: Pick<TensorSource, "dtype">,
  options: LoraOptions,
): AdapterEstimate {
  const { weights, storedWeights } = estimateMemory(config, source);
  const size = (shapes: ReadonlyMap<string, readonly number[]>) =>
    shapes.values().reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0);
  const parameters = size(adapterTensors(config, options));
  // A and B themselves, both times alpha / rank, their gradients and two moments.
  const more = 4 * size(adaptedMatrices(config, options.targets)) + 20 * parameters;
  return { parameters, trainingState: weights + more, storedTrainingState: storedWeights + more };
}
