/**
 * FEVER: is a claim supported or refuted? There is no single convention, so each is a variant with a name of its own, and
 * none is called `fever`. Nothing is retrieved: the claim is judged from memory.
 *
 * | variant | data | labels | answer |
 * |---|---|---|---|
 * | `fever-3way` | fever/fever, paper_dev | three | written after ReAct's three examples; the first label in it counts |
 * | `fever-3way_likelihood` | the same | three | the most likely label after `Claim: ..\nLabel:`, as the Hallucinations Leaderboard's `fever10` |
 * | `fever-kilt` | facebook/kilt_tasks, fever, validation | two | written after two examples; must be the label and nothing else |
 * | `fever-hl` | pminervini/hl-fever, dev | two | the most likely label, as the Hallucinations Leaderboard's `fever11` |
 *
 * Sources: FEVER scorer (Thorne et al. 2018), label accuracy; ReAct (Yao et al. 2023), prompt; KILT (Petroni et al. 2021).
 *
 * @module
 */
import { pythonStrip } from "../../lib/data/python_strip.ts";
import type { Generation, GenerationRequest, Likelihood, LikelihoodRequest } from "../encoder.ts";
import type { Score } from "../score.ts";
import { mean, standardError } from "../statistics.ts";
import { chosenAnswers } from "./chosen.ts";
import { cutAtStop } from "./exact_match.ts";

/** Changes whenever the same model outputs would give other numbers. */
export const FEVER_SCORER = "fever/1";

/** Names of the variants. */
export type FeverVariant = keyof typeof FEVER_VARIANTS;

/** Choices of the protocol. */
export interface FeverOptions {
  readonly variant: FeverVariant;
}

/** A claim with its label. */
export interface FeverRow {
  readonly claim: string;
  /** One of the variant's labels. */
  readonly label: string;
}

/** A claim ready to be judged. */
export interface FeverItem extends FeverRow {
  readonly id: string;
  readonly prompt: string;
}

interface VariantRow {
  readonly repo: string;
  readonly split: string;
  /** Claims of the split, each counted once. */
  readonly claims: number;
  readonly labels: readonly string[];
  /** What stands before the claims; likelihoods are asked for without examples. */
  readonly examples: string;
  /** What asks for the label. */
  readonly cue: "Answer" | "Label";
  /** How the answer is read. */
  readonly reading: "first label" | "whole line" | "likelihood";
}

const TRUE_EXAMPLE =
  "Claim: Nikolaj Coster-Waldau worked with the Fox Broadcasting Company.\nAnswer: SUPPORTS\n\n";
const FALSE_EXAMPLE = "Claim: Stranger Things is set in Bloomington, Indiana.\nAnswer: REFUTES\n\n";
const UNKNOWN_EXAMPLE =
  "Claim: Beautiful reached number two on the Billboard Hot 100 in 2003.\nAnswer: NOT ENOUGH INFO\n\n";

const THREE = ["SUPPORTS", "REFUTES", "NOT ENOUGH INFO"] as const;
const TWO = ["SUPPORTS", "REFUTES"] as const;

/** What each variant is. */
export const FEVER_VARIANTS = {
  "fever-3way": {
    repo: "fever/fever",
    split: "paper_dev",
    claims: 9999,
    labels: THREE,
    examples: TRUE_EXAMPLE + FALSE_EXAMPLE + UNKNOWN_EXAMPLE,
    cue: "Answer",
    reading: "first label",
  },
  "fever-3way_likelihood": {
    repo: "fever/fever",
    split: "paper_dev",
    claims: 9999,
    labels: THREE,
    examples: "",
    cue: "Label",
    reading: "likelihood",
  },
  "fever-kilt": {
    repo: "facebook/kilt_tasks/fever",
    split: "validation",
    claims: 10444,
    labels: TWO,
    examples: TRUE_EXAMPLE + FALSE_EXAMPLE,
    cue: "Answer",
    reading: "whole line",
  },
  "fever-hl": {
    repo: "pminervini/hl-fever",
    split: "dev",
    claims: 13332,
    labels: ["supported", "refuted"],
    examples: "",
    cue: "Label",
    reading: "likelihood",
  },
} as const satisfies Record<string, VariantRow>;

const STOPS = ["\n"] as const;
/** The longest label has far fewer. */
const NEW_TOKENS = 32;

const variantOf = (name: FeverVariant): VariantRow => FEVER_VARIANTS[name];

