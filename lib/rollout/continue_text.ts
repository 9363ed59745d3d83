/**
 * Plain text in, plain text out: continuations, greedy or sampled, and log-likelihoods without a chat template, as the
 * general benchmarks ask for them.
 *
 * @module
 */
import { UsageError } from "#errors";
import type { Backbone } from "../backbone/open.ts";
import { type Decoder, packSequences } from "../backbone/decoder.ts";
import { generate } from "./generate.ts";
import type { Rollout } from "./request.ts";
import { packPrompts } from "./shared_prefix.ts";

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

function encodePrompt(decoder: Decoder, backbone: Backbone, text: string, room: number): number[] {
  const bos = backbone.bosId !== null && backbone.config.architecture === "llama" && addsBos(backbone)
    ? [backbone.bosId]
    : [];
  const ids = [...bos, ...backbone.tokenizer.encode(text)];
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

/** A continuation whose log-probability is asked for. */
export interface LikelihoodQuestion {
  readonly context: string;
  readonly continuation: string;
}

/** Most tokens that are run together. */
const forwardTokens = 1024;

interface Tokenised {
  readonly context: readonly number[];
  readonly continuation: readonly number[];
}

/**
 * log P(continuation | context), the whole tokenised together and split after the context's tokens, as
 * lm-evaluation-harness does: blanks at the end of the context belong to the continuation.
 */
export async function logLikelihoods(
  decoder: Decoder,
  backbone: Backbone,
  questions: readonly LikelihoodQuestion[],
  options: ContinueOptions<{ logProb: number; tokens: number }> = {},
): Promise<{ logProb: number; tokens: number }[]> {
  const tokenised = questions.map(({ context, continuation }): Tokenised => {
    const blanks = context.length - context.trimEnd().length;
    const head = context.slice(0, context.length - blanks);
    const whole = encodePrompt(decoder, backbone, context + continuation, 0);
    const first = encodePrompt(decoder, backbone, head, 0).length;
    if (whole.length <= first) throw new UsageError("continuation without tokens", "give it a text");
    return { context: whole.slice(0, first), continuation: whole.slice(first) };
  });
  // Questions with one context are answered together: its rows are run once.
  const groups = new Map<string, number[]>();
  tokenised.forEach(({ context }, i) => {
    const key = context.join();
    if (!groups.get(key)?.push(i)) groups.set(key, [i]);
  });
  const results = new Array<{ logProb: number; tokens: number }>(questions.length);
  const waiting = [...groups.values()];
  let done = 0;
  while (waiting.length > 0) {
    options.signal?.throwIfAborted();
    const chosen: number[][] = [];
    let tokens = 0;
    while (waiting.length > 0) {
      const size = waiting[0]!.reduce((sum, i) => sum + tokenised[i]!.continuation.length, 0) +
        tokenised[waiting[0]![0]!]!.context.length;
      if (chosen.length > 0 && tokens + size > forwardTokens) break;
      tokens += size;
      chosen.push(waiting.shift()!);
    }
    await answer(decoder, tokenised, chosen, results);
    for (const i of chosen.flat()) options.onDone?.(i, results[i]!);
    done += chosen.reduce((sum, group) => sum + group.length, 0);
    options.onTokens?.(tokens);
    options.onProgress?.(done, questions.length);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  return results;
}

async function answer(
  decoder: Decoder,
  tokenised: readonly Tokenised[],
  groups: readonly (readonly number[])[],
  results: { logProb: number; tokens: number }[],
): Promise<void> {
  const contexts = groups.map((group) => tokenised[group[0]!]!.context);
  const single = groups.flat().every((i) => tokenised[i]!.continuation.length === 1);
  // Continuations of one token need no rows of their own, so the contexts may share their beginning. Otherwise each
  // context is the parent of its continuations, whose last tokens predict nothing and are left out.
  const sequences = groups.flatMap((
    group,
    g,
  ) => [
    { ids: contexts[g]!, group: -1 },
    ...group.flatMap((i) =>
      tokenised[i]!.continuation.length > 1
        ? [{ ids: tokenised[i]!.continuation.slice(0, -1), group: g }]
        : []
    ),
  ]);
  const parents = new Map<number, number>();
  sequences.forEach(({ group }, at) => group < 0 && parents.set(parents.size, at));
  const { batch, prompts } = single ? packPrompts(contexts) : {
    batch: packSequences(
      sequences.map(({ ids, group }) => group < 0 ? { ids } : { ids, parent: parents.get(group)! }),
    ),
  };
  const { segments } = batch;
  const hidden = decoder.forward(batch);
  const rows: number[] = [], ids: number[] = [], owner: number[] = [];
  let at = 0;
  for (const [g, group] of groups.entries()) {
    const last = (prompts?.[g]!.origin ?? segments[at]!.start) + contexts[g]!.length - 1;
    at++;
    for (const i of group) {
      const { continuation } = tokenised[i]!;
      continuation.forEach((id, j) => {
        rows.push(j === 0 ? last : segments[at]!.start + j - 1);
        ids.push(id);
        owner.push(i);
      });
      if (continuation.length > 1) at++;
    }
  }
  const { device, weights, config } = decoder;
  // Rows that several continuations start from are put through the vocabulary head once for each of their tokens'
  // columns, so they are gathered once and asked for several ids.
  const distinct = [...new Set(rows)], place = new Map(distinct.map((row, i) => [row, i]));
  const index = device.upload(Int32Array.from(distinct), [distinct.length]);
  const part = device.alloc([distinct.length, config.hiddenSize]);
  device.gatherRows(hidden, index, part);
  const logits = device.alloc([distinct.length, config.vocabSize]);
  device.logits(part, weights.head, logits);
  const values = await device.read(logits);
  device.free(hidden, index, part, logits);
  const normalisers = distinct.map((_, i) =>
    logSumExp(values.subarray(i * config.vocabSize, (i + 1) * config.vocabSize))
  );
  for (const i of groups.flat()) results[i] = { logProb: 0, tokens: tokenised[i]!.continuation.length };
  rows.forEach((row, j) => {
    const p = place.get(row)!;
    const result = results[owner[j]!]!;
    results[owner[j]!] = {
      ...result,
      logProb: result.logProb + values[p * config.vocabSize + ids[j]!]! - normalisers[p]!,
    };
  });
}

function logSumExp(logits: Float32Array): number {
  let max = -Infinity, sum = 0;
  for (const z of logits) if (z > max) max = z;
  for (const z of logits) sum += Math.exp(z - max);
  return max + Math.log(sum);
}
