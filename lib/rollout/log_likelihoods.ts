/**
 * Log-likelihoods of continuations, without a chat template, as the general benchmarks ask for them.
 *
 * @module
 */
import { UsageError } from "#errors";
import type { Backbone } from "../backbone/open.ts";
import type { Decoder } from "../backbone/decoder.ts";
import { type ContinueOptions, encodePrompt } from "./continue_text.ts";
import { type Pass, passes, type Question } from "./likelihood_passes.ts";

/** A continuation whose log-probability is asked for. */
export interface LikelihoodQuestion {
  readonly context: string;
  readonly continuation: string;
}

/** An answer: natural logarithm of P(continuation | context), and the tokens of the continuation. */
export interface LogLikelihood {
  readonly logProb: number;
  readonly tokens: number;
}

/**
 * log P(continuation | context), the whole tokenised together and split after the context's tokens, as
 * lm-evaluation-harness does: blanks at the end of the context belong to the continuation.
 *
 * @throws {UsageError} for a context or continuation without tokens, or with more than the model has positions
 */
export async function logLikelihoods(
  decoder: Decoder,
  backbone: Backbone,
  questions: readonly LikelihoodQuestion[],
  options: ContinueOptions<LogLikelihood> = {},
): Promise<LogLikelihood[]> {
  const results = new Array<LogLikelihood>(questions.length);
  let done = 0;
  for (const pass of passes(byContext(decoder, backbone, questions))) {
    options.signal?.throwIfAborted();
    for (const [index, answer] of await answers(decoder, pass)) {
      results[index] = answer;
      done++;
      options.onDone?.(index, answer);
    }
    options.onTokens?.(pass.batch.ids.length);
    options.onProgress?.(done, questions.length);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  return results;
}

/** Questions with one context are answered together: its rows are run once. */
function byContext(
  decoder: Decoder,
  backbone: Backbone,
  questions: readonly LikelihoodQuestion[],
): Question[] {
  const groups = new Map<string, { context: readonly number[]; continuations: Map<number, number[]> }>();
  questions.forEach(({ context, continuation }, index) => {
    const blanks = context.length - context.trimEnd().length;
    const head = context.slice(0, context.length - blanks);
    const whole = encodePrompt(decoder, backbone, context + continuation, 0);
    const first = encodePrompt(decoder, backbone, head, 0).length;
    if (whole.length <= first) throw new UsageError("continuation without tokens", "give it a text");
    const key = whole.slice(0, first).join();
    const group = groups.get(key) ?? { context: whole.slice(0, first), continuations: new Map() };
    group.continuations.set(index, whole.slice(first));
    groups.set(key, group);
  });
  return [...groups.values()];
}

/** Runs a pass. */
async function answers(decoder: Decoder, pass: Pass): Promise<[index: number, answer: LogLikelihood][]> {
  const { device, weights, config: { hiddenSize, vocabSize } } = decoder;
  const asked = pass.questions.flatMap(({ continuations }, q) =>
    [...continuations].map(([index, ids]) => {
      const first = pass.continuationRows.get(index)!;
      return { index, ids, rows: ids.map((_, j) => j === 0 ? pass.lastRows[q]! : first + j - 1) };
    })
  );
  // Rows that several continuations start from are put through the vocabulary head once.
  const distinct = [...new Set(asked.flatMap(({ rows }) => rows))];
  const place = new Map(distinct.map((row, i) => [row, i]));
  const hidden = decoder.forward(pass.batch);
  const index = device.upload(Int32Array.from(distinct), [distinct.length]);
  const part = device.alloc([distinct.length, hiddenSize]);
  device.gatherRows(hidden, index, part);
  const logits = device.alloc([distinct.length, vocabSize]);
  device.logits(part, weights.head, logits);
  const values = await device.read(logits);
  device.free(hidden, index, part, logits);
  const normalisers = distinct.map((_, i) => logSumExp(values.subarray(i * vocabSize, (i + 1) * vocabSize)));
  return asked.map(({ index, ids, rows }) => {
    const logProb = ids.reduce((sum, id, j) => {
      const at = place.get(rows[j]!)!;
      return sum + values[at * vocabSize + id]! - normalisers[at]!;
    }, 0);
    return [index, { logProb, tokens: ids.length }];
  });
}

function logSumExp(logits: Float32Array): number {
  let max = -Infinity, sum = 0;
  for (const z of logits) if (z > max) max = z;
  for (const z of logits) sum += Math.exp(z - max);
  return max + Math.log(sum);
}
