/**
 * Suites as data: which tasks, how much of each, with which options.
 *
 * A score of a part is never shown under the task's own name: it is called `STSBenchmark[mini:300]`, after the
 * suite that defines the part and the number of items it has.
 *
 * @module
 */
import { UsageError } from "#errors";
import type { DataFile } from "../lib/data/data_file.ts";
import type { Mirror } from "../lib/data/mirror.ts";
import type { Category } from "./category.ts";
import type { Gsm8kOptions } from "./general/gsm8k.ts";
import { loadGsm8k, loadMmlu, type QuestionSource } from "./general/load.ts";
import type { MmluOptions } from "./general/mmlu.ts";
import { type EmbeddedPart, embeddedTasks } from "./mteb/embedded_tasks.ts";
import { loadTask } from "./mteb/load.ts";
import { type MtebTask, mtebTask } from "./mteb/tasks.ts";
import { type Slice, takeSlice } from "./slice.ts";
import { itemCount, type TaskData } from "./task_data.ts";

/** One task of a suite; without a slice it is the whole task. */
export type SuiteEntry =
  /** A task of MTEB by its name. */
  | { readonly benchmark: "mteb"; readonly task: string; readonly slice?: Slice }
  /** A task that comes with the program. */
  | { readonly benchmark: "embedded"; readonly task: MtebTask; readonly slice?: Slice }
  /** The official questions, or those of another source under its own name. */
  | {
    readonly benchmark: "gsm8k";
    readonly options: Gsm8kOptions;
    readonly source?: QuestionSource;
    readonly slice?: Slice;
  }
  | {
    readonly benchmark: "mmlu";
    readonly options: MmluOptions;
    readonly source?: QuestionSource;
    readonly slice?: Slice;
  };

/** A named, fixed list of tasks. */
export interface Suite {
  readonly id: string;
  /** What it is for and what it costs, in one sentence. */
  readonly about: string;
  /** Whether its data come with the program: then no folder of data sets is needed, and no score is one of a benchmark. */
  readonly embedded: boolean;
  readonly entries: readonly SuiteEntry[];
}

/** A task whose data are read and cut. */
export interface ResolvedTask {
  /** Name under which the score is shown, such as `SciFact[mini:40]`. */
  readonly name: string;
  /** Name of the whole task. */
  readonly baseTask: string;
  readonly category: Category;
  /** Whether the data come with the program. */
  readonly embedded: boolean;
  readonly data: TaskData;
  readonly files: readonly DataFile[];
  /** Every effective option: data set revision, protocol, slice. */
  readonly options: Readonly<Record<string, unknown>>;
}

function embeddedSuite(id: EmbeddedPart, about: string): Suite {
  return {
    id,
    about,
    embedded: true,
    entries: [
      ...embeddedTasks(id).map((task) => ({ benchmark: "embedded", task }) as const),
      {
        benchmark: "gsm8k",
        options: { shots: 0, maxNewTokens: 96, fewShotSeed: 1234 },
        source: { repo: `${id}/arithmetic`, name: "arithmetic_gsm8k" },
      },
      {
        benchmark: "mmlu",
        // As the backbone is taught: a model of this size does not learn to name a choice by its letter.
        options: { variant: "continuation", shots: 0 },
        source: { repo: `${id}/multiple-choice`, name: "wordnet_mmlu" },
      },
    ],
  };
}

