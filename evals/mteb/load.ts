/**
 * From a task's row to the rows of its data set.
 *
 * @module
 */
import { UsageError } from "#errors";
import { labelColumn, numberColumn, type RowSource, stringColumn } from "../../lib/data/columns.ts";
import type { DataFile } from "../../lib/data/data_file.ts";
import type { JsonlRow } from "../../lib/data/jsonl.ts";
import type { Mirror } from "../../lib/data/mirror.ts";
import type { ClassificationData, ClassificationOptions, LabelledText } from "./classification.ts";
import type { ClusteringData, ClusteringOptions } from "./clustering.ts";
import { clusteringRow, pairRows, rerankingRow, summarizationRow } from "./load_sets.ts";
import type { LabelledPair } from "./pair_classification.ts";
import type { RerankingData } from "./reranking.ts";
import type { IdentifiedText, RetrievalData } from "./retrieval.ts";
import type { StsPair } from "./sts.ts";
import type { SummarizedDocument } from "./summarization.ts";
import type {
  ClassificationTask,
  ClusteringTask,
  MtebTask,
  PairClassificationTask,
  RerankingTask,
  RetrievalTask,
  StsTask,
  SummarizationTask,
} from "./tasks.ts";

/** Protocol of the classification tasks beside the samples per label. */
export const CLASSIFICATION_PROTOCOL = { experiments: 10, seed: 42, probe: "1.4" } as const;

/** Protocol of the clustering tasks: the draws of scikit-learn since 1.3, which GRACE's and newer scores were made with. */
export const CLUSTERING_PROTOCOL = { batchSize: 500, seed: 42, sklearn: "1.3" } as const;

/** The data of one MTEB task with the options that its scorer takes. */
export type MtebData =
  | { readonly kind: "sts"; readonly pairs: readonly StsPair[] }
  | { readonly kind: "classification"; readonly options: ClassificationOptions } & ClassificationData
  | { readonly kind: "retrieval"; readonly options: { readonly dropSelf: boolean } } & RetrievalData
  | { readonly kind: "reranking" } & RerankingData
  | { readonly kind: "clustering"; readonly options: ClusteringOptions } & ClusteringData
  | { readonly kind: "pair_classification"; readonly pairs: readonly LabelledPair[] }
  | { readonly kind: "summarization"; readonly documents: readonly SummarizedDocument[] };

/** Data with the files they were read from. */
export interface Loaded<T> {
  readonly data: T;
  readonly files: readonly DataFile[];
}

/**
 * Reads a task's data whole.
 *
 * @throws MissingError if the mirror does not hold them
 * @throws UsageError if a row is not what the task needs
 */
export function loadTask(mirror: Mirror, task: MtebTask): Promise<Loaded<MtebData>> {
  switch (task.category) {
    case "sts":
      return loadSts(mirror, task);
    case "classification":
      return loadClassification(mirror, task);
    case "retrieval":
      return loadRetrieval(mirror, task);
    case "reranking":
      return loadReranking(mirror, task);
    case "clustering":
      return loadClustering(mirror, task);
    case "pair_classification":
      return loadPairs(mirror, task);
    case "summarization":
      return loadSummarization(mirror, task);
  }
}

async function loadSts(mirror: Mirror, task: StsTask): Promise<Loaded<MtebData>> {
  const { rows, file } = await mirror.split(task.name, task.repo, task.split, (row, source) => ({
    id: String(row.line),
    sentence1: stringColumn(row, "sentence1", source),
    sentence2: stringColumn(row, "sentence2", source),
    gold: numberColumn(row, "score", source),
  }));
  return { data: { kind: "sts", pairs: rows }, files: [file] };
}

async function loadClassification(mirror: Mirror, task: ClassificationTask): Promise<Loaded<MtebData>> {
  const parse = (row: JsonlRow, source: RowSource): LabelledText => ({
    id: String(row.line),
    text: stringColumn(row, "text", source),
    label: labelColumn(row, "label", source),
  });
  const train = await mirror.split(task.name, task.repo, "train", parse);
  const test = await mirror.split(task.name, task.repo, task.split, parse);
  const options = { ...CLASSIFICATION_PROTOCOL, samplesPerLabel: task.samplesPerLabel };
  return {
    data: { kind: "classification", train: train.rows, test: test.rows, options },
    files: [train.file, test.file],
  };
}

/** A document's text is title, blank, text, untrimmed, as mteb 1.16 to 1.39 join them. */
async function loadRetrieval(mirror: Mirror, task: RetrievalTask): Promise<Loaded<MtebData>> {
  const corpus = await mirror.split(task.name, task.repo, "corpus", (row, source): IdentifiedText => ({
    id: stringColumn(row, "_id", source),
    text: `${stringColumn(row, "title", source)} ${stringColumn(row, "text", source)}`,
  }));
  const queries = await mirror.split(task.name, task.repo, "queries", (row, source): IdentifiedText => ({
    id: stringColumn(row, "_id", source),
    text: stringColumn(row, "text", source),
  }));
  const qrels = await mirror.judgements(task.name, task.repo, task.split);

  const judgements = new Map<string, Map<string, number>>();
  for (const { query, document, relevance } of qrels.rows) {
    const judged = judgements.get(query) ?? new Map<string, number>();
    judgements.set(query, judged.set(document, relevance));
  }
  const judgedQueries = queries.rows.filter((query) => judgements.has(query.id));
  if (judgedQueries.length < judgements.size) {
    const known = new Set(judgedQueries.map((query) => query.id));
    const absent = [...judgements.keys()].find((id) => !known.has(id));
    throw new UsageError(
      `${task.name}: "${qrels.file.path}" judges query "${absent}", which "${queries.file.path}" does not hold`,
      "fetch the data set again: its files do not belong together",
    );
  }
  return {
    data: {
      kind: "retrieval",
      queries: judgedQueries,
      documents: corpus.rows,
      judgements,
      options: { dropSelf: task.dropSelf },
    },
    files: [corpus.file, queries.file, qrels.file],
  };
}

async function loadReranking(mirror: Mirror, task: RerankingTask): Promise<Loaded<MtebData>> {
  const { rows, file } = await mirror.split(task.name, task.repo, task.split, rerankingRow);
  return { data: { kind: "reranking", queries: rows }, files: [file] };
}

async function loadClustering(mirror: Mirror, task: ClusteringTask): Promise<Loaded<MtebData>> {
  const { rows, file } = await mirror.split(task.name, task.repo, task.split, clusteringRow);
  return { data: { kind: "clustering", sets: rows, options: CLUSTERING_PROTOCOL }, files: [file] };
}

async function loadPairs(mirror: Mirror, task: PairClassificationTask): Promise<Loaded<MtebData>> {
  const { rows, file } = await mirror.split(task.name, task.repo, task.split, pairRows);
  return { data: { kind: "pair_classification", pairs: rows.flat() }, files: [file] };
}

async function loadSummarization(mirror: Mirror, task: SummarizationTask): Promise<Loaded<MtebData>> {
  const { rows, file } = await mirror.split(task.name, task.repo, task.split, summarizationRow);
  return { data: { kind: "summarization", documents: rows }, files: [file] };
}
