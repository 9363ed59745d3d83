/**
 * What all general benchmarks have in common: each is asked, and scored from the answers. One place that knows them all.
 *
 * @module
 */
import type { Mirror } from "../../lib/data/mirror.ts";
import type { GenerationRequest } from "../encoder.ts";
import { type ModelRequest, requestKey, type StoredGenerations } from "../generation_store.ts";
import type { Score } from "../score.ts";
import {
  BBH_OFFICIAL_ROWS,
  BBH_SCORER,
  BBH_SUBTASKS,
  type BbhOptions,
  bbhRequests,
  scoreBbh,
} from "./bbh/bbh.ts";
import { BBH_READINGS } from "./bbh/readings.ts";
import type { StoredExecutions } from "./execution_store.ts";
import {
  FEVER_SCORER,
  FEVER_VARIANTS,
  feverGenerationRequests,
  feverLikelihoodRequests,
  type FeverOptions,
  isFeverLikelihood,
  scoreFeverLikelihood,
  scoreFeverWritten,
} from "./fever.ts";
import { GSM8K_SCORER, type Gsm8kOptions, gsm8kRequests, scoreGsm8k } from "./gsm8k.ts";
import {
  HUMANEVAL_LIMITS,
  HUMANEVAL_OFFICIAL_ROWS,
  HUMANEVAL_SCORER,
  type HumanEvalOptions,
  humanEvalProgram,
  humanEvalProtocol,
  humanEvalRequests,
  scoreHumanEval,
} from "./humaneval.ts";
import {
  type GeneralData,
  type GeneralDataOf,
  loadBbh,
  type LoadedGeneral,
  loadFever,
  loadGsm8k,
  loadHumanEval,
  loadMmlu,
  loadTriviaQa,
  type QuestionSource,
} from "./load.ts";
import {
  MMLU_OFFICIAL_ROWS,
  MMLU_SCORER,
  mmluGenerationRequests,
  mmluLikelihoodRequests,
  type MmluOptions,
  scoreMmluGenerative,
  scoreMmluLikelihood,
} from "./mmlu.ts";
import {
  scoreTriviaQa,
  TRIVIAQA_OFFICIAL_ROWS,
  TRIVIAQA_SCORER,
  type TriviaQaOptions,
  triviaQaRequests,
  triviaQaSource,
} from "./triviaqa.ts";

/** A benchmark with its protocol: the official questions, or those of another source under its own name. */
export type GeneralEntry =
  | { readonly benchmark: "gsm8k"; readonly options: Gsm8kOptions; readonly source?: QuestionSource }
  | { readonly benchmark: "mmlu"; readonly options: MmluOptions; readonly source?: QuestionSource }
  | { readonly benchmark: "triviaqa"; readonly options: TriviaQaOptions; readonly source?: never }
  | { readonly benchmark: "fever"; readonly options: FeverOptions; readonly source?: never }
  | { readonly benchmark: "bbh"; readonly options: BbhOptions; readonly source?: never }
  | { readonly benchmark: "humaneval"; readonly options: HumanEvalOptions; readonly source?: never };

/** Where the questions of a benchmark are, and its main metric, known before anything is read. */
export interface GeneralSource {
  /** Of several data sets, as BBH has, the first. */
  readonly repo: string;
  readonly split: string;
  readonly metric: string;
  /** Official questions; undefined where the questions are those of another source. */
  readonly questions: number | undefined;
  /** What else has to be there: splits of the same data set with examples, and other data sets with as many splits. */
  readonly also: readonly { readonly repo: string; readonly split: string }[];
}

/** Version of each benchmark's scorer: part of what makes two scores comparable. */
const SCORERS: Readonly<Record<GeneralData["kind"], string>> = {
  gsm8k: GSM8K_SCORER,
  mmlu: MMLU_SCORER,
  triviaqa: TRIVIAQA_SCORER,
  fever: FEVER_SCORER,
  bbh: BBH_SCORER,
  humaneval: HUMANEVAL_SCORER,
};

/** Whether some data are those of a general benchmark. */
export function isGeneral<T extends { readonly kind: string }>(data: T | GeneralData): data is GeneralData {
  return data.kind in SCORERS;
}

/** Version of the scorer of some data. */
export function generalScorer(data: GeneralData): string {
  return SCORERS[data.kind];
}

