/**
 * Scores in the form in which mteb writes its results, `<task>.json`, so that its leaderboard and tools read them.
 *
 * A part of a task is no result of the task, and neither is what comes with the program: these have no such form.
 *
 * @module
 */
import { writeFileAtomic } from "../../lib/journal/atomic.ts";
import type { ScoredItem } from "../score.ts";
import type { ScoreRecord } from "../score_record.ts";
import { languagesOf } from "./languages.ts";

/** One result of mteb. Scores are fractions, rounded to six decimals as mteb rounds them. */
export interface MtebResult {
  readonly dataset_revision: string;
  readonly task_name: string;
  /** Null: mteb has not computed this. */
  readonly mteb_version: null;
  /** By split, one object for each subset. */
  readonly scores: Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>;
  readonly evaluation_time: null;
  readonly kg_co2_emissions: null;
  /** What mteb passes over: whose numbers these are, and what a reader should know. */
  readonly scored_by: {
    readonly program: "grace-repro";
    readonly profile: unknown;
    readonly scorer: string;
    readonly content: string;
    readonly warnings: readonly string[];
  };
}

/** Folder of the results below that of an evaluation. */
export const RESULTS_FOLDER = "results";

/** What mteb says instead of a revision where there is none. */
const NO_REVISION = "no_revision_available";

/** Revision of a task that is a mean over tasks. */
const AGGREGATE_REVISION = "1";

/** One data set behind a score, as the record's options name it. */
interface Part {
  readonly name: string;
  readonly referenceRevision?: string;
  readonly split: string;
  readonly subset?: string;
}

/** The results of a score: one, and one for each data set of a mean over tasks; none of a slice or a built-in task. */
export function mtebResults(record: ScoreRecord, items: readonly ScoredItem[]): MtebResult[] {
  const { task, baseTask, category, embedded, options } = record;
  if (category === "general" || embedded || options["slice"]) return [];
  const parts = options["parts"] as readonly Part[] | undefined;
  if (parts === undefined) {
    const part = { ...options, name: task } as unknown as Part;
    return [resultOf(record, task, part.referenceRevision, part.split, [scoresOf(record, items, part)])];
  }
  const scores = parts.map((part) => scoresOf(record, items, part, part.name));
  const [{ referenceRevision, split }] = parts as [Part];
  // The languages of one data set are one result; data sets of their own are one each, and one for their mean.
  if (parts.every((part) => part.subset !== undefined)) {
    return [resultOf(record, baseTask, referenceRevision, split, scores)];
  }
  const value = round(record.value);
  const average = {
    [record.main]: value,
    main_score: value,
    hf_subset: "default",
    languages: languagesOf(undefined),
  };
  return [
    ...parts.map((part, i) => resultOf(record, part.name, part.referenceRevision, part.split, [scores[i]!])),
    resultOf(record, task, AGGREGATE_REVISION, split, [average]),
  ];
}

/** Writes the results of a score into the folder `results` of an evaluation. */
export function writeMtebResults(folder: string, record: ScoreRecord, items: readonly ScoredItem[]): void {
  for (const result of mtebResults(record, items)) {
    Deno.mkdirSync(`${folder}/${RESULTS_FOLDER}`, { recursive: true });
    const path = `${folder}/${RESULTS_FOLDER}/${result.task_name}.json`;
    writeFileAtomic(path, JSON.stringify(result, null, 2) + "\n");
  }
}

function resultOf(
  record: ScoreRecord,
  name: string,
  revision: string | undefined,
  split: string,
  scores: readonly Readonly<Record<string, unknown>>[],
): MtebResult {
  return {
    dataset_revision: revision ?? NO_REVISION,
    task_name: name,
    mteb_version: null,
    scores: { [split]: scores },
    evaluation_time: null,
    kg_co2_emissions: null,
    scored_by: {
      program: "grace-repro",
      profile: record.options["profile"],
      scorer: record.scorer,
      content: record.content,
      warnings: record.warnings,
    },
  };
}

/** Metrics of one data set by mteb's names. */
function scoresOf(
  { category, metrics, main }: ScoreRecord,
  items: readonly ScoredItem[],
  { subset }: Part,
  group?: string,
): Record<string, unknown> {
  const prefix = group === undefined ? "" : `${group}/`;
  const own: Record<string, number> = {};
  for (const [name, value] of Object.entries(metrics)) {
    const short = name.startsWith(prefix) ? name.slice(prefix.length) : "/";
    if (!short.includes("/")) own[short] = round(value);
  }
  const named = (): Record<string, unknown> => {
    switch (category) {
      case "sts":
        // The similarity that a model defines for itself is the cosine here.
        return { pearson: own["cosine_pearson"], spearman: own["cosine_spearman"], ...own };
      case "pair_classification":
        return { ...renamed(own, /^cosine_/, "similarity_"), ...own };
      case "classification":
        return withExperiments(own);
      case "clustering": {
        const { v_measure, v_measure_std } = own;
        const sets = items.filter((item) => item.group === group).map((item) => round(item.value!));
        return { v_measure, v_measure_std, v_measures: sets };
      }
      case "summarization":
        return summarization(own, main);
      default:
        return own;
    }
  };
  return {
    ...named(),
    main_score: own[main],
    hf_subset: subset ?? "default",
    languages: languagesOf(subset),
  };
}

function withExperiments(own: Readonly<Record<string, number>>): Record<string, unknown> {
  const experiments: Record<string, number>[] = [], means: Record<string, number> = {};
  for (const [name, value] of Object.entries(own)) {
    const [, metric, number] = /^(.*)_experiment_(\d+)$/.exec(name) ?? [];
    if (metric === undefined) means[name] = value;
    else (experiments[Number(number) - 1] ??= {})[metric] = value;
  }
  return { ...means, scores_per_experiment: experiments };
}

/** Of the older task, each correlation is the mean with its p-value under the correlation's name. */
function summarization(own: Readonly<Record<string, number>>, main: string): Record<string, unknown> {
  const mended = (name: string) => own[name];
  const legacy = (name: string) => own[`${name.replace(/^cosine_/, "")}_and_p_mean`];
  const value = main.endsWith("_and_p_mean") ? legacy : mended;
  const names = ["cosine_pearson", "cosine_spearman", "dot_pearson", "dot_spearman"];
  return {
    pearson: value("cosine_pearson"),
    spearman: value("cosine_spearman"),
    ...Object.fromEntries(names.map((name) => [name, value(name)])),
  };
}

function renamed(
  metrics: Readonly<Record<string, number>>,
  prefix: RegExp,
  other: string,
): Record<string, number> {
  return Object.fromEntries(
    Object.entries(metrics).filter(([name]) => prefix.test(name))
      .map(([name, value]) => [name.replace(prefix, other), value]),
  );
}

function round(value: number): number {
  return Number(value.toFixed(6));
}
