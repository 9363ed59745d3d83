/**
 * Suites as data: which tasks, how much of each, with which options.
 *
 * A score of a part is never shown under the task's own name: it is called `STSBenchmark[mini:300]`, after the
 * suite that defines the part and the number of items it has.
 *
 * @module
 */
import { MissingError } from "#errors";
import type { DataFile } from "../lib/data/data_file.ts";
import type { Mirror } from "../lib/data/mirror.ts";
import type { Category } from "./category.ts";
import { type GeneralEntry, generalOptions, loadGeneral } from "./general/general_task.ts";
import { HUMANEVAL_200, HUMANEVAL_64 } from "./general/humaneval.ts";
import { type EmbeddedPart, embeddedTasks } from "./mteb/embedded_tasks.ts";
import { loadTask } from "./mteb/load.ts";
import { dataNotes } from "./mteb/data_notes.ts";
import { DEFAULT_PROFILE, pinned, type ScoringProfile } from "./mteb/profile.ts";
import { miniTask } from "./mteb/mini_tasks.ts";
import { GRACE_RELEASED, SUBSET_16 } from "./mteb/task_lists.ts";
import { MTEB_TASKS, type MtebTask, mtebTask, OTHER_TASKS, type SingleTask } from "./mteb/tasks.ts";
import { type Slice, takeSlice } from "./slice.ts";
import { itemCount, type TaskData } from "./task_data.ts";

/** One task of a suite; without a slice it is the whole task. */
export type SuiteEntry =
  /** A task of MTEB, or one in the form of its tasks. */
  | { readonly benchmark: "mteb"; readonly task: MtebTask; readonly slice?: Slice }
  /** A task that comes with the program. */
  | { readonly benchmark: "embedded"; readonly task: SingleTask; readonly slice?: Slice }
  /** A benchmark of general ability. */
  | (GeneralEntry & { readonly slice?: Slice });