/** Name of an entry with its variant, known before anything is read: how a task of a suite is chosen. */
export function generalName(entry: GeneralEntry): string {
  switch (entry.benchmark) {
    case "gsm8k":
      return entry.source?.name ?? "gsm8k";
    case "mmlu": {
      const { variant } = entry.options;
      return entry.source?.name ?? (variant === "loglikelihood" ? "mmlu" : `mmlu_${variant}`);
    }
    case "triviaqa":
      return entry.options.subset === "open" ? "triviaqa-open" : "triviaqa";
    case "fever":
      return entry.options.variant;
    case "bbh":
      return `bbh_${entry.options.variant}`;
    case "humaneval":
      return humanEvalProtocol(entry.options);
  }
}

/** Where the questions of an entry are. */
export function generalSource(entry: GeneralEntry): GeneralSource {
  const also: GeneralSource["also"] = [];
  switch (entry.benchmark) {
    case "gsm8k": {
      const repo = entry.source?.repo ?? "openai/gsm8k";
      return {
        repo,
        split: "test",
        metric: "exact_match,flexible-extract",
        questions: entry.source === undefined ? 1319 : undefined,
        also: [{ repo, split: "train" }],
      };
    }
    case "mmlu": {
      const repo = entry.source?.repo ?? "cais/mmlu";
      return {
        repo,
        split: "test",
        metric: entry.options.variant === "generative" ? "exact_match" : "acc",
        questions: entry.source === undefined ? MMLU_OFFICIAL_ROWS : undefined,
        also: [{ repo, split: "dev" }],
      };
    }
    case "triviaqa": {
      const questions = TRIVIAQA_OFFICIAL_ROWS[entry.options.subset];
      return { ...triviaQaSource(entry.options), metric: "exact_match,em-lmeval", questions, also };
    }
    case "fever": {
      const { repo, split, claims } = FEVER_VARIANTS[entry.options.variant];
      return { repo, split, metric: "acc", questions: claims, also };
    }
    case "bbh": {
      const [first, ...others] = BBH_SUBTASKS.map((subtask) => ({
        repo: `lukaemon/bbh/${subtask}`,
        split: "test",
      }));
      const metric = `exact_match,${BBH_READINGS[entry.options.variant][0].filter}`;
      return { ...first!, metric, questions: BBH_OFFICIAL_ROWS, also: others };
    }
    case "humaneval":
      return {
        repo: "openai/openai_humaneval",
        split: "test",
        metric: "pass@1",
        questions: HUMANEVAL_OFFICIAL_ROWS,
        also,
      };
  }
}

/**
 * Reads the data of a benchmark.
 *
 * @throws MissingError if the mirror lacks them; UsageError if they are not what the benchmark needs
 */
export function loadGeneral(mirror: Mirror, entry: GeneralEntry): Promise<LoadedGeneral<GeneralData>> {
  switch (entry.benchmark) {
    case "gsm8k":
      return loadGsm8k(mirror, entry.options, entry.source);
    case "mmlu":
      return loadMmlu(mirror, entry.options, entry.source);
    case "triviaqa":
      return loadTriviaQa(mirror, entry.options);
    case "fever":
      return loadFever(mirror, entry.options);
    case "bbh":
      return loadBbh(mirror, entry.options);
    case "humaneval":
      return loadHumanEval(mirror, entry.options);
  }
}

/** What the protocol of a benchmark follows, and what else its scores depend on. */
export function generalOptions(entry: GeneralEntry): Record<string, unknown> {
  const reference = "lm-evaluation-harness 0.4.13";
  switch (entry.benchmark) {
    case "gsm8k":
    case "mmlu":
      return { reference, ...entry.options, ...entry.source && { source: entry.source } };
    case "fever":
      return { ...entry.options };
    case "humaneval":
      return { reference, ...entry.options, limits: HUMANEVAL_LIMITS };
    default:
      return { reference, ...entry.options };
  }
}

/** What a model is asked. All of one kind: to write, or how likely something is. */
export function generalRequests(data: GeneralData): ModelRequest[] {
  const compared = comparedData(data);
  return compared === null ? generationRequests(data) : likelihoodRequests(compared);
}

