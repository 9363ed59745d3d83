/**
 * MTEB tasks as data: one row each, as pinned by mteb 1.38.33 (benchmark "MTEB(eng, v1)").
 *
 * @module
 */
import { UsageError } from "#errors";
import { suggest } from "../../lib/manifest/suggest.ts";
import { parseTaskTable } from "./parse_task_table.ts";
import {
  CLASSIFICATION,
  CLUSTERING,
  CQADUPSTACK,
  OTHER_CLASSIFICATION,
  OTHER_SUMMARIZATION,
  PAIR_CLASSIFICATION,
  RERANKING,
  RETRIEVAL,
  STS,
  SUMMARIZATION,
} from "./task_table.ts";

interface TaskRow {
  readonly name: string;
  /** Data set id on the Hugging Face hub, which is also its folder in a mirror. */
  readonly repo: string;
  /** Commit of the data set that mteb reads; "embedded" for data that come with this program. Absent where it is not known. */
  readonly revision?: string;
  /** Split that is scored. */
  readonly split: string;
  /** Part of a data set in several languages, such as "en"; absent where there is but one. */
  readonly subset?: string;
  /** What the texts are about, by mteb's words. */
  readonly domains?: readonly string[];
  /** How much the data set of that revision holds, by the names of a score's counts. */
  readonly size?: Readonly<Record<string, number>>;
}

/** Semantic textual similarity; main metric `cosine_spearman`. */
export interface StsTask extends TaskRow {
  readonly category: "sts";
  /** Lowest and highest judgement that people could give. */
  readonly scoreRange?: readonly [low: number, high: number];
}

/** Classification with a logistic probe; main metric `accuracy`. */
export interface ClassificationTask extends TaskRow {
  readonly category: "classification";
  /** Training rows per label in each experiment. */
  readonly samplesPerLabel: number;
  /** Rows that are taken of the test split, in the proportion of its labels; absent where all are scored. */
  readonly testSample?: number;
}

/** Retrieval; main metric `ndcg_at_10`. */
export interface RetrievalTask extends TaskRow {
  readonly category: "retrieval";
  /** Whether a document with the query's own id is removed from the results. */
  readonly dropSelf: boolean;
}

/** Reranking; main metric `map`, since mteb 2 `map_at_1000`. */
export interface RerankingTask extends TaskRow {
  readonly category: "reranking";
  /** Whether a query has several texts of which the closest to a candidate counts. */
  readonly subqueries?: boolean;
}

/** Clustering with mini-batch k-means; main metric `v_measure`. */
export interface ClusteringTask extends TaskRow {
  readonly category: "clustering";
}

/** Pair classification; main metric `max_ap`. */
export interface PairClassificationTask extends TaskRow {
  readonly category: "pair_classification";
}

/** Summarization; main metric `cosine_spearman`, or `spearman_and_p_mean` for the older task. */
export interface SummarizationTask extends TaskRow {
  readonly category: "summarization";
  /** Whether the score is the mean of correlations and their p-values, as published scores of "SummEval" are. */
  readonly legacy?: boolean;
}

/** A task over one data set. */
export type SingleTask =
  | RetrievalTask
  | RerankingTask
  | ClusteringTask
  | PairClassificationTask
  | ClassificationTask
  | StsTask
  | SummarizationTask;

/** A task whose score is the plain mean of the scores of its parts, however large they are. */
export interface GroupTask {
  readonly name: string;
  readonly category: SingleTask["category"];
  readonly domains?: readonly string[];
  /** Of the group's category. */
  readonly parts: readonly SingleTask[];
}

/** A task that this program scores. */
export type MtebTask = SingleTask | GroupTask;

const [beforeCqadupstack, afterCqadupstack] = splitAfter(
  parseTaskTable("retrieval", RETRIEVAL),
  "ClimateFEVER",
);

/** The 56 tasks of MTEB(eng, v1) by category in the order of the paper's tables, and by name within a category. */
export const MTEB_TASKS: readonly MtebTask[] = [
  ...beforeCqadupstack,
  {
    name: "CQADupstackRetrieval",
    category: "retrieval",
    domains: ["Academic", "Programming", "Written", "Non-fiction", "Web"],
    parts: parseTaskTable("retrieval", CQADUPSTACK),
  },
  ...afterCqadupstack,
  ...parseTaskTable("reranking", RERANKING),
  ...parseTaskTable("clustering", CLUSTERING),
  ...parseTaskTable("pair_classification", PAIR_CLASSIFICATION),
  ...parseTaskTable("classification", CLASSIFICATION),
  ...parseTaskTable("sts", STS),
  ...parseTaskTable("summarization", SUMMARIZATION),
];

/** Tasks of mteb that are not in MTEB(eng, v1). */
export const OTHER_TASKS: readonly MtebTask[] = [
  ...parseTaskTable("classification", OTHER_CLASSIFICATION),
  ...parseTaskTable("summarization", OTHER_SUMMARIZATION),
];

/**
 * The row of a task.
 *
 * @throws UsageError if there is none of that name
 */
export function mtebTask(name: string): MtebTask {
  const all = [...MTEB_TASKS, ...OTHER_TASKS];
  const task = all.find((row) => row.name === name);
  if (task !== undefined) return task;
  const near = suggest(name, all.map((row) => row.name));
  throw new UsageError(
    `unknown task "${name}"`,
    near === undefined
      ? "eval --list prints all tasks"
      : `did you mean ${near}? eval --list prints all tasks`,
  );
}

/** The data sets behind a task: its own, or those of its parts. */
export function singleTasks(task: MtebTask): readonly SingleTask[] {
  return "parts" in task ? task.parts : [task];
}

function splitAfter(tasks: readonly SingleTask[], name: string) {
  const end = tasks.findIndex((task) => task.name === name) + 1;
  return [tasks.slice(0, end), tasks.slice(end)] as const;
}
