/**
 * What is known of a continuation while it is being written.
 *
 * @module
 */
import type { Rollout, RolloutRequest } from "./request.ts";

/** A continuation in a slot of the cache. */
export interface Sequence {
  /** Index of its request. */
  readonly request: number;
  readonly sample: number;
  /** Tokens in the cache. */
  length: number;
  readonly tokens: number[];
  readonly logProbs: number[];
  readonly entropies: number[];
  /** Rows of its tokens among the activations that are kept. */
  readonly rows: number[];
  stopped: Rollout["stopped"] | null;
  /** Hidden states in its pooled sum. */
  pooledCount: number;
}

/** A sample of the request at `index` after the prefill, with no token of its own. */
export function startedSequence(
  index: number,
  sample: number,
  { prompt, pool }: Pick<RolloutRequest, "prompt" | "pool">,
): Sequence {
  return {
    request: index,
    sample,
    length: prompt.length,
    tokens: [],
    logProbs: [],
    entropies: [],
    rows: [],
    stopped: null,
    pooledCount: (pool?.prompt ?? []).reduce((sum, { start, end }) => sum + end - start, 0),
  };
}