/** All suites. */
export const SUITES: readonly Suite[] = [
  embeddedSuite("tiny", "nine small tasks that come with the program, for the embedded backbone"),
  embeddedSuite(
    "tiny-dev",
    "the same tasks made from other synsets: for choosing settings, never for reporting",
  ),
  {
    id: "mini",
    about: "about 1,150 texts and 140 questions: minutes for a 135M model on two cores",
    embedded: false,
    entries: [
      { benchmark: "mteb", task: "STSBenchmark", slice: { kind: "sts", pairs: 300 } },
      {
        benchmark: "mteb",
        task: "Banking77Classification",
        slice: { kind: "classification", labels: 10, trainPerLabel: 16, testPerLabel: 15 },
      },
      { benchmark: "mteb", task: "SciFact", slice: { kind: "retrieval", queries: 40, distractors: 160 } },
      {
        benchmark: "gsm8k",
        options: { shots: 2, maxNewTokens: 256, fewShotSeed: 1234 },
        slice: { kind: "gsm8k", items: 40 },
      },
      {
        benchmark: "mmlu",
        options: { variant: "loglikelihood", shots: 0 },
        slice: { kind: "mmlu", items: 100 },
      },
    ],
  },
  {
    id: "smoke",
    about: "about 80 texts and 7 questions: shows that everything runs, says nothing about quality",
    embedded: false,
    entries: [
      { benchmark: "mteb", task: "STSBenchmark", slice: { kind: "sts", pairs: 12 } },
      {
        benchmark: "mteb",
        task: "Banking77Classification",
        slice: { kind: "classification", labels: 3, trainPerLabel: 8, testPerLabel: 4 },
      },
      { benchmark: "mteb", task: "SciFact", slice: { kind: "retrieval", queries: 4, distractors: 8 } },
      {
        benchmark: "gsm8k",
        options: { shots: 1, maxNewTokens: 32, fewShotSeed: 1234 },
        slice: { kind: "gsm8k", items: 3 },
      },
      {
        benchmark: "mmlu",
        options: { variant: "loglikelihood", shots: 0 },
        slice: { kind: "mmlu", items: 4 },
      },
    ],
  },
];

/**
 * The suite of that id.
 *
 * @throws UsageError if there is none
 */
export function findSuite(id: string): Suite {
  const suite = SUITES.find((candidate) => candidate.id === id);
  if (suite !== undefined) return suite;
  throw new UsageError(`unknown suite "${id}"`, `suites: ${SUITES.map((known) => known.id).join(", ")}`);
}

/**
 * Reads the data of all tasks of a suite.
 *
 * @throws MissingError if the mirror lacks a data set; UsageError if one is not what a task needs
 */
export async function resolveSuite(suite: Suite, mirror: Mirror): Promise<ResolvedTask[]> {
  const tasks: ResolvedTask[] = [];
  for (const entry of suite.entries) {
    const whole = await loadEntry(entry, mirror);
    const data = entry.slice === undefined ? whole.data : takeSlice(whole.data, entry.slice);
    tasks.push({
      ...whole,
      data,
      embedded: suite.embedded,
      name: entry.slice === undefined ? whole.baseTask : `${whole.baseTask}[${suite.id}:${itemCount(data)}]`,
      options: { ...whole.options, slice: entry.slice ?? null },
    });
  }
  return tasks;
}

async function loadEntry(
  entry: SuiteEntry,
  mirror: Mirror,
): Promise<Omit<ResolvedTask, "name" | "embedded">> {
  if (entry.benchmark === "mteb" || entry.benchmark === "embedded") {
    const task = entry.benchmark === "mteb" ? mtebTask(entry.task) : entry.task;
    const { data, files } = await loadTask(mirror, task);
    const { name, category, revision, ...pinned } = task;
    const protocol = "options" in data ? data.options : {};
    return {
      baseTask: name,
      category,
      data,
      files,
      options: { reference: "mteb 1.38.33", referenceRevision: revision, ...pinned, ...protocol },
    };
  }
  const { name, data, files } = entry.benchmark === "gsm8k"
    ? await loadGsm8k(mirror, entry.options, entry.source)
    : await loadMmlu(mirror, entry.options, entry.source);
  const options = {
    reference: "lm-evaluation-harness 0.4.13",
    ...entry.options,
    ...entry.source && { source: entry.source },
  };
  return { baseTask: name, category: "general", data, files, options };
}
