/**
 * How the answers of BBH are read, bug for bug as lm-evaluation-harness does.
 *
 * After worked examples with reasoning, the answer is the rest of the line behind "the answer is " without its last
 * character, which is meant to be the full stop. After direct examples the text is compared as it is, and most tokenizers
 * begin it with a blank: without that blank is the main reading here, and both are reported. Without examples there are two
 * filters, of which lm-eval's group has the flexible one.
 *
 * @module
 */
import { pythonStrip } from "../../../lib/data/python_strip.ts";
import { exactMatch, type MatchRules } from "../exact_match.ts";
import { flexibleExtract } from "./flexible_extract.ts";

/** With reasoning before the answer or without, after three examples or none: named as in lm-evaluation-harness. */
export type BbhVariant = "cot_fewshot" | "fewshot" | "cot_zeroshot" | "zeroshot";

/** What a reading needs to know of a question. */
export interface BbhQuestion {
  readonly subtask: string;
  readonly input: string;
  readonly target: string;
}

/** What was read from a text; null if nothing could be. */
export interface BbhReading {
  readonly answer: string | null;
  readonly correct: boolean;
}

/** One way of reading the text of an answer, which has been cut at the stop strings. */
export interface BbhReader {
  /** lm-eval's name for it, where it has this one. */
  readonly filter: string;
  /** Under which an item records whether it was right. */
  readonly record: string;
  readonly read: (text: string, question: BbhQuestion) => BbhReading;
}

/** A full stop at the end, commas, line feeds, backslashes and quotes are nothing. */
const ZERO_SHOT_RULES: MatchRules = {
  ignored: [/\.(?=\n?$)/g, /,/g, /\\/g, /\n/g, /"/g],
  ignorePunctuation: false,
};

/** The ways of reading a variant, the main one first. */
export const BBH_READINGS: Readonly<Record<BbhVariant, readonly [BbhReader, BbhReader?]>> = {
  cot_fewshot: [verbatim("get-answer", "value", answerOf)],
  fewshot: [
    verbatim("stripped", "value", pythonStrip),
    verbatim("none", "verbatim", (text) => text),
  ],
  cot_zeroshot: [
    lenient(
      "flexible-extract",
      "value",
      (text, { subtask, input }) => flexibleExtract(subtask, text, input, "last"),
    ),
    lenient("strict-match", "strict", strictAnswer),
  ],
  zeroshot: [
    lenient(
      "flexible-extract",
      "value",
      (text, { subtask, input }) => flexibleExtract(subtask, text, input, "first"),
    ),
    lenient("strict-match", "strict", (text) => text),
  ],
};

/**
 * Filter "get-answer": the line behind the first "the answer is ", without its last character; null if there is no such
 * line, or nothing behind the words.
 */
export function answerOf(text: string): string | null {
  const found = /(?<=the answer is )([^\n]*)(?=[^\n])/.exec(text);
  return found === null ? null : pythonStrip(found[1]!);
}

/** Filter "strict-match" behind reasoning: as {@linkcode answerOf}, behind any of four wordings. */
function strictAnswer(text: string): string | null {
  const found = /(?<=[Tt]he answer is |The answer: |The final answer: )([^\n]*)(?=[^\n])/.exec(text);
  return pythonStrip(found?.[1] ?? "") || null;
}

function verbatim(filter: string, record: string, answerIn: (text: string) => string | null): BbhReader {
  return {
    filter,
    record,
    read: (text, { target }) => {
      const answer = answerIn(text);
      return { answer, correct: answer === target };
    },
  };
}

function lenient(
  filter: string,
  record: string,
  answerIn: (text: string, question: BbhQuestion) => string | null,
): BbhReader {
  return {
    filter,
    record,
    read: (text, question) => {
      const answer = answerIn(text, question);
      return { answer, correct: answer !== null && exactMatch(answer, question.target, ZERO_SHOT_RULES) };
    },
  };
}
