/**
 * TriviaQA without context: trivia questions, answered from memory; any alias of the answer counts.
 *
 * Two normalisations are reported from the same generations. `em-lmeval` is lm-evaluation-harness's `triviaqa` 3.0, which
 * ends an answer at its first full stop or comma ("St. Louis" becomes "St"), and keeps articles. `em-official` is the
 * one of TriviaQA's own evaluation script (Joshi et al. 2017), over the whole first line: no punctuation, no articles.
 *
 * Departure: generation ends at the end of the line only, and lm-eval's other stop strings cut afterwards. A greedy text
 * is the same up to there.
 *
 * @module
 */
import { pythonSplit, pythonStrip } from "../../lib/data/python_strip.ts";
import type { Generation, GenerationRequest } from "../encoder.ts";
import type { Score } from "../score.ts";
import { cutAtStop, exactMatch } from "./exact_match.ts";
import { correctCounts, disagreement, filteredMetrics } from "./filtered_metrics.ts";

/** Changes whenever the same generations would give other numbers. */
export const TRIVIAQA_SCORER = "triviaqa/1";

/** A question with every answer that counts. */
export interface TriviaQaRow {
  readonly question: string;
  readonly aliases: readonly string[];
}

/** Which questions: the 11,313 of the open version, or lm-eval's 17,944 (`rc.nocontext`, some of them repeated). */
export type TriviaQaSubset = "open" | "rc.nocontext";

/** Choices of the protocol; lm-eval's own are `rc.nocontext` and 256 new tokens. */
export interface TriviaQaOptions {
  readonly subset: TriviaQaSubset;
  readonly maxNewTokens: number;
}

/** A question ready to be asked. */
export interface TriviaQaItem extends TriviaQaRow {
  readonly id: string;
  readonly prompt: string;
}

/** Questions of each version in the official validation split. */
export const TRIVIAQA_OFFICIAL_ROWS: Readonly<Record<TriviaQaSubset, number>> = {
  open: 11313,
  "rc.nocontext": 17944,
};

const STOPS = ["\n"] as const;
const LM_EVAL_STOPS = ["\n", ".", ","] as const;

/** Name under which a score may be shown: `triviaqa` is lm-eval's; another number of rows is told. */
export function triviaQaName(rows: number, subset: TriviaQaSubset): string {
  const name = subset === "rc.nocontext" ? "triviaqa" : "triviaqa-open";
  return rows === TRIVIAQA_OFFICIAL_ROWS[subset]
    ? name
    : `${name}-${rows}-of-${TRIVIAQA_OFFICIAL_ROWS[subset]}`;
}

/** Where the questions are: the open version as one file, lm-eval's in the folder of its configuration. */
export function triviaQaSource({ subset }: Pick<TriviaQaOptions, "subset">): { repo: string; split: string } {
  const repo = "mandarjoshi/trivia_qa";
  return subset === "open" ? { repo, split: "test" } : { repo: `${repo}/${subset}`, split: "validation" };
}

/** The prompts; lm-eval adds a question mark to questions that have one. */
export function triviaQaItems(rows: readonly TriviaQaRow[]): TriviaQaItem[] {
  return rows.map((row, i) => ({ id: String(i + 1), ...row, prompt: `Question: ${row.question}?\nAnswer:` }));
}

/** What is asked of the model for each item. */
export function triviaQaRequests(
  items: readonly TriviaQaItem[],
  { maxNewTokens }: TriviaQaOptions,
): GenerationRequest[] {
  return items.map(({ prompt }) => ({ prompt, stops: STOPS, maxNewTokens }));
}

/** What lm-eval compares: the text up to its first stop string, without white space around it. */
export function lmEvalAnswer(text: string): string {
  return pythonStrip(cutAtStop(text, LM_EVAL_STOPS));
}

/** Whether an answer equals an alias for lm-eval: without case and ASCII punctuation. */
export function lmEvalMatches(answer: string, aliases: readonly string[]): boolean {
  return aliases.some((alias) => exactMatch(answer, alias, { ignored: [], ignorePunctuation: true }));
}

/** ASCII punctuation, and the quotation marks that the official script takes for punctuation. */
const OFFICIAL_PUNCTUATION = /[!-/:-@[-`{-~‘’´]/g;

/** Words as Python's `\b` sees them: letters and digits of any script. */
const ARTICLES = /(?<![\p{L}\p{N}_])(a|an|the)(?![\p{L}\p{N}_])/gu;

/** `normalize_answer` of TriviaQA's `triviaqa_evaluation.py`. */
export function officialNormal(answer: string): string {
  const words = answer.replaceAll("_", " ").toLowerCase().replace(OFFICIAL_PUNCTUATION, " ").replace(
    ARTICLES,
    " ",
  );
  return pythonSplit(words).join(" ");
}

/** Whether an answer equals an alias in the official normal form. */
export function officialMatches(answer: string, aliases: readonly string[]): boolean {
  const normal = officialNormal(answer);
  return aliases.some((alias) => officialNormal(alias) === normal);
}

/**
 * Scores generations; main metric `exact_match,em-lmeval`. An answer without a word is counted as empty.
 *
 * @param generations one per item, in order
 */
export function scoreTriviaQa(items: readonly TriviaQaItem[], generations: readonly Generation[]): Score {
  const scored = items.map(({ id, aliases }, i) => {
    const { text, tokens, stopped } = generations[i]!;
    const line = pythonStrip(cutAtStop(text, STOPS)), answer = lmEvalAnswer(text);
    return {
      id,
      value: Number(lmEvalMatches(answer, aliases)),
      official: Number(officialMatches(line, aliases)),
      answer,
      line,
      tokens,
      stopped,
    };
  });
  const values = {
    "em-lmeval": scored.map((item) => item.value),
    "em-official": scored.map((item) => item.official),
  };
  return {
    main: "exact_match,em-lmeval",
    aggregate: "mean",
    metrics: filteredMetrics("exact_match", values),
    items: scored,
    counts: {
      items: items.length,
      ...correctCounts(values),
      "unparsed,em-lmeval": scored.filter(({ answer }) => answer === "").length,
      "unparsed,em-official": scored.filter(({ line }) => officialNormal(line) === "").length,
      stopped_by_length: scored.filter(({ stopped }) => stopped === "length").length,
    },
    warnings: disagreement(values["em-lmeval"], values["em-official"]),
  };
}
