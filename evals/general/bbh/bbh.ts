/**
 * BIG-Bench Hard: 27 subtasks, answered after three worked examples, with reasoning (`bbh_cot_fewshot`) or directly
 * (`bbh_fewshot`).
 *
 * Reference: lm-evaluation-harness `bbh_cot_fewshot` 4.0 and `bbh_fewshot` 2.0, bug for bug: the stop string "Q" ends a text
 * at any capital Q, and the answer is the rest of the line behind "the answer is " without its last character, which is
 * meant to be the full stop. `bbh_fewshot` compares the text as it is, and most tokenizers begin it with a blank:
 * without that blank is the main reading here, and both are reported.
 *
 * @module
 */
import { pythonStrip } from "../../../lib/data/python_strip.ts";
import type { Generation, GenerationRequest } from "../../encoder.ts";
import type { Score } from "../../score.ts";
import { mean } from "../../statistics.ts";
import { cutAtStop } from "../exact_match.ts";
import { correctCounts, disagreement, filteredMetrics } from "../filtered_metrics.ts";
import file from "./prompts.json" with { type: "json" };

/** Changes whenever the same generations would give other numbers. */
export const BBH_SCORER = "bbh/1";

/** With reasoning before the answer, or without. */
export type BbhVariant = "cot_fewshot" | "fewshot";

/** Choices of the protocol. */
export interface BbhOptions {
  readonly variant: BbhVariant;
}

/** A question of a subtask. */
export interface BbhRow {
  readonly subtask: string;
  readonly input: string;
  readonly target: string;
}

/** A question ready to be asked. */
export interface BbhItem extends BbhRow {
  readonly id: string;
  readonly prompt: string;
}

interface SubtaskPrompts {
  readonly description: string;
  readonly shots: readonly { readonly input: string; readonly target: string }[];
}

const PROMPTS: Readonly<Record<string, SubtaskPrompts>> = file.tasks;

/** The 27 subtasks, in alphabetical order. */
export const BBH_SUBTASKS: readonly string[] = Object.keys(PROMPTS);

/** Questions of all subtasks together. */
const OFFICIAL_ROWS = 6511;

const STOPS = ["</s>", "Q", "\n\n"] as const;
const NEW_TOKENS: Readonly<Record<BbhVariant, number>> = { cot_fewshot: 1024, fewshot: 256 };

/** Name under which a score may be shown: lm-eval's for all of the questions. */
export function bbhName(rows: number, { variant }: BbhOptions): string {
  return rows === OFFICIAL_ROWS ? `bbh_${variant}` : `bbh_${variant}-${rows}-of-${OFFICIAL_ROWS}`;
}

/** The prompts of the questions; ids count within a subtask. */
export function bbhItems(rows: readonly BbhRow[], { variant }: BbhOptions): BbhItem[] {
  const seen = new Map<string, number>();
  return rows.map((row) => {
    const number = (seen.get(row.subtask) ?? 0) + 1;
    seen.set(row.subtask, number);
    return { id: `${row.subtask}/${number}`, ...row, prompt: promptOf(row, variant) };
  });
}

function promptOf({ subtask, input }: BbhRow, variant: BbhVariant): string {
  const { description, shots } = PROMPTS[subtask]!;
  const ask = (question: string) =>
    variant === "cot_fewshot" ? `Q: ${question}\nA: Let's think step by step.\n` : `Q: ${question}\nA:`;
  // The direct examples are the answers at the end of the worked ones.
  const answer = (worked: string) => variant === "cot_fewshot" ? worked : ` ${answerOf(worked)!}`;
  return description + shots.map((shot) => `${ask(shot.input)}${answer(shot.target)}\n\n`).join("") +
    ask(input);
}

/** What is asked of the model for each item. */
export function bbhRequests(items: readonly BbhItem[], { variant }: BbhOptions): GenerationRequest[] {
  return items.map(({ prompt }) => ({ prompt, stops: STOPS, maxNewTokens: NEW_TOKENS[variant] }));
}

/**
 * Filter "get-answer": the line behind the first "the answer is ", without its last character; null if there is no such
 * line, or nothing behind the words.
 */
export function answerOf(text: string): string | null {
  const found = /(?<=the answer is )([^\n]*)(?=[^\n])/.exec(text);
  return found === null ? null : pythonStrip(found[1]!);
}

/**
 * Scores generations; the main metric is the mean over all questions, which weighs subtasks by their size. The metric of each
 * subtask has its name before a slash.
 *
 * @param generations one per item, in order
 */
export function scoreBbh(
  items: readonly BbhItem[],
  generations: readonly Generation[],
  { variant }: BbhOptions,
): Score {
  const scored = items.map(({ id, subtask, target }, i) => {
    const { text, tokens, stopped } = generations[i]!;
    const output = cutAtStop(text, STOPS);
    const answer = variant === "cot_fewshot" ? answerOf(output) : pythonStrip(output);
    return {
      id,
      value: Number(answer === target),
      verbatim: Number(output === target),
      subtask,
      answer,
      target,
      tokens,
      stopped,
    };
  });
  const main = variant === "cot_fewshot" ? "get-answer" : "stripped";
  const values = scored.map((item) => item.value), verbatim = scored.map((item) => item.verbatim);
  const byFilter: Record<string, number[]> = variant === "cot_fewshot"
    ? { [main]: values }
    : { [main]: values, none: verbatim };
  const subtasks = [...new Set(items.map(({ subtask }) => subtask))].map((subtask) => {
    const own = scored.filter((item) => item.subtask === subtask).map((item) => item.value);
    return { subtask, own };
  });
  return {
    main: `exact_match,${main}`,
    aggregate: "mean",
    metrics: {
      ...filteredMetrics("exact_match", byFilter),
      ...Object.fromEntries(
        subtasks.map(({ subtask, own }) => [`${subtask}/exact_match,${main}`, mean(own)]),
      ),
    },
    items: scored,
    counts: {
      items: items.length,
      subtasks: subtasks.length,
      ...correctCounts(byFilter),
      [`unparsed,${main}`]: scored.filter(({ answer }) => answer === null || answer === "").length,
      stopped_by_length: scored.filter(({ stopped }) => stopped === "length").length,
      ...Object.fromEntries(subtasks.flatMap(({ subtask, own }) => [
        [`${subtask}/items`, own.length],
        [`${subtask}/correct`, own.filter(Boolean).length],
      ])),
    },
    warnings: variant === "cot_fewshot" ? [] : disagreement(values, verbatim),
  };
}
