/**
 * MTEB tasks as data: one row each, as pinned by mteb 1.38.33 (benchmark "MTEB(eng, v1)").
 *
 * @module
 */
import { UsageError } from "#errors";

interface TaskRow {
  readonly name: string;
  /** Data set id on the Hugging Face hub, which is also its folder in a mirror. */
  readonly repo: string;
  /** Commit of the data set that mteb 1.38.33 reads; "embedded" for data that come with this program. */
  readonly revision: string;
  /** Split that is scored. */
  readonly split: string;
}

/** Semantic textual similarity; main metric `cosine_spearman`. */
export interface StsTask extends TaskRow {
  readonly category: "sts";
}

/** Classification with a logistic probe; main metric `accuracy`. */
export interface ClassificationTask extends TaskRow {
  readonly category: "classification";
  /** Training rows per label in each experiment. */
  readonly samplesPerLabel: number;
}

/** Retrieval; main metric `ndcg_at_10`. */
export interface RetrievalTask extends TaskRow {
  readonly category: "retrieval";
  /** Whether a document with the query's own id is removed from the results. */
  readonly dropSelf: boolean;
}

/** Reranking; main metric `map`. */
export interface RerankingTask extends TaskRow {
  readonly category: "reranking";
}

/** Clustering with mini-batch k-means; main metric `v_measure`. */
export interface ClusteringTask extends TaskRow {
  readonly category: "clustering";
}

/** Pair classification; main metric `max_ap`. */
export interface PairClassificationTask extends TaskRow {
  readonly category: "pair_classification";
}

/** Summarization; main metric `cosine_spearman`. */
export interface SummarizationTask extends TaskRow {
  readonly category: "summarization";
}

/** A task that this program scores. */
export type MtebTask =
  | RetrievalTask
  | RerankingTask
  | ClusteringTask
  | PairClassificationTask
  | ClassificationTask
  | StsTask
  | SummarizationTask;

/** Every task, in the order of the benchmark's listing. */
export const MTEB_TASKS: readonly MtebTask[] = [
  {
    name: "SciFact",
    category: "retrieval",
    repo: "mteb/scifact",
    revision: "0228b52cf27578f30900b9e5271d331663a030d7",
    split: "test",
    dropSelf: false,
  },
  {
    name: "Banking77Classification",
    category: "classification",
    repo: "mteb/banking77",
    revision: "0fd18e25b25c072e09e0d92ab615fda904d66300",
    split: "test",
    samplesPerLabel: 8,
  },
  {
    name: "STS13",
    category: "sts",
    repo: "mteb/sts13-sts",
    revision: "7e90230a92c190f1bf69ae9002b8cea547a64cca",
    split: "test",
  },
  {
    name: "STS15",
    category: "sts",
    repo: "mteb/sts15-sts",
    revision: "ae752c7c21bf194d8b67fd573edf7ae58183cbe3",
    split: "test",
  },
  {
    name: "STSBenchmark",
    category: "sts",
    repo: "mteb/stsbenchmark-sts",
    revision: "b0fddb56ed78048fa8b90373c8a3cfc37b684831",
    split: "test",
  },
];

/**
 * The row of a task.
 *
 * @throws UsageError if there is none of that name
 */
export function mtebTask(name: string): MtebTask {
  const task = MTEB_TASKS.find((row) => row.name === name);
  if (task !== undefined) return task;
  throw new UsageError(
    `unknown task "${name}"`,
    `known tasks: ${MTEB_TASKS.map((row) => row.name).join(", ")}`,
  );
}