/** Name under which a score may be shown: the variant's, for all of its claims. */
export function feverName(rows: number, { variant }: FeverOptions): string {
  const { claims } = variantOf(variant);
  return rows === claims ? variant : `${variant}-${rows}-of-${claims}`;
}

/** Whether the variant compares likelihoods of labels, and does not let the model write. */
export function isFeverLikelihood({ variant }: FeverOptions): boolean {
  return variantOf(variant).reading === "likelihood";
}

/** The claims with their prompts. Their ids are the numbers of the rows. */
export function feverItems(rows: readonly FeverRow[], options: FeverOptions): FeverItem[] {
  const { examples, cue } = variantOf(options.variant);
  return rows.map((row, i) => ({
    id: String(i + 1),
    ...row,
    prompt: `${examples}Claim: ${row.claim}\n${cue}:`,
  }));
}

/** One request per item: for variants that let the model write. */
export function feverGenerationRequests(items: readonly FeverItem[]): GenerationRequest[] {
  return items.map(({ prompt }) => ({ prompt, stops: STOPS, maxNewTokens: NEW_TOKENS }));
}

/** As many requests per item as there are labels, in their order. */
export function feverLikelihoodRequests(
  items: readonly FeverItem[],
  { variant }: FeverOptions,
): LikelihoodRequest[] {
  const { labels } = variantOf(variant);
  return items.flatMap(({ prompt }) =>
    labels.map((label) => ({ context: prompt, continuation: ` ${label}` }))
  );
}

/** What a written answer may call a label. */
const WORDS: readonly (readonly [label: string, pattern: RegExp])[] = [
  ["NOT ENOUGH INFO", /NOT ENOUGH INFO/],
  ["SUPPORTS", /SUPPORTS|SUPPORTED|TRUE/],
  ["REFUTES", /REFUTES|REFUTED|FALSE/],
];

/** The label that a text names first, in any case; null if it names none. No label stands in for none. */
export function firstLabel(text: string): string | null {
  const upper = text.toUpperCase();
  const found = WORDS.map(([label, pattern]) => ({ label, at: upper.search(pattern) })).filter(({ at }) =>
    at >= 0
  );
  return found.sort((a, b) => a.at - b.at)[0]?.label ?? null;
}

/**
 * Scores what was written; main metric `acc`. Answers in which no label is found are wrong, and counted.
 *
 * @param generations one per item, in order
 */
export function scoreFeverWritten(
  items: readonly FeverItem[],
  generations: readonly Generation[],
  { variant }: FeverOptions,
): Score {
  const { labels, reading } = variantOf(variant);
  const scored = items.map(({ id, label }, i) => {
    const { text, stopped } = generations[i]!;
    const written = pythonStrip(cutAtStop(text, STOPS));
    const chosen = reading === "first label"
      ? firstLabel(written)
      : labels.find((candidate) => candidate === written) ?? null;
    return { id, value: Number(chosen === label), chosen, label, written, stopped };
  });
  return summarise(scored, { unparsed: scored.filter(({ chosen }) => chosen === null).length });
}

/**
 * Scores by likelihood; main metric `acc`. The first of equally likely labels counts.
 *
 * @param likelihoods as asked by {@linkcode feverLikelihoodRequests}
 */
export function scoreFeverLikelihood(
  items: readonly FeverItem[],
  likelihoods: readonly Likelihood[],
  { variant }: FeverOptions,
): Score {
  const { labels } = variantOf(variant);
  const scored = items.map(({ id, label }, i) => {
    const logProbs = likelihoods.slice(labels.length * i, labels.length * (i + 1)).map(({ logProb }) =>
      logProb
    );
    const chosen = labels[logProbs.indexOf(Math.max(...logProbs))] ?? null;
    return { id, value: Number(chosen === label), chosen, label, logProbs };
  });
  return summarise(scored, {});
}

/** A model that answers one label always is told by its counts of chosen labels. */
function summarise(
  items: readonly { id: string; value: number; chosen: string | null; label: string }[],
  counts: Record<string, number>,
): Score {
  const values = items.map((item) => item.value);
  const error = standardError(values);
  const chosen = chosenAnswers(items.map((item) => item.chosen));
  return {
    main: "acc",
    aggregate: "mean",
    metrics: { acc: mean(values), ...(error === undefined ? {} : { acc_stderr: error }) },
    items,
    counts: { items: items.length, correct: values.filter(Boolean).length, ...counts, ...chosen.counts },
    warnings: chosen.warnings,
  };
}
