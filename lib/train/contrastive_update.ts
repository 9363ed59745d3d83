/**
 * Gradient of InfoNCE over a batch of texts of any size (GradCache, Gao et al. 2021): all texts are embedded without
 * keeping activations, the loss gives the gradient of each embedding, and then the texts are run again in micro-batches
 * that do keep them. A batch that fits into one micro-batch is run once.
 *
 * @module
 */
import type { Tensor } from "../../kernels/tensor_types.ts";
import { NumericError } from "#errors";
import type { Activations, Decoder, PackedBatch } from "../backbone/decoder.ts";
import type { Gradients } from "../backbone/gradients.ts";
import type { TokenRange } from "../objective/pooling.ts";
import { packPrompts } from "../rollout/shared_prefix.ts";

/** A text to embed. */
export interface ContrastiveText {
  readonly ids: Int32Array;
  /** Pooled tokens. */
  readonly ranges: readonly TokenRange[];
}

/** Queries, their positives (same order), and any number of mined negatives. */
export interface ContrastiveBatch {
  readonly queries: readonly ContrastiveText[];
  readonly positives: readonly ContrastiveText[];
  readonly negatives: readonly ContrastiveText[];
  /** excluded[i · candidates + j] = 1: candidate j (positives, then negatives) is left out for query i. */
  readonly excluded?: Uint8Array;
}

/** How the loss is formed. */
export interface ContrastiveOptions {
  readonly temperature: number;
  readonly microBatchTokens: number;
  readonly checkpointing?: boolean;
  /** Told of the tokens of each pass that goes forwards and backwards. */
  readonly onTokens?: (count: number) => void;
}

/** Loss of a batch and what to watch. */
export interface ContrastiveStatistics {
  readonly loss: number;
  /** Share of queries whose own positive scores highest. */
  readonly accuracy: number;
  /** Mean cosine of different queries: rises when the space collapses. */
  readonly meanCosine: number;
  /** Rows of one pass over the batch. */
  readonly rows: number;
}

interface Chunk {
  /** Index of the first text. */
  readonly from: number;
  readonly count: number;
  readonly packed: PackedBatch;
  readonly ranges: TokenRange[][];
}

/**
 * Adds the gradient of the batch's loss to `gradients`.
 *
 * @throws {NumericError} if the loss is not finite
 */
export async function contrastiveGradient(
  decoder: Decoder,
  batch: ContrastiveBatch,
  options: ContrastiveOptions,
  gradients: Gradients,
): Promise<ContrastiveStatistics> {
  const { device, config } = decoder;
  const texts = [...batch.queries, ...batch.positives, ...batch.negatives];
  const n = batch.queries.length, dim = config.hiddenSize;
  const chunks = cut(texts, options.microBatchTokens);
  const pooled = device.alloc([texts.length, dim]), unit = device.alloc([texts.length, dim]);
  let kept: Activations | undefined;
  for (const { from, count, packed, ranges } of chunks) {
    if (chunks.length === 1) kept = decoder.forwardTraining(packed, options.checkpointing);
    const hidden = kept?.hidden ?? decoder.forward(packed);
    device.meanPool(hidden, ranges, device.rows(pooled, from, from + count));
    if (!kept) device.free(hidden);
  }
  device.l2Normalize(pooled, unit);
  const dUnit = device.alloc(unit.shape), dPooled = device.alloc(unit.shape);
  const loss = await device.infoNce(
    device.rows(unit, 0, n),
    device.rows(unit, n, texts.length),
    { temperature: options.temperature, ...(batch.excluded && { excluded: batch.excluded }) },
    device.rows(dUnit, 0, n),
    device.rows(dUnit, n, texts.length),
  );
  const vectors = await device.read(unit);
  device.l2NormalizeBackward(dUnit, pooled, dPooled);
  device.free(pooled, unit, dUnit);
  if (!Number.isFinite(loss)) {
    if (kept) decoder.discard(kept);
    device.free(dPooled);
    throw new NumericError(
      `the contrastive loss is ${loss}`,
      "resume from the last checkpoint with a lower cl.learningRate",
    );
  }
  for (const chunk of chunks) {
    const activations = kept ?? decoder.forwardTraining(chunk.packed, options.checkpointing);
    backward(decoder, chunk, activations, dPooled, gradients);
    options.onTokens?.(chunk.packed.ids.length);
  }
  device.free(dPooled);
  const rows = chunks.reduce((sum, { packed }) => sum + packed.ids.length, 0);
  return { loss, rows, ...watch(vectors, n, dim, batch.excluded) };
}

function backward(
  decoder: Decoder,
  chunk: Chunk,
  activations: Activations,
  dPooled: Tensor,
  gradients: Gradients,
): void {
  const { device } = decoder;
  const dHidden = device.alloc(activations.hidden.shape);
  device.fill(dHidden, 0);
  device.meanPoolBackward(device.rows(dPooled, chunk.from, chunk.from + chunk.count), chunk.ranges, dHidden);
  decoder.backward(activations, dHidden, gradients);
  device.free(dHidden);
}

/** Consecutive texts in chunks of at most `limit` tokens; neighbours in a chunk share what they begin with. */
function cut(texts: readonly ContrastiveText[], limit: number): Chunk[] {
  const chunks: Chunk[] = [];
  for (let from = 0; from < texts.length;) {
    let to = from, tokens = 0;
    while (to < texts.length && (to === from || tokens + texts[to]!.ids.length <= limit)) {
      tokens += texts[to++]!.ids.length;
    }
    const part = texts.slice(from, to);
    const pooledFrom = Math.min(...part.map(({ ranges }) => ranges[0]!.start));
    const { batch, prompts } = packPrompts(part.map(({ ids }) => ids), pooledFrom);
    const ranges = part.map((text, i) =>
      text.ranges.map(({ start, end }) => ({
        start: start + prompts[i]!.origin,
        end: end + prompts[i]!.origin,
      }))
    );
    chunks.push({ from, count: part.length, packed: batch, ranges });
    from = to;
  }
  return chunks;
}

function watch(
  unit: Float32Array,
  n: number,
  dim: number,
  excluded?: Uint8Array,
): { accuracy: number; meanCosine: number } {
  const candidates = unit.length / dim - n;
  const dot = (a: number, b: number) => {
    let sum = 0;
    for (let x = 0; x < dim; x++) sum += unit[a * dim + x]! * unit[b * dim + x]!;
    return sum;
  };
  let correct = 0, cosines = 0;
  for (let i = 0; i < n; i++) {
    const own = dot(i, n + i);
    let best = true;
    for (let j = 0; j < candidates; j++) {
      if (j === i || excluded?.[i * candidates + j] === 1) continue;
      // Of equal scores the first counts as the highest, as in the pure function.
      const score = dot(i, n + j);
      if (score > own || (score === own && j < i)) best = false;
    }
    if (best) correct++;
    for (let j = 0; j < i; j++) cosines += dot(i, j);
  }
  return { accuracy: correct / n, meanCosine: n > 1 ? cosines / (n * (n - 1) / 2) : 0 };
}
