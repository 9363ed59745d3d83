/**
 * The filter "flexible-extract" of lm-evaluation-harness's zero-shot BBH: an answer wherever it stands in the text, looked for
 * in the way of its subtask. Where lm-eval itself would stop with an exception, nothing is extracted.
 *
 * @module
 */
import { pythonSplit, pythonStrip, SPACE } from "../../../lib/data/python_strip.ts";
import { numberPhrases, phraseValue } from "./number_words.ts";

/** Which of several answers counts: of a direct answer the first, behind reasoning the last. */
export type Occurrence = "first" | "last";

type Extract = (text: string, input: string, occurrence: Occurrence) => string | null;

/** A whole word: Python's `\b` knows letters of all scripts, JavaScript's does not. */
const WORD = "[\\p{L}\\p{N}_]";
const words = (alternatives: string) => new RegExp(`(?<!${WORD})(?:${alternatives})(?!${WORD})`, "gu");

/** Subtasks whose answers are not the letters of choices. */
const OTHERS: Readonly<Record<string, Extract>> = {
  boolean_expressions: pattern(words("True|False")),
  causal_judgement: pattern(words("Yes|No|yes|no")),
  navigate: pattern(words("Yes|No|yes|no")),
  formal_fallacies: pattern(words("valid|invalid")),
  dyck_languages: pattern(/(?<= )[" [(<{}>)\]]+|[" [(<{}>)\]]+/g),
  multistep_arithmetic_two: number,
  object_counting: number,
  sports_understanding: mapped({ no: "no|not plausible", yes: "yes|plausible" }),
  web_of_lies: mapped({
    no: "no|does not tell the truth|is not telling the truth",
    yes: "yes|tells the truth|is telling the truth",
  }),
  word_sorting: sortedWords,
};

/** The answer to a question of a subtask; null if the text has none. */
export function flexibleExtract(
  subtask: string,
  text: string,
  input: string,
  occurrence: Occurrence,
): string | null {
  return (OTHERS[subtask] ?? choice)(text, input, occurrence) || null;
}

function select(found: readonly string[], occurrence: Occurrence): string {
  return pythonStrip(found.at(occurrence === "first" ? 0 : -1) ?? "");
}

function matches(text: string, sought: RegExp): string[] {
  return [...text.matchAll(sought)].map((match) => match[1] ?? match[0]);
}

function pattern(sought: RegExp): Extract {
  return (text, _input, occurrence) => select(matches(text, sought), occurrence);
}

/** Digits with their signs; where there are none, a number in words. */
function number(text: string, _input: string, occurrence: Occurrence): string | null {
  const digits = select(matches(text, /[-0-9]+/g), occurrence);
  if (digits !== "") return digits;
  const phrase = select(numberPhrases(text.toLowerCase()), occurrence);
  const value = phrase === "" ? null : phraseValue(phrase);
  return value === null ? null : String(value);
}

/** One of several wordings of each answer, in any case. */
function mapped(wordings: Readonly<Record<string, string>>): Extract {
  const any = words(Object.values(wordings).join("|"));
  return (text, _input, occurrence) => {
    const found = select(matches(text.toLowerCase(), any), occurrence);
    return Object.keys(wordings).find((answer) => words(wordings[answer]!).test(found)) ?? null;
  };
}

/** The listed words, each where it stands for the last time. */
function sortedWords(text: string, input: string): string | null {
  const list = pythonSplit(input.split("List:")[1] ?? "");
  if (list.length === 0) return null;
  return [...new Set(matches(text, words(list.map(escaped).join("|"))).reverse())].reverse().join(" ");
}

/** "(B)"; else the text of a choice, without case and punctuation; else the letter behind a colon. */
function choice(text: string, input: string, occurrence: Occurrence): string | null {
  const letter = select(matches(text, /\([A-Z]\)/g), occurrence);
  if (letter !== "") return letter;
  const texts = matches(input, /\([A-Z]\)([^\n^(]*)/g).map((found) => plain(pythonStrip(found)));
  const letters = texts.map((_, i) => String.fromCharCode(65 + i));
  // The later of two choices with one text gives it its letter, as the later entry of a dictionary does.
  const letterOf = new Map(texts.map((one, i) => [one, `(${letters[i]})`]));
  // Longest first, so that a choice that another begins with does not hide it.
  const sought = texts.map(escaped).sort((a, b) => pythonLength(b) - pythonLength(a)).join("|");
  const named = select(matches(plain(text), new RegExp(sought, "gu")), occurrence);
  if (named !== "") return letterOf.get(named) ?? named;
  const behind = select(matches(text, new RegExp(`:${SPACE}*(${letters.join("|")})`, "g")), occurrence);
  return behind === "" ? null : `(${behind})`;
}

/** In lower case and without any of Unicode's punctuation. */
function plain(text: string): string {
  return text.toLowerCase().replace(/\p{P}/gu, "");
}

/** The text as a pattern for itself. */
function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}

/** Length of what `re.escape` makes of the text, in code points: what lm-eval sorts choices by. */
function pythonLength(pattern: string): number {
  const text = pattern.replace(/\\(.)/gsu, "$1");
  return [...text].length + (text.match(/[()[\]{}?*+\-|^$\\.&~# \t-\r]/g)?.length ?? 0);
}
