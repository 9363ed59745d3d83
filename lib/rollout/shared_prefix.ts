/**
 * Packs prompts so that the tokens they all begin with (the system prompt, the few-shot examples) are run once. Exact
 * for a causal decoder: a row sees the same keys as if its prompt stood alone, and its bits are the same.
 *
 * @module
 */
import { type PackedBatch, packSequences } from "../backbone/decoder.ts";

/** Prompts in a stream: the common beginning first, then what is each prompt's own. */
export interface PackedPrompts {
  readonly batch: PackedBatch;
  /** Number of common tokens, rows [0, shared) of the stream; 0 if there are none. */
  readonly shared: number;
  /** First row of each prompt's own tokens, which are the prompt's tokens from `shared` on. */
  readonly starts: readonly number[];
}

/** Shorter beginnings than this are not worth a segment of their own. */
const worthSharing = 8;

/**
 * Packs prompts.
 *
 * @param prompts token ids, none empty
 * @param limit most tokens that may be shared: the rows from there on are wanted for each prompt on its own
 */
export function packPrompts(prompts: readonly ArrayLike<number>[], limit = Infinity): PackedPrompts {
  let shared = prompts.length < 2 ? 0 : Math.min(limit, ...prompts.map((ids) => ids.length - 1));
  const first = prompts[0]!;
  for (const ids of prompts) {
    let same = 0;
    while (same < shared && ids[same] === first[same]) same++;
    shared = same;
  }
  if (shared < worthSharing) shared = 0;
  const slice = (ids: ArrayLike<number>, from: number, to: number) =>
    Array.prototype.slice.call(ids, from, to);
  const own = prompts.map((ids) => ({
    ids: slice(ids, shared, ids.length),
    ...(shared > 0 && { parent: 0 }),
  }));
  const batch = packSequences(shared > 0 ? [{ ids: slice(first, 0, shared) }, ...own] : own);
  const segments = shared > 0 ? batch.segments.slice(1) : batch.segments;
  return { batch, shared, starts: segments.map(({ start }) => start) };
}
