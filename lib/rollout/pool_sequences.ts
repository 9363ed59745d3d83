/**
 * Mean final hidden states over parts of token sequences, in one forward pass and without writing anything.
 *
 * @module
 */
import type { Decoder } from "../backbone/decoder.ts";
import { meanPool, type TokenRange } from "../objective/pooling.ts";
import { packPrompts } from "./shared_prefix.ts";

/** Tokens, and which of them are pooled. */
export interface PooledSequence {
  readonly ids: Int32Array;
  /** Ascending, at least one. */
  readonly ranges: readonly TokenRange[];
}

/** Progress and cancellation. */
export interface PoolOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onTokens?: ((count: number) => void) | undefined;
  /** Called with the mean, [hidden], of each sequence, in their order. */
  readonly onDone: (index: number, mean: Float32Array) => void;
}

/** Most tokens that are run together. */
const forwardTokens = 1024;

/** Runs sequences together, as many as pay; a sequence's mean does not depend on the others. */
export async function poolSequences(
  decoder: Decoder,
  sequences: readonly PooledSequence[],
  { signal, onTokens, onDone }: PoolOptions,
): Promise<void> {
  const { device, config } = decoder;
  for (let start = 0; start < sequences.length;) {
    signal?.throwIfAborted();
    let end = start, tokens = 0;
    while (
      end < sequences.length && (end === start || tokens + sequences[end]!.ids.length <= forwardTokens)
    ) {
      tokens += sequences[end++]!.ids.length;
    }
    const part = sequences.slice(start, end);
    const limit = Math.min(...part.map(({ ranges }) => ranges[0]!.start));
    const { batch, shared, starts } = packPrompts(part.map(({ ids }) => ids), limit);
    const hidden = decoder.forward(batch);
    const pooled = device.alloc([part.length, config.hiddenSize]);
    const rows = part.map(({ ranges }, i) =>
      ranges.map((range) => ({
        start: range.start + starts[i]! - shared,
        end: range.end + starts[i]! - shared,
      }))
    );
    device.meanPool(hidden, rows, pooled);
    const vectors = await device.read(pooled);
    device.free(hidden, pooled);
    part.forEach((_, i) => {
      const vector = vectors.slice(i * config.hiddenSize, (i + 1) * config.hiddenSize);
      onDone(start + i, meanPool(vector, 1));
    });
    onTokens?.(batch.ids.length);
    await new Promise((resolve) => setTimeout(resolve, 0));
    start = end;
  }
}