/** A named, fixed list of tasks. */
export interface Suite {
  /** Such as "mini"; of a part of a suite, or one under another profile, an expression that `findSuite` reads. */
  readonly id: string;
  /** What it is for and what it costs, in one sentence. */
  readonly about: string;
  /** Whether its data come with the program: then no folder of data sets is needed, and no score is one of a benchmark. */
  readonly embedded: boolean;
  readonly entries: readonly SuiteEntry[];
  /** Whose numbers the tasks of MTEB reproduce; absent for {@linkcode DEFAULT_PROFILE}. */
  readonly profile?: ScoringProfile;
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
  /** Findings about the data, as sentences. */
  readonly notes: readonly string[];
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

function mtebSuite(id: string, about: string, tasks: readonly MtebTask[]): Suite {
  return { id, about, embedded: false, entries: tasks.map((task) => ({ benchmark: "mteb", task })) };
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
      { benchmark: "mteb", task: mtebTask("STSBenchmark"), slice: { kind: "sts", pairs: 300 } },
      {
        benchmark: "mteb",
        task: mtebTask("Banking77Classification"),
        slice: { kind: "classification", labels: 10, trainPerLabel: 16, testPerLabel: 15 },
      },
      {
        benchmark: "mteb",
        task: mtebTask("SciFact"),
        slice: { kind: "retrieval", queries: 40, distractors: 160 },
      },
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
      { benchmark: "mteb", task: mtebTask("STSBenchmark"), slice: { kind: "sts", pairs: 12 } },
      {
        benchmark: "mteb",
        task: mtebTask("Banking77Classification"),
        slice: { kind: "classification", labels: 3, trainPerLabel: 8, testPerLabel: 4 },
      },
      {
        benchmark: "mteb",
        task: mtebTask("SciFact"),
        slice: { kind: "retrieval", queries: 4, distractors: 8 },
      },
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
  {
    id: "general",
    about: "the six benchmarks of the paper's Table 5, in one variant each: 36,000 questions",
    embedded: false,
    entries: [
      { benchmark: "gsm8k", options: { shots: 5, maxNewTokens: 256, fewShotSeed: 1234 } },
      { benchmark: "mmlu", options: { variant: "loglikelihood", shots: 0 } },
      { benchmark: "triviaqa", options: { subset: "open", maxNewTokens: 256 } },
      { benchmark: "fever", options: { variant: "fever-3way" } },
      { benchmark: "bbh", options: { variant: "cot_fewshot" } },
      { benchmark: "humaneval", options: { variant: "base" } },
    ],
  },
  {
    id: "general-variants",
    about: "the same benchmarks read in other ways: to choose from with --tasks",
    embedded: false,
    entries: [
      { benchmark: "mmlu", options: { variant: "generative", shots: 0 } },
      { benchmark: "mmlu", options: { variant: "continuation", shots: 0 } },
      { benchmark: "triviaqa", options: { subset: "rc.nocontext", maxNewTokens: 256 } },
      { benchmark: "fever", options: { variant: "fever-3way_likelihood" } },
      { benchmark: "fever", options: { variant: "fever-kilt" } },
      { benchmark: "fever", options: { variant: "fever-hl" } },
      { benchmark: "bbh", options: { variant: "fewshot" } },
      { benchmark: "bbh", options: { variant: "cot_zeroshot" } },
      { benchmark: "bbh", options: { variant: "zeroshot" } },
      { benchmark: "humaneval", options: { variant: "instruct" } },
      { benchmark: "humaneval", options: { variant: "base", sampling: HUMANEVAL_64 } },
      { benchmark: "humaneval", options: { variant: "instruct", sampling: HUMANEVAL_64 } },
      { benchmark: "humaneval", options: { variant: "base", sampling: HUMANEVAL_200 } },
    ],
  },
  {
    id: "general-mini",
    about: "334 questions of the same benchmarks",
    embedded: false,
    entries: [
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
      {
        benchmark: "triviaqa",
        options: { subset: "open", maxNewTokens: 32 },
        slice: { kind: "triviaqa", items: 60 },
      },
      { benchmark: "fever", options: { variant: "fever-3way" }, slice: { kind: "fever", items: 60 } },
      { benchmark: "bbh", options: { variant: "fewshot" }, slice: { kind: "bbh", perSubtask: 2 } },
      { benchmark: "humaneval", options: { variant: "base" }, slice: { kind: "humaneval", items: 20 } },
    ],
  },
  {
    id: "all-mini",
    about: "all seven categories and six benchmarks: 3,400 texts and 750 questions",
    embedded: false,
    entries: [
      {
        benchmark: "mteb",
        task: mtebTask("SciFact"),
        slice: { kind: "retrieval", queries: 40, distractors: 160 },
      },
      { benchmark: "mteb", task: miniTask("SciFactReranking"), slice: { kind: "reranking", queries: 8 } },
      {
        benchmark: "mteb",
        task: miniTask("StackOverflowClustering"),
        slice: { kind: "clustering", sets: 2, perLabel: 12 },
      },
      {
        benchmark: "mteb",
        task: miniTask("FeverSymmetricPairs"),
        slice: { kind: "pair_classification", pairs: 200 },
      },
      {
        benchmark: "mteb",
        task: mtebTask("Banking77Classification"),
        slice: { kind: "classification", labels: 10, trainPerLabel: 16, testPerLabel: 15 },
      },
      {
        benchmark: "mteb",
        task: miniTask("CLINC150Classification"),
        slice: { kind: "classification", labels: 10, trainPerLabel: 16, testPerLabel: 15 },
      },
      { benchmark: "mteb", task: mtebTask("STS13"), slice: { kind: "sts", pairs: 150 } },
      { benchmark: "mteb", task: mtebTask("STS15"), slice: { kind: "sts", pairs: 150 } },
      { benchmark: "mteb", task: mtebTask("STSBenchmark"), slice: { kind: "sts", pairs: 300 } },
      {
        benchmark: "mteb",
        task: miniTask("REALSummEval"),
        slice: { kind: "summarization", documents: 12 },
      },
      {
        benchmark: "gsm8k",
        options: { shots: 5, maxNewTokens: 256, fewShotSeed: 1234 },
        slice: { kind: "gsm8k", items: 60 },
      },
      {
        benchmark: "mmlu",
        options: { variant: "loglikelihood", shots: 0 },
        slice: { kind: "mmlu", items: 300 },
      },
      {
        benchmark: "triviaqa",
        options: { subset: "open", maxNewTokens: 256 },
        slice: { kind: "triviaqa", items: 100 },
      },
      { benchmark: "fever", options: { variant: "fever-3way" }, slice: { kind: "fever", items: 150 } },
      { benchmark: "bbh", options: { variant: "cot_fewshot" }, slice: { kind: "bbh", perSubtask: 3 } },
      { benchmark: "humaneval", options: { variant: "base" }, slice: { kind: "humaneval", items: 60 } },
    ],
  },
  mtebSuite(
    "mteb-eng-v1",
    "the 56 tasks of MTEB(eng, v1): 34 million documents, weeks for a small model",
    MTEB_TASKS,
  ),
  mtebSuite(
    "subset-16",
    "the 16 tasks of the paper's ablation: 172,000 sentences to cluster",
    SUBSET_16.map(mtebTask),
  ),
  mtebSuite(
    "grace-released",
    "the 55 tasks of GRACE's released script as it calls mteb: in all languages, and MSMARCO on dev, where the script stops",
    GRACE_RELEASED,
  ),
  mtebSuite("mteb", "every task of mteb that is known here: the 56, and two that other lists have", [
    ...MTEB_TASKS,
    ...OTHER_TASKS,
  ]),
];

/**
 * Reads the data of all tasks of a suite.
 *
 * @throws MissingError naming every data set that the mirror lacks; UsageError if one is not what a task needs
 */
export async function resolveSuite(suite: Suite, mirror: Mirror): Promise<ResolvedTask[]> {
  const tasks: ResolvedTask[] = [];
  const missing: MissingError[] = [];
  // A part of a suite takes the same slices as the whole, under the same names.
  const whole = suite.id.replace(/[:@].*/, "");
  for (const entry of suite.entries) {
    try {
      const loaded = await loadEntry(entry, mirror, suite.profile ?? DEFAULT_PROFILE);
      const data = entry.slice === undefined ? loaded.data : await takeSlice(loaded.data, entry.slice);
      tasks.push({
        ...loaded,
        data,
        embedded: suite.embedded,
        name: entry.slice === undefined ? loaded.name : `${loaded.baseTask}[${whole}:${itemCount(data)}]`,
        options: { ...loaded.options, slice: entry.slice ?? null },
      });
    } catch (error) {
      if (!(error instanceof MissingError)) throw error;
      missing.push(error);
    }
  }
  const [first, ...others] = missing;
  if (first === undefined) return tasks;
  if (suite.embedded) throw first;
  const shown = others.length === 0 || mirror.root === undefined
    ? first.message
    : `${missing.length} of ${suite.entries.length} tasks have no data: ${
      missing.map((one) => one.message).join("; ")
    }`;
  throw new MissingError(
    shown,
    others.length === 0
      ? first.cure
      : `download what is missing, once: grace-repro pull --suite "${suite.id}"; or choose ` +
        `tasks whose data are here: --suite "${whole}:<task>,<task>" (eval --list shows which are); of the first: ${first.cure}`,
    { cause: first },
  );
}

async function loadEntry(
  entry: SuiteEntry,
  mirror: Mirror,
  profile: ScoringProfile,
): Promise<Omit<ResolvedTask, "embedded">> {
  if (entry.benchmark === "mteb" || entry.benchmark === "embedded") {
    const { task } = entry;
    const { data, files } = await loadTask(mirror, task, profile);
    const protocol = "options" in data ? data.options : {};
    return {
      name: task.name,
      baseTask: task.name.replace(/\[.*/, ""),
      category: task.category,
      data,
      files,
      options: { ...taskOptions(task, profile), ...protocol },
      notes: dataNotes(mirror, task, data, profile),
    };
  }
  const { name, data, files } = await loadGeneral(mirror, entry);
  return {
    name,
    baseTask: name,
    category: "general",
    data,
    files,
    options: generalOptions(entry),
    notes: [],
  };
}

/** What the table says of a task, under the names that scores record it by. */
function taskOptions(task: MtebTask, profile: ScoringProfile): Record<string, unknown> {
  const common = { reference: `mteb ${profile.mteb}`, profile: profile.id };
  if ("parts" in task) {
    const parts = task.parts.map((part) => {
      const { name, repo, revision, split, subset } = pinned(part, profile);
      return { name, repo, referenceRevision: revision, split, subset };
    });
    return { ...common, parts };
  }
  const { name: _name, category: _category, revision, domains: _domains, size: _size, ...row } = pinned(
    task,
    profile,
  );
  return { ...common, ...revision !== undefined && { referenceRevision: revision }, ...row };
}
