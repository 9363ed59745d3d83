/**
 * MMLU: four-choice questions of 57 subjects.
 *
 * Three readings exist and differ by tens of points, so the name of the task tells them apart: `mmlu` compares the
 * probabilities of " A".." D" (metric acc), `mmlu_generative` reads the first line that the model writes (metric
 * exact_match), and `mmlu_continuation` does not show the choices but compares their probabilities as the answer
 * (metrics acc and, by a choice's length, acc_norm), which small models that cannot yet name a letter can do.
 * Reference: lm-evaluation-harness `mmlu` 1.0, `mmlu_generative` 3.0, `mmlu_continuation` 1.0.
 *
 * @module
 */
import { UsageError } from "#errors";
import { pythonStrip } from "../../lib/data/python_strip.ts";
import type { Generation, GenerationRequest, Likelihood, LikelihoodRequest } from "../encoder.ts";
import type { Score } from "../score.ts";
import { mean, standardError } from "../statistics.ts";
import { chosenAnswers } from "./chosen.ts";
import { cutAtStop, exactMatch } from "./exact_match.ts";

/** Changes whenever the same model outputs would give other numbers. */
export const MMLU_SCORER = "mmlu/1";

/** Rows of the official test split. */
export const MMLU_OFFICIAL_ROWS = 14042;

/** Which reading of the answer. */
export type MmluVariant = "loglikelihood" | "generative" | "continuation";

/** A question. */
export interface MmluRow {
  readonly question: string;
  readonly subject: string;
  /** Four choices. */
  readonly choices: readonly string[];
  /** Index of the correct choice, 0..3. */
  readonly answer: number;
}

/** Choices of the protocol; lm-eval's own is 0 shots (5 where "5-shot" is asked). */
export interface MmluOptions {
  readonly variant: MmluVariant;
  /** Worked examples: the first ones of the subject's dev split. */
  readonly shots: number;
}

/** A question ready to be asked. */
export interface MmluItem {
  readonly id: string;
  readonly subject: string;
  readonly question: string;
  readonly prompt: string;
  /** What is compared as the continuation of the prompt: a letter or the choice itself, behind a blank. */
  readonly continuations: readonly string[];
  readonly answer: number;
}

const LETTERS = ["A", "B", "C", "D"] as const;
const GENERATIVE_STOPS: readonly string[] = ["</s>", "\n"];
const GENERATIVE_NEW_TOKENS = 256;

/**
 * Name under which a score of this test split may be shown: `mmlu` for the official rows, `mmlu-half` for a
 * split that the mirror marks as a part, with the variant behind it.
 */
export function mmluName(rows: number, partial: boolean, variant: MmluVariant): string {
  const suffix = variant === "loglikelihood" ? "" : `_${variant}`;
  if (rows === MMLU_OFFICIAL_ROWS) return `mmlu${suffix}`;
  if (partial && 2 * rows === MMLU_OFFICIAL_ROWS) return `mmlu-half${suffix}`;
  return `mmlu-${rows}-of-${MMLU_OFFICIAL_ROWS}${suffix}`;
}

/**
 * The prompts of a test split.
 *
 * @throws UsageError if a subject has fewer dev rows than shots are asked for
 */
export function mmluItems(
  test: readonly MmluRow[],
  dev: readonly MmluRow[],
  options: MmluOptions,
): MmluItem[] {
  return test.map((row, i) => {
    const shots = dev.filter((shot) => shot.subject === row.subject).slice(0, options.shots);
    if (shots.length < options.shots) {
      throw new UsageError(
        `${row.subject} has ${shots.length} dev rows, but ${options.shots} shots were asked for`,
        "ask for fewer shots",
      );
    }
    const form = options.variant === "continuation" ? CONTINUATION : LETTERED;
    const subject = row.subject.replaceAll("_", " ");
    const examples = shots.map((shot) => `${form.ask(shot)}${form.continuations(shot)[shot.answer]!}\n\n`);
    return {
      id: String(i + 1),
      subject: row.subject,
      question: row.question,
      prompt: `The following are ${form.called} (with answers) about ${subject}.\n\n${examples.join("")}${
        form.ask(row)
      }`,
      continuations: form.continuations(row),
      answer: row.answer,
    };
  });
}

/** How a question is put. */
interface Form {
  readonly called: string;
  ask(row: MmluRow): string;
  continuations(row: MmluRow): string[];
}

const LETTERED: Form = {
  called: "multiple choice questions",
  ask: ({ question, choices }) =>
    `${pythonStrip(question)}\n${choices.map((choice, i) => `${LETTERS[i]!}. ${choice}\n`).join("")}Answer:`,
  continuations: () => LETTERS.map((letter) => ` ${letter}`),
};

