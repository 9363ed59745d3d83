/**
 * Plain text in, plain text out: continuations, greedy or sampled, without a chat template, as the general benchmarks ask for
 * them.
 *
 * @module
 */
import { UsageError } from "#errors";
import type { Backbone } from "../backbone/open.ts";
import type { Decoder } from "../backbone/decoder.ts";
import { generate } from "./generate.ts";
import type { Rollout } from "./request.ts";

/** Progress and cancellation. */
export interface ContinueOptions<T> {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  readonly onTokens?: ((count: number) => void) | undefined;
  /** Called once for every request as soon as it is done, in any order. */
  readonly onDone?: ((index: number, result: T) => void) | undefined;
}

/** How a continuation is drawn. */
export interface ContinueSampling {
  readonly temperature: number;
  readonly topP: number;
  /** Uniform number in [0, 1) of a position; 0 is the first new token. */
  readonly uniform: (position: number) => number;
}

/** What is to be continued, and where that ends. */
export interface ContinueRequest {
  readonly prompt: string;
  readonly stops: readonly string[];
  readonly maxNewTokens: number;
  /** Absent for a greedy continuation. */
  readonly sampling?: ContinueSampling | undefined;
}

/** A continuation, cut before the first stop string. */
export interface Continuation {
  readonly text: string;
  readonly tokens: number;
  readonly stopped: "stop" | "eos" | "length";
}

/** Tokens of a text without a template, behind the beginning-of-sequence token where the model has one. */
export function promptIds(backbone: Backbone, text: string): number[] {
  const bos = backbone.bosId !== null && backbone.config.architecture === "llama" && addsBos(backbone)
    ? [backbone.bosId]
    : [];
  return [...bos, ...backbone.tokenizer.encode(text)];
}

/**
 * {@linkcode promptIds} of a text that the model is to be given.
 *
 * @param room tokens that have to fit behind them
 * @throws {UsageError} if there are none, or more than the model has positions
 */
export function encodePrompt(decoder: Decoder, backbone: Backbone, text: string, room: number): number[] {
  const ids = promptIds(backbone, text);
  if (ids.length === 0) throw new UsageError("empty prompt", "give the model something to continue");
  if (ids.length + room > decoder.config.maxPositions) {
    throw new UsageError(
      `prompt of ${ids.length} tokens with ${room} to come exceeds ${decoder.config.maxPositions} positions`,
      "use fewer shots or a shorter limit of new tokens",
    );
  }
  return ids;
}

/** Whether the tokenizer itself puts the beginning-of-sequence token first, judged by its chat template. */
function addsBos(backbone: Backbone): boolean {
  return backbone.chatTemplate.source.includes("bos_token");
}

/** Nothing is drawn at temperature 0, and nothing cut off. */
const GREEDY: ContinueSampling = { temperature: 0, topP: 1, uniform: () => 0 };

/** Continues prompts; results in their order. */
export async function continueTexts(
  decoder: Decoder,
  backbone: Backbone,
  requests: readonly ContinueRequest[],
  options: ContinueOptions<Continuation> = {},
): Promise<Continuation[]> {
  const { tokenizer, eosIds } = backbone;
  const text = (ids: readonly number[]) => tokenizer.decode(ids.filter((id) => !eosIds.includes(id)));
  const results = new Array<Continuation>(requests.length);
  const finish = (i: number, { tokens, stopped }: Rollout) => {
    const written = text([...tokens]);
    const ends = requests[i]!.stops.map((stop) => written.indexOf(stop)).filter((at) => at >= 0);
    const end = Math.min(written.length, ...ends);
    return results[i] = { text: written.slice(0, end), tokens: tokens.length, stopped };
  };
  let done = 0;
  // A batch has one bound on the probability; temperatures may be mixed in it.
  const byTopP = Map.groupBy(requests.keys(), (i) => (requests[i]!.sampling ?? GREEDY).topP);
  for (const [topP, indices] of byTopP) {
    await generate(
      decoder,
      indices.map((i) => {
        const { prompt, stops, maxNewTokens, sampling = GREEDY } = requests[i]!;
        return {
          prompt: encodePrompt(decoder, backbone, prompt, maxNewTokens),
          samples: 1,
          maxNewTokens,
          temperature: sampling.temperature,
          uniform: (_sample, position) => sampling.uniform(position),
          stop: (ids) => {
            const written = text(ids);
            return stops.some((stop) => written.includes(stop));
          },
        };
      }),
      {
        sampling: { temperature: 0, topP, topK: 0 },
        entropies: false,
        eosIds,
        signal: options.signal,
        ...(options.onTokens && { onTokens: options.onTokens }),
        onDone: (at, [rollout]) => {
          const index = indices[at]!, result = finish(index, rollout!);
          options.onDone?.(index, result);
          options.onProgress?.(++done, requests.length);
        },
      },
    );
  }
  return results;
}
