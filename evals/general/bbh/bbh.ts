/**
 * BIG-Bench Hard: 27 subtasks, answered after three worked examples, with reasoning (`bbh_cot_fewshot`) or directly
 * (`bbh_fewshot`), or without examples (`bbh_cot_zeroshot`, `bbh_zeroshot`).
 *
 * Reference: lm-evaluation-harness `bbh_cot_fewshot` 4.0, `bbh_fewshot` 2.0, `bbh_cot_zeroshot` and `bbh_zeroshot` 3.0. How
 * each reads an answer is in `readings.ts`.
 *
 * @module
 */
import type { Generation, GenerationRequest } from "../../encoder.ts";
import type { Score } from "../../score.ts";
import { mean } from "../../statistics.ts";
import { cutAtStop } from "../exact_match.ts";
import { correctCounts, disagreement, filteredMetrics } from "../filtered_metrics.ts";
import file from "./prompts.json" with { type: "json" };
import { answerOf, BBH_READINGS, type BbhVariant } from "./readings.ts";

export type { BbhVariant };

/** Changes whenever the same generations would give other numbers. */
export const BBH_SCORER = "bbh/1";

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
export const BBH_OFFICIAL_ROWS = 6511;

/** How a variant asks. */
interface Asking {
  /** Whether worked examples stand before the question. */
  readonly examples: boolean;
  /** What stands behind the question. */
  readonly lead: string;
  readonly stops: readonly string[];
  readonly newTokens: number;
}

// "Q" is lm-eval's: it ends a text at any capital Q.
const FEW_SHOT_STOPS = ["</s>", "Q", "\n\n"], ZERO_SHOT_STOPS = ["</s>", "Q:", "<|im_end|>"];

const ASKING: Readonly<Record<BbhVariant, Asking>> = {
  cot_fewshot: {
    examples: true,
    lead: "\nA: Let's think step by step.\n",
    stops: FEW_SHOT_STOPS,
    newTokens: 1024,
  },
  fewshot: { examples: true, lead: "\nA:", stops: FEW_SHOT_STOPS, newTokens: 256 },
  cot_zeroshot: {
    examples: false,
    lead: "\nA: Let's think step by step.",
    stops: ZERO_SHOT_STOPS,
    newTokens: 256,
  },
  zeroshot: { examples: false, lead: "\nA:", stops: ZERO_SHOT_STOPS, newTokens: 256 },
};

/** Worked examples before each question of a variant. */
export function bbhShots({ variant }: BbhOptions): number {
  return ASKING[variant].examples ? 3 : 0;
}

/** Name under which a score may be shown: lm-eval's for all of the questions. */
export function bbhName(rows: number, { variant }: BbhOptions): string {
  return rows === BBH_OFFICIAL_ROWS ? `bbh_${variant}` : `bbh_${variant}-${rows}-of-${BBH_OFFICIAL_ROWS}`;
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
  const { examples, lead } = ASKING[variant];
  const ask = (question: string) => `Q: ${question}${lead}`;
  // The direct examples are the answers at the end of the worked ones.
  const answer = (worked: string) => variant === "cot_fewshot" ? worked : ` ${answerOf(worked)!}`;
  const shown = examples ? shots : [];
  return description + shown.map((shot) => `${ask(shot.input)}${answer(shot.target)}\n\n`).join("") +
    ask(input);
}

/** What is asked of the model for each item. */
export function bbhRequests(items: readonly BbhItem[], { variant }: BbhOptions): GenerationRequest[] {
  const { stops, newTokens } = ASKING[variant];
  return items.map(({ prompt }) => ({ prompt, stops, maxNewTokens: newTokens }));
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
  const [main, other] = BBH_READINGS[variant];
  const scored = items.map((item, i) => {
    const { text, tokens, stopped } = generations[i]!;
    const output = cutAtStop(text, ASKING[variant].stops);
    const { id, subtask, target } = item;
    const { answer, correct } = main.read(output, item);
    const second = other?.read(output, item);
    return {
      id,
      value: Number(correct),
      ...other && { [other.record]: Number(second!.correct) },
      subtask,
      answer,
      target,
      tokens,
      stopped,
    };
  });
  const values = scored.map((item) => item.value);
  const others = other && scored.map((item) => (item as Record<string, unknown>)[other.record] as number);
  const byFilter = { [main.filter]: values, ...other && { [other.filter]: others! } };
  const subtasks = [...new Set(items.map(({ subtask }) => subtask))].map((subtask) => {
    const own = scored.filter((item) => item.subtask === subtask).map((item) => item.value);
    return { subtask, own };
  });
  return {
    main: `exact_match,${main.filter}`,
    aggregate: "mean",
    metrics: {
      ...filteredMetrics("exact_match", byFilter),
      ...Object.fromEntries(
        subtasks.map(({ subtask, own }) => [`${subtask}/exact_match,${main.filter}`, mean(own)]),
      ),
    },
    items: scored,
    counts: {
      items: items.length,
      subtasks: subtasks.length,
      ...correctCounts(byFilter),
      [`unparsed,${main.filter}`]: scored.filter(({ answer }) => answer === null || answer === "").length,
      stopped_by_length: scored.filter(({ stopped }) => stopped === "length").length,
      ...Object.fromEntries(subtasks.flatMap(({ subtask, own }) => [
        [`${subtask}/items`, own.length],
        [`${subtask}/correct`, own.filter(Boolean).length],
      ])),
    },
    warnings: others ? disagreement(values, others) : [],
  };
}