const CONTINUATION: Form = {
  called: "questions",
  ask: ({ question }) => `Question: ${pythonStrip(question)}\nAnswer:`,
  continuations: ({ choices }) => choices.map((choice) => ` ${choice}`),
};

/** Four requests per item, in the order of the choices. */
export function mmluLikelihoodRequests(items: readonly MmluItem[]): LikelihoodRequest[] {
  return items.flatMap(({ prompt, continuations }) =>
    continuations.map((continuation) => ({ context: prompt, continuation }))
  );
}

/** One request per item. */
export function mmluGenerationRequests(items: readonly MmluItem[]): GenerationRequest[] {
  return items.map(({ prompt }) => ({
    prompt,
    stops: GENERATIVE_STOPS,
    maxNewTokens: GENERATIVE_NEW_TOKENS,
  }));
}

/**
 * Scores by likelihood; main metric `acc`. The first of equally likely choices counts. The variant `continuation` has
 * `acc_norm` too, which divides a choice's log-probability by its length in characters.
 *
 * @param likelihoods four per item, as asked by {@linkcode mmluLikelihoodRequests}
 */
export function scoreMmluLikelihood(
  items: readonly MmluItem[],
  likelihoods: readonly Likelihood[],
  variant: MmluVariant = "loglikelihood",
): Score {
  const scored = items.map((item, i) => {
    const logProbs = likelihoods.slice(4 * i, 4 * i + 4).map((likelihood) => likelihood.logProb);
    const chosen = logProbs.indexOf(Math.max(...logProbs));
    // Without the blank, in code points, as Python counts.
    const byLength = logProbs.map((logProb, k) => logProb / ([...item.continuations[k]!].length - 1));
    const chosenByLength = byLength.indexOf(Math.max(...byLength));
    return {
      id: item.id,
      value: Number(chosen === item.answer),
      subject: item.subject,
      chosen: LETTERS[chosen] ?? null,
      answer: LETTERS[item.answer]!,
      logProbs,
      ...(variant === "continuation" && { norm: Number(chosenByLength === item.answer) }),
    };
  });
  if (variant !== "continuation") return withChosen(summarise("acc", scored, {}), scored);
  const score = summarise("acc", scored, {});
  const norms = scored.map(({ norm }) => norm!);
  const error = standardError(norms);
  const metrics = { acc_norm: mean(norms), ...(error === undefined ? {} : { acc_norm_stderr: error }) };
  return { ...score, metrics: { ...score.metrics, ...metrics } };
}

/** The first line of a generation without white space around it: what is compared with the letter. */
export function firstLine(text: string): string {
  return pythonStrip(text.split("\n", 1)[0]!);
}

/** Scores by what was written; main metric `exact_match`. Text other than the letter is wrong, and counted. */
export function scoreMmluGenerative(items: readonly MmluItem[], generations: readonly Generation[]): Score {
  const rules = { ignored: [], ignorePunctuation: true };
  const scored = items.map((item, i) => {
    const written = firstLine(cutAtStop(generations[i]!.text, GENERATIVE_STOPS));
    const letter = LETTERS.find((candidate) => exactMatch(written, candidate, rules)) ?? null;
    return {
      id: item.id,
      value: Number(letter === LETTERS[item.answer]),
      subject: item.subject,
      chosen: letter,
      written,
      answer: LETTERS[item.answer]!,
    };
  });
  const unparsed = scored.filter((item) => item.chosen === null).length;
  return withChosen(summarise("exact_match", scored, { unparsed }), scored);
}

/** Which letters were chosen: a small model often knows but one. */
function withChosen(score: Score, items: readonly { readonly chosen: string | null }[]): Score {
  const { counts, warnings } = chosenAnswers(items.map((item) => item.chosen));
  return { ...score, counts: { ...score.counts, ...counts }, warnings: [...score.warnings, ...warnings] };
}

/** Mean over all questions, which weighs subjects by their size. */
function summarise(
  metric: string,
  items: readonly { readonly id: string; readonly value: number }[],
  counts: Record<string, number>,
): Score {
  const values = items.map((item) => item.value);
  const error = standardError(values);
  return {
    main: metric,
    aggregate: "mean",
    metrics: { [metric]: mean(values), ...(error === undefined ? {} : { [`${metric}_stderr`]: error }) },
    items,
    counts: { items: items.length, correct: values.filter(Boolean).length, ...counts },
    warnings: [],
  };
}