/** Whether a benchmark's answers are compared by their likelihood, and not written. */
export function comparesAnswers(data: GeneralData): boolean {
  return comparedData(data) !== null;
}

/** The data if their answers are compared by their likelihood. */
function comparedData(data: GeneralData): GeneralDataOf<"mmlu" | "fever"> | null {
  return data.kind === "mmlu" && data.options.variant !== "generative" ||
      data.kind === "fever" && isFeverLikelihood(data.options)
    ? data
    : null;
}

function likelihoodRequests(data: GeneralDataOf<"mmlu" | "fever">) {
  return data.kind === "mmlu"
    ? mmluLikelihoodRequests(data.items)
    : feverLikelihoodRequests(data.items, data.options);
}

function generationRequests(data: GeneralData): GenerationRequest[] {
  switch (data.kind) {
    case "gsm8k":
      return gsm8kRequests(data.items, data.options);
    case "mmlu":
      return mmluGenerationRequests(data.items);
    case "triviaqa":
      return triviaQaRequests(data.items, data.options);
    case "fever":
      return feverGenerationRequests(data.items);
    case "bbh":
      return bbhRequests(data.items, data.options);
    case "humaneval":
      return humanEvalRequests(data.items, data.options);
  }
}

/** Programs that the model wrote, which have to be run before they can be scored: one per request, for HumanEval alone. */
export function generalPrograms(data: GeneralData, stored: StoredGenerations): string[] {
  if (data.kind !== "humaneval") return [];
  const { items, options } = data, requests = humanEvalRequests(items, options);
  const samples = requests.length / items.length;
  return requests.map((request, i) =>
    humanEvalProgram(items[Math.floor(i / samples)]!, stored.generation(request).text, options)
  );
}

/**
 * Scores stored answers. Answers that could not be read are in the counts, and told. An item for which one thing was asked has the
 * key of its request, under which the whole answer is stored.
 */
export function scoreGeneral(
  data: GeneralData,
  stored: StoredGenerations,
  executions: StoredExecutions,
): Score {
  const score = scoreAnswers(data, stored, executions);
  const unparsed = Object.entries(score.counts).filter(([name, count]) =>
    /^unparsed/.test(name) && count > 0
  );
  const told = unparsed.map(([name, count]) => {
    const filter = name.split(",")[1];
    return `${count} of ${score.counts["items"]} answers could not be read${
      filter ? ` (${filter})` : ""
    }, and count as wrong`;
  });
  const cut = score.counts["stopped_by_length"] ?? 0;
  if (cut > 0) {
    told.push(`${cut} of ${score.counts["trials"] ?? score.counts["items"]} answers were cut at their limit`);
  }
  const requests = generalRequests(data);
  const items = requests.length === score.items.length
    ? score.items.map((item, i) => ({ ...item, request: requestKey(requests[i]!) }))
    : score.items;
  return { ...score, items, warnings: [...score.warnings, ...told] };
}

function scoreAnswers(data: GeneralData, stored: StoredGenerations, executions: StoredExecutions): Score {
  const compared = comparedData(data);
  if (compared === null) return scoreWritten(data, stored, executions);
  const likelihoods = likelihoodRequests(compared).map(stored.likelihood);
  return compared.kind === "mmlu"
    ? scoreMmluLikelihood(compared.items, likelihoods, compared.options.variant)
    : scoreFeverLikelihood(compared.items, likelihoods, compared.options);
}

function scoreWritten(data: GeneralData, stored: StoredGenerations, executions: StoredExecutions): Score {
  const generations = generationRequests(data).map(stored.generation);
  switch (data.kind) {
    case "gsm8k":
      return scoreGsm8k(data.items, generations);
    case "mmlu":
      return scoreMmluGenerative(data.items, generations);
    case "triviaqa":
      return scoreTriviaQa(data.items, generations);
    case "fever":
      return scoreFeverWritten(data.items, generations, data.options);
    case "bbh":
      return scoreBbh(data.items, generations, data.options);
    case "humaneval": {
      const programs = generalPrograms(data, stored), n = programs.length / data.items.length;
      const samples = generations.map((generation, i) => ({ generation, ending: executions(programs[i]!) }));
      return scoreHumanEval(
        data.items,
        data.items.map((_, i) => samples.slice(i * n, (i + 1) * n)),
        data.options,
      );
    }
  }
}
