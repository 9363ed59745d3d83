/**
 * Next-token cross-entropy over packed documents, and its gradient:
 *
 *     loss = −1/N Σ log p(token | tokens before it in its document), over the N tokens that count
 *
 * Documents lie end to end in one stream without padding and do not see each other. The last token that counts is only
 * predicted, never read, so it has no row; and only rows that predict a token that counts go through the vocabulary head.
 *
 * @module
 */
import type { Tensor } from "../../kernels/tensor_types.ts";
import { NumericError, UsageError } from "#errors";
import type { DecoderConfig } from "../backbone/config.ts";
import { type Decoder, type PackedBatch, packSequences } from "../backbone/decoder.ts";
import type { Gradients } from "../backbone/gradients.ts";

/** Tokens of one text, and which of them are learnt. */
export interface PretrainDocument {
  readonly ids: Int32Array;
  /**
   * As long as `ids`; 1: the token counts, 0: it is only context, such as a prompt. The first token has nothing to be
   * predicted from and never counts, whatever its entry is.
   */
  readonly loss: Uint8Array;
  /** Evaluation losses are also given by kind. */
  readonly kind?: string;
}

/** Loss of a batch. */
export interface NextTokenStatistics {
  /** Mean over the tokens that count, in nats. */
  readonly loss: number;
  /** Tokens that count. */
  readonly counted: number;
  /** Rows that went through the decoder. */
  readonly rows: number;
}

/** Documents that go through the decoder together. */
interface Chunk {
  readonly packed: PackedBatch;
  /** Rows that predict a token that counts, and those tokens, document after document. */
  readonly rows: Int32Array;
  readonly targets: Int32Array;
  /** Tokens that count of each document. */
  readonly counts: readonly number[];
}

/** Number of tokens of a document that count. */
export function countedTokens({ loss }: PretrainDocument): number {
  let counted = 0;
  for (let i = 1; i < loss.length; i++) if (loss[i]) counted++;
  return counted;
}

/**
 * Fails unless a document has a mask of its length, tokens of the vocabulary, one that counts, and a length that the
 * decoder can take.
 *
 * @param what how the message calls it, such as "document 3"
 * @throws {UsageError} saying what is wrong
 */
export function checkDocument(document: PretrainDocument, what: string, config: DecoderConfig): void {
  const { ids, loss } = document;
  if (loss.length !== ids.length) {
    throw new UsageError(
      `${what} has ${ids.length} tokens and a mask of ${loss.length}`,
      "give one entry a token",
    );
  }
  const foreign = ids.find((id) => id < 0 || id >= config.vocabSize);
  if (foreign !== undefined) {
    throw new UsageError(
      `${what} has the token "${foreign}", outside the vocabulary of ${config.vocabSize}`,
      "use the tokenizer that belongs to the config",
    );
  }
  if (countedTokens(document) === 0) {
    throw new UsageError(
      `${what} has no token that counts after its first`,
      "leave it out, or set entries of its mask to 1",
    );
  }
  if (ids.length - 1 > config.maxPositions) {
    throw new UsageError(
      `${what} has ${ids.length} tokens, the decoder ${config.maxPositions} positions`,
      "cut the document, or use a config with more positions",
    );
  }
}

function pack(documents: readonly PretrainDocument[]): Chunk {
  const counts = documents.map(countedTokens), total = counts.reduce((a, b) => a + b, 0);
  const packed = packSequences(
    documents.map(({ ids, loss }) => ({
      ids: ids.subarray(0, Math.max(0, loss.findLastIndex((counts) => counts !== 0))),
    })),
  );
  const rows = new Int32Array(total), targets = new Int32Array(total);
  let at = 0;
  documents.forEach(({ ids, loss }, d) => {
    const { start } = packed.segments[d]!;
    for (let i = 1; i < ids.length; i++) {
      if (!loss[i]) continue;
      rows[at] = start + i - 1;
      targets[at++] = ids[i]!;
    }
  });
  return { packed, rows, targets, counts };
}

