/**
 * What generation is asked for, and what it gives.
 *
 * @module
 */
import type { KeptActivations } from "../backbone/kept_activations.ts";
import type { SamplingSpec } from "../../kernels/lm_head_types.ts";
import type { TokenRange } from "../objective/pooling.ts";

/** Tokens whose final hidden states are pooled. */
export interface PoolSpec {
  /** Ranges of the prompt's tokens, ascending; none where only what is written is pooled. */
  readonly prompt: readonly TokenRange[];
  /** The new tokens, without a final end-of-sequence token. */
  readonly rationale: boolean;
  /** A final end-of-sequence token. */
  readonly eos: boolean;
}

/** A prompt to continue. */
export interface RolloutRequest {
  /** Token ids, at least one. */
  readonly prompt: ArrayLike<number>;
  /** Number of continuations. */
  readonly samples: number;
  readonly maxNewTokens: number;
  /** Uniform number in [0, 1) of a sample at a position (0 is the first new token); not called for greedy choice. */
  readonly uniform: (sample: number, position: number) => number;
  /** Temperature of this request; that of the options where it is absent. */
  readonly temperature?: number;
  /** Which final hidden states to add up; without it none. */
  readonly pool?: PoolSpec;
  /** Asked after each new token, with all new tokens so far: true ends the continuation, as a stop string does. */
  readonly stop?: (tokens: readonly number[]) => boolean;
}

/** Which rows of {@linkcode KeptActivations} are whose. */
export interface RolloutRows {
  /** Of each token of the prompt. */
  readonly prompt: Int32Array;
  /** Of each new token that was run: all, or all but the last. */
  readonly own: Int32Array;
}

/** A continuation. */
export interface Rollout {
  /** New tokens, with the end-of-sequence token if there was one. */
  readonly tokens: Int32Array;
  /** log π(token | before) at the sampling temperature (at 1 for greedy choice), of the untruncated distribution. */
  readonly logProbs: Float32Array;
  /** Entropy of that distribution in nats, by token; where none was wanted, an engine may say NaN. */
  readonly entropies: Float32Array;
  readonly stopped: "eos" | "stop" | "length";
  /** Sum of the pooled hidden states, [hidden], added in order, and their number. Null if nothing was to be pooled. */
  readonly pooled: { readonly sum: Float32Array; readonly count: number } | null;
  /** Where its activations are, if they are kept. */
  readonly rows?: RolloutRows;
}

/** How to decode. */
export interface GenerateOptions {
  readonly sampling: Omit<SamplingSpec, "entropy">;
  /** Whether entropies are wanted, as by default: they cost a fiftieth of the time. */
  readonly entropies?: boolean;
  /** Tokens that end a sequence. */
  readonly eosIds: readonly number[];
  /** Sequences that decode together; by default as many as pay and fit (see `slots.ts`). */
  readonly slots?: number;
  /** Most prompt tokens in one prefill; by default as many as pay on the engine. */
  readonly prefillTokens?: number;
  /** Where to keep the activations of everything that is run, see `keep_activations.ts`. */
  readonly keep?: KeptActivations | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called when all samples of a request are done. */
  readonly onDone?: (request: number, rollouts: readonly Rollout[]) => void;
  /** Called with the number of tokens whenever some were drawn. */
  readonly onTokens?: (count: number) => void;
}

/** Fails unless a request can be served. One that cannot is a defect of the caller: what can be wrong in an input is checked where it is read. */
export function checkRequest(
  { prompt, samples, maxNewTokens, pool }: RolloutRequest,
  index: number,
  maxPositions: number,
): void {
  const refuse = (reason: string) => {
    throw new Error(`generate: request ${index} ${reason}`);
  };
  if (prompt.length === 0) refuse("has an empty prompt");
  if (!(samples >= 1 && maxNewTokens >= 1)) refuse(`asks for ${samples} samples of ${maxNewTokens} tokens`);
  const longest = prompt.length + maxNewTokens;
  if (longest > maxPositions) refuse(`needs ${longest} of ${maxPositions} positions`);
  let before = 0;
  for (const { start, end } of pool?.prompt ?? []) {
    if (!(before <= start && start < end && end <= prompt.length)) {
      refuse(`pools tokens ${start} to ${end} of a prompt of ${prompt.length}`);
    }
    before = end;
  }
}
