/**
 * Scores of the general benchmarks in the form of lm-evaluation-harness 0.4.13, whose tools and tables read them.
 *
 * A task keeps the name that it is shown by here, which tells a slice or another protocol. MMLU's subjects and BBH's
 * subtasks are tasks of their own below their group. Departures: the standard error of a group is that over its items, where
 * lm-eval pools those of its tasks; versions are those of the scorers here.
 *
 * @module
 */
import { writeFileAtomic } from "../../lib/journal/atomic.ts";
import type { LoadedScore, ScoreRecord } from "../score_record.ts";
import { bbhShots, type BbhVariant } from "./bbh/bbh.ts";
import { mean, standardError } from "../statistics.ts";

/** Metrics of a task by `metric,filter`, with `metric_stderr,filter`, which is "N/A" where there is none. */
export interface LmEvalTaskResult {
  readonly name: string;
  readonly alias: string;
  readonly sample_len: number;
  readonly [metric: string]: number | string | Readonly<Record<string, number>>;
}

type ByTask<T> = Readonly<Record<string, T>>;

/** What lm-eval writes as `results_<date>.json`, without what only its own run has. */
export interface LmEvalResults {
  readonly results: ByTask<LmEvalTaskResult>;
  readonly groups?: ByTask<LmEvalTaskResult>;
  readonly group_subtasks: ByTask<readonly string[]>;
  readonly configs: ByTask<Readonly<Record<string, unknown>>>;
  readonly versions: ByTask<string>;
  readonly "n-shot": ByTask<number>;
  readonly higher_is_better: ByTask<ByTask<boolean>>;
  readonly "n-samples": ByTask<{ readonly original: number; readonly effective: number }>;
  readonly config: { readonly model: string };
  /** Null: lm-eval has not computed this. */
  readonly lm_eval_version: null;
  readonly scored_by: { readonly program: "grace-repro"; readonly warnings: readonly string[] };
}

/** Folder of the results below that of an evaluation. */
export const LM_EVAL_FOLDER = "lm_eval";

/** lm-eval's names of filters: of the readings that it has, and of metrics that are read in one way here. */
const FILTERS: Readonly<Record<string, string>> = {
  "em-lmeval": "remove_whitespace",
  humaneval: "create_test",
  mmlu_generative: "get_response",
};

/** The results; null if there are no scores of general benchmarks. Embedded tasks are in it under their own names. */
export function lmEvalResults(scores: readonly LoadedScore[]): LmEvalResults | null {
  const general = scores.filter(({ record }) => record.category === "general");
  if (general.length === 0) return null;
  const tasks = general.map((score) => ({ ...score, parts: partsOf(score) }));
  const results = new Map<string, LmEvalTaskResult>();
  const groups: Record<string, LmEvalTaskResult> = {};
  const collected = {
    group_subtasks: {} as Record<string, readonly string[]>,
    configs: {} as Record<string, Readonly<Record<string, unknown>>>,
    versions: {} as Record<string, string>,
    "n-shot": {} as Record<string, number>,
    higher_is_better: {} as Record<string, ByTask<boolean>>,
    "n-samples": {} as Record<string, { original: number; effective: number }>,
  };
  for (const { record, parts } of tasks) {
    const plain = wholeResult(record);
    const whole = parts.length === 0 ? plain : withSampleCount(plain);
    const own = parts.length === 0 ? [whole] : parts;
    for (const result of own) {
      results.set(result.name, result);
      collected.configs[result.name] = { task: result.name, ...record.options, files: record.files };
      collected["n-samples"][result.name] = { original: result.sample_len, effective: result.sample_len };
    }
    for (const result of [...own, ...parts.length === 0 ? [] : [whole]]) {
      collected.versions[result.name] = record.scorer;
      collected["n-shot"][result.name] = shotsOf(record);
      collected.higher_is_better[result.name] = Object.fromEntries(
        metricsOf(result).map((name) => [name, true]),
      );
    }
    if (parts.length === 0) continue;
    results.set(whole.name, whole);
    groups[whole.name] = whole;
    collected.group_subtasks[whole.name] = parts.map(({ name }) => name);
  }
  return {
    results: Object.fromEntries(results),
    ...Object.keys(groups).length > 0 && { groups },
    ...collected,
    config: { model: general[0]!.record.model },
    lm_eval_version: null,
    scored_by: {
      program: "grace-repro",
      warnings: general.flatMap(({ record }) => record.warnings.map((text) => `${record.task}: ${text}`)),
    },
  };
}