/** Consecutive documents in chunks of at most `limit` tokens, but at least one document. */
function* chunksOf(documents: readonly PretrainDocument[], limit: number): Generator<Chunk> {
  for (let from = 0, to = 0; from < documents.length; from = to) {
    for (let tokens = 0; to < documents.length; to++) {
      tokens += documents[to]!.ids.length;
      if (to > from && tokens > limit) break;
    }
    yield pack(documents.slice(from, to));
  }
}

function predictingRows(decoder: Decoder, hidden: Tensor, index: Tensor): Tensor {
  const part = decoder.device.alloc([index.shape[0]!, decoder.config.hiddenSize]);
  decoder.device.gatherRows(hidden, index, part);
  return part;
}

/**
 * Adds the gradient of the batch's loss to `gradients`.
 *
 * @param documents checked by {@linkcode checkDocument}
 * @param microBatchTokens most tokens of one forward and backward pass
 * @throws {NumericError} if the loss is not finite
 */
export async function nextTokenGradient(
  decoder: Decoder,
  documents: readonly PretrainDocument[],
  microBatchTokens: number,
  gradients: Gradients,
): Promise<NextTokenStatistics> {
  const { device, weights } = decoder;
  const counted = documents.reduce((sum, document) => sum + countedTokens(document), 0);
  let loss = 0, rowsInAll = 0;
  for (const { packed, rows, targets } of chunksOf(documents, microBatchTokens)) {
    const activations = decoder.forwardTraining(packed);
    const index = device.upload(rows, [rows.length]);
    const predicting = predictingRows(decoder, activations.hidden, index);
    const options = { forBackward: true, entropy: false };
    const statistics = await device.lmHead(predicting, weights.head, targets, 1, options);
    const chunkLoss = -sum(statistics.logProb) / counted;
    if (!Number.isFinite(chunkLoss)) {
      device.lmHeadDiscard(statistics);
      decoder.discard(activations);
      device.free(index, predicting);
      throw new NumericError(`the next-token loss is ${chunkLoss}`, "use a lower learning rate");
    }
    const dPredicting = device.alloc(predicting.shape), dHidden = device.alloc(activations.hidden.shape);
    device.fill(dPredicting, 0);
    device.fill(dHidden, 0);
    const dLogProb = new Float32Array(rows.length).fill(-1 / counted);
    device.lmHeadBackward(
      predicting,
      weights.head,
      targets,
      1,
      statistics,
      { dLogProb },
      dPredicting,
      gradients.head,
    );
    device.scatterAddRows(dPredicting, index, dHidden);
    device.free(index, predicting, dPredicting);
    decoder.backward(activations, dHidden, gradients);
    device.free(dHidden);
    loss += chunkLoss;
    rowsInAll += packed.ids.length;
  }
  return { loss, counted, rows: rowsInAll };
}

/**
 * Negative log-likelihood of each document: the sum over its tokens that count, in nats.
 *
 * @param documents checked by {@linkcode checkDocument}
 * @param batchTokens most tokens of one forward pass
 */
export async function negativeLogLikelihoods(
  decoder: Decoder,
  documents: readonly PretrainDocument[],
  batchTokens: number,
): Promise<Float64Array> {
  const { device, weights } = decoder, result = new Float64Array(documents.length);
  let document = 0;
  for (const { packed, rows, targets, counts } of chunksOf(documents, batchTokens)) {
    const hidden = decoder.forward(packed), index = device.upload(rows, [rows.length]);
    const predicting = predictingRows(decoder, hidden, index);
    const { logProb } = await device.lmHead(predicting, weights.head, targets, 1, { entropy: false });
    device.free(hidden, index, predicting);
    let from = 0;
    for (const count of counts) result[document++] = -sum(logProb.subarray(from, from += count));
  }
  return result;
}

function sum(values: Float32Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
