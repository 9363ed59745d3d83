/**
 * Mean final hidden states over parts of token sequences, in one forward pass and without writing anything.
 *
 * @module
 */
import type { Decoder } from "../backbone/decoder.ts";
import { meanPool, type TokenRange } from "../objective/pooling.ts";
import { PromptPacking } from "./shared_prefix.ts";

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

/** Most rows that are run together, and what they begin with. */
const forwardRows = 1024;

/** Runs sequences together, as many as pay; a sequence's mean does not depend on the others. */
export async function poolSequences(
  decoder: Decoder,
  sequences: readonly PooledSequence[],
  { signal, onTokens, onDone }: PoolOptions,
): Promise<void> {
  const { device, config } = decoder;
  for (let start = 0; start < sequences.length;) {
    signal?.throwIfAborted();
    const packing = new PromptPacking();
    let end = start;
    for (; end < sequences.length; end++) {
      const { ids, ranges } = sequences[end]!, pooledFrom = ranges[0]!.start;
      if (!packing.empty && packing.rowsWith(ids, pooledFrom) > forwardRows) break;
      packing.add(ids, pooledFrom);
    }
    const part = sequences.slice(start, end), { batch, prompts } = packing.pack();
    const hidden = decoder.forward(batch);
    const pooled = device.alloc([part.length, config.hiddenSize]);
    const rows = part.map(({ ranges }, i) =>
      ranges.map((range) => ({
        start: range.start + prompts[i]!.origin,
        end: range.end + prompts[i]!.origin,
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
