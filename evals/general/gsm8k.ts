/**
 * GSM8K: grade-school arithmetic, answered freely after worked examples.
 *
 * Reference: lm-evaluation-harness `gsm8k`, version 3.0. Both of its filters are reported: they differ by tens of
 * points on models that do not imitate the examples' format.
 *
 * @module
 */
import { pythonStrip } from "../../lib/data/python_strip.ts";
import type { Generation, GenerationRequest } from "../encoder.ts";
import type { Score } from "../score.ts";
import { mean, standardError } from "../statistics.ts";
import { cutAtStop, exactMatch, type MatchRules } from "./exact_match.ts";
import { PythonRandom } from "./python_random.ts";

/** Changes whenever the same generations would give other numbers. */
export const GSM8K_SCORER = "gsm8k/1";

/** A question with its worked answer, which ends in `#### N`. */
export interface Gsm8kRow {
  readonly question: string;
  readonly answer: string;
}

/** Choices of the protocol; lm-eval's own are 5 shots and 256 new tokens. */
export interface Gsm8kOptions {
  readonly shots: number;
  readonly maxNewTokens: number;
  readonly fewShotSeed: number;
}

/** Examples before each question in lm-eval's `gsm8k`. */
const REFERENCE_SHOTS = 5;

/** Name under which a score may be shown: `gsm8k` is lm-eval's with 5 examples, others say how many they have. */
export function gsm8kName({ shots }: Pick<Gsm8kOptions, "shots">): string {
  return shots === REFERENCE_SHOTS ? "gsm8k" : `gsm8k-${shots}shot`;
}

/** A question ready to be asked. */
export interface Gsm8kItem {
  readonly id: string;
  readonly question: string;
  readonly prompt: string;
  readonly answer: string;
}

/** Where a generation ends. */
export const GSM8K_STOPS: readonly string[] = ["Question:", "</s>", "<|im_end|>"];

const RULES: MatchRules = {
  ignored: [/,/g, /\$/g, /[^]*#### /g, /\.(?=\n?$)/g],
  ignorePunctuation: false,
};

/**
 * The prompts of the whole test split. Examples are drawn for every question in order from one generator, so a
 * question keeps its examples when only some questions are asked.
 */
export function gsm8kItems(
  test: readonly Gsm8kRow[],
  train: readonly Gsm8kRow[],
  options: Gsm8kOptions,
): Gsm8kItem[] {
  const random = new PythonRandom(options.fewShotSeed);
  return test.map((row, i) => {
    const shots = random.sampleRange(train.length, options.shots).map((k) => train[k]!);
    const examples = shots.map((shot) => `${ask(shot)} ${shot.answer}\n\n`).join("");
    return { id: String(i + 1), ...row, prompt: examples + ask(row) };
  });
}

function ask(row: Gsm8kRow): string {
  return `Question: ${row.question}\nAnswer:`;
}

/** What is asked of the model for each item. */
export function gsm8kRequests(items: readonly Gsm8kItem[], options: Gsm8kOptions): GenerationRequest[] {
  return items.map(({ prompt }) => ({ prompt, stops: GSM8K_STOPS, maxNewTokens: options.maxNewTokens }));
}

/** Filter "strict-match": the number after the first `#### `; null if there is none. */
export function strictAnswer(text: string): string | null {
  return /#### (-?[0-9.,]+)/.exec(text)?.[1] ?? null;
}

/** Filter "flexible-extract": the last thing that looks like a number; null if there is none. */
export function flexibleAnswer(text: string): string | null {
  const last = [...text.matchAll(/(-?[$0-9.,]{2,})|(-?[0-9]+)/g)].at(-1);
  return last === undefined ? null : pythonStrip(last[0]);
}

/** Whether an extracted answer equals the worked answer's number; null (nothing extracted) never does. */
export function answersMatch(extracted: string | null, workedAnswer: string): boolean {
  return extracted !== null && exactMatch(extracted, workedAnswer, RULES);
}

/**
 * Scores generations; main metric `exact_match,flexible-extract`.
 *
 * @param generations one per item, in order
 */
export function scoreGsm8k(items: readonly Gsm8kItem[], generations: readonly Generation[]): Score {
  const scored = items.map((item, i) => {
    const { text, tokens, stopped } = generations[i]!;
    const output = cutAtStop(text, GSM8K_STOPS);
    const strict = strictAnswer(output), flexible = flexibleAnswer(output);
    return {
      id: item.id,
      value: Number(answersMatch(flexible, item.answer)),
      strict: Number(answersMatch(strict, item.answer)),
      strictAnswer: strict,
      flexibleAnswer: flexible,
      tokens,
      stopped,
    };
  });
  const flexible = scored.map((item) => item.value), strict = scored.map((item) => item.strict);
  const [flexibleMean, strictMean] = [mean(flexible), mean(strict)];
  const apart = Math.abs(flexibleMean - strictMean) * 100;
  return {
    main: "exact_match,flexible-extract",
    aggregate: "mean",
    metrics: {
      "exact_match,flexible-extract": flexibleMean,
      "exact_match,strict-match": strictMean,
      ...withStderr("exact_match_stderr,flexible-extract", flexible),
      ...withStderr("exact_match_stderr,strict-match", strict),
    },
    items: scored,
    counts: {
      items: items.length,
      "correct,flexible-extract": flexible.filter(Boolean).length,
      "correct,strict-match": strict.filter(Boolean).length,
      "unparsed,flexible-extract": scored.filter((item) => item.flexibleAnswer === null).length,
      "unparsed,strict-match": scored.filter((item) => item.strictAnswer === null).length,
      stopped_by_length: scored.filter((item) => item.stopped === "length").length,
    },
    warnings: apart > 5
      ? [`the filters differ by ${apart.toFixed(1)} points: the score depends on the answer format`]
      : [],
  };
}

function withStderr(name: string, values: readonly number[]): Record<string, number> {
  const error = standardError(values);
  return error === undefined ? {} : { [name]: error };
}