/** Writes the results into the folder `lm_eval` of an evaluation that has some. */
export function writeLmEvalResults(folder: string, scores: readonly LoadedScore[]): void {
  const results = lmEvalResults(scores);
  if (results === null) return;
  Deno.mkdirSync(`${folder}/${LM_EVAL_FOLDER}`, { recursive: true });
  writeFileAtomic(`${folder}/${LM_EVAL_FOLDER}/results.json`, JSON.stringify(results, null, 2) + "\n");
}

/** `acc` and `exact_match,get-answer` as `acc,none` and the same; the metrics of parts are left to these. */
function wholeResult(record: ScoreRecord): LmEvalTaskResult {
  const { task, metrics } = record;
  const entries = Object.entries(metrics).flatMap(([name, value]): [string, number | string][] => {
    if (name.includes("/") || name.includes("_stderr")) return [];
    const [metric, filter] = name.split(",") as [string, string?];
    const error = metrics[filter === undefined ? `${metric}_stderr` : `${metric}_stderr,${filter}`] ?? "N/A";
    const shown = filter === undefined ? unnamedFilter(record) : FILTERS[filter] ?? filter;
    return [[`${metric},${shown}`, value], [`${metric}_stderr,${shown}`, error]];
  });
  return { name: task, alias: task, sample_len: record.items.rows, ...Object.fromEntries(entries) };
}

function unnamedFilter({ scorer, options }: ScoreRecord): string {
  const [benchmark] = scorer.split("/") as [string];
  return FILTERS[benchmark] ?? FILTERS[`${benchmark}_${options["variant"]}`] ?? "none";
}

/** The main metric of each subject or subtask. */
function partsOf({ record, items }: LoadedScore): LmEvalTaskResult[] {
  const [metric, named] = record.main.split(",") as [string, string?];
  const filter = named ?? unnamedFilter(record);
  const byPart = Map.groupBy(items, (item) => item["subject"] ?? item["subtask"]);
  if (byPart.has(undefined)) return [];
  return [...byPart].map(([part, own]) => {
    const values = own.map(({ value }) => value!), name = `${record.task}_${part}`;
    return {
      name,
      alias: name,
      sample_len: own.length,
      [`${metric},${filter}`]: mean(values),
      [`${metric}_stderr,${filter}`]: standardError(values) ?? "N/A",
    };
  });
}

/** A group says of each of its metrics how many samples it is over. */
function withSampleCount(result: LmEvalTaskResult): LmEvalTaskResult {
  const means = Object.keys(result).filter((key) => key.includes(",") && !key.includes("_stderr,"));
  return { ...result, sample_count: Object.fromEntries(means.map((key) => [key, result.sample_len])) };
}

function metricsOf(result: LmEvalTaskResult): string[] {
  const names = Object.keys(result).filter((key) => key.includes(",")).map((key) => key.split(",")[0]!);
  return [...new Set(names)].filter((name) => !name.endsWith("_stderr"));
}

/** Worked examples before each question. */
function shotsOf({ scorer, options }: ScoreRecord): number {
  if (typeof options["shots"] === "number") return options["shots"];
  if (scorer.startsWith("bbh/")) return bbhShots({ variant: options["variant"] as BbhVariant });
  if (!scorer.startsWith("fever/")) return 0;
  return { "fever-3way": 3, "fever-kilt": 2 }[String(options["variant"])] ?? 0;
}
