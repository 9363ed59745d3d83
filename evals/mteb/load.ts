/**
 * From a task's row to the rows of its data set.
 *
 * @module
 */
import { UsageError } from "#errors";
import { labelColumn, numberColumn, type RowSource, stringColumn } from "../../lib/data/columns.ts";
import type { DataFile } from "../../lib/data/data_file.ts";
import type { JsonlRow } from "../../lib/data/jsonl.ts";
import type { Mirror, Split } from "../../lib/data/mirror.ts";
import type { ClassificationData, ClassificationOptions, LabelledText } from "./classification.ts";
import type { ClusteringData, ClusteringOptions } from "./clustering.ts";
import { documentText, loadRankedCandidates, loadRetrieval } from "./load_retrieval.ts";
import { clusteringRow, pairRows, rerankingRow, summarizationRow } from "./load_sets.ts";
import type { LabelledPair } from "./pair_classification.ts";
import { DEFAULT_PROFILE, pinned, type ScoringProfile } from "./profile.ts";
import type { RerankingData, RerankingOptions } from "./reranking.ts";
import type { RetrievalData } from "./retrieval.ts";
import { stratifiedSample } from "./stratified_sample.ts";
import type { StsPair } from "./sts.ts";
import { requireUsableData } from "./usable_data.ts";
import type { SummarizationOptions, SummarizedDocument } from "./summarization.ts";
import type { ClassificationTask, MtebTask, RerankingTask, SingleTask } from "./tasks.ts";

/** Experiments of a classification, and the seed of every one. */
const CLASSIFICATION_PROTOCOL = { experiments: 10, seed: 42 } as const;

/** Rows of a minibatch, and the seed of every set. */
const CLUSTERING_PROTOCOL = { batchSize: 500, seed: 42 } as const;

/** Seed of the part of a test split that is scored. */
const SAMPLE_SEED = 42;

/** The data of a task over one data set, with the options that its scorer takes. */
export type SingleData =
  | { readonly kind: "sts"; readonly pairs: readonly StsPair[] }
  | { readonly kind: "classification"; readonly options: ClassificationOptions } & ClassificationData
  | { readonly kind: "retrieval"; readonly options: { readonly dropSelf: boolean } } & RetrievalData
  | { readonly kind: "reranking"; readonly options?: RerankingOptions } & RerankingData
  | { readonly kind: "clustering"; readonly options: ClusteringOptions } & ClusteringData
  | { readonly kind: "pair_classification"; readonly pairs: readonly LabelledPair[] }
  | {
    readonly kind: "summarization";
    readonly documents: readonly SummarizedDocument[];
    readonly options?: SummarizationOptions;
  };

/** One part of a group of tasks. */
export interface DataPart {
  readonly name: string;
  readonly data: SingleData;
}

/** The data of one MTEB task. */
export type MtebData = SingleData | { readonly kind: "group"; readonly parts: readonly DataPart[] };

/** Data with the files they were read from. */
export interface Loaded<T> {
  readonly data: T;
  readonly files: readonly DataFile[];
}

/**
 * Reads a task's data whole.
 *
 * @param profile whose data set, texts and protocol
 * @throws MissingError if the mirror does not hold them
 * @throws UsageError with task, file and row if a row is not what the task needs
 */
export async function loadTask(
  mirror: Mirror,
  task: MtebTask,
  profile: ScoringProfile = DEFAULT_PROFILE,
): Promise<Loaded<MtebData>> {
  if (!("parts" in task)) return loadUsable(mirror, pinned(task, profile), profile);
  const parts: DataPart[] = [], files: DataFile[] = [];
  for (const part of task.parts) {
    const loaded = await loadUsable(mirror, pinned(part, profile), profile);
    parts.push({ name: part.name, data: loaded.data });
    files.push(...loaded.files);
  }
  return { data: { kind: "group", parts }, files };
}

async function loadUsable(
  mirror: Mirror,
  task: SingleTask,
  profile: ScoringProfile,
): Promise<Loaded<SingleData>> {
  const loaded = await loadSingle(mirror, task, profile);
  requireUsableData(task.name, loaded.data, loaded.files);
  return loaded;
}

async function loadSingle(
  mirror: Mirror,
  task: SingleTask,
  profile: ScoringProfile,
): Promise<Loaded<SingleData>> {
  mirror = mirror.at(task.revision);
  const read = <T>(split: string, parse: (row: JsonlRow, source: RowSource) => T) =>
    mirror.split(task.name, task.repo, split, parse, { subset: task.subset });
  switch (task.category) {
    case "sts": {
      const { rows, file } = await read(task.split, stsRow);
      return { data: { kind: "sts", pairs: rows }, files: [file] };
    }
    case "classification":
      return loadClassification(
        task,
        await read("train", labelledRow),
        await read(task.split, labelledRow),
        profile,
      );
    case "retrieval": {
      const { data, files } = await loadRetrieval(mirror, task, profile);
      return { data: { kind: "retrieval", ...data, options: { dropSelf: task.dropSelf } }, files };
    }
    case "reranking":
      return loadReranking(mirror, task, profile);
    case "clustering": {
      const { rows, file } = await read(task.split, clusteringRow);
      const options = { ...CLUSTERING_PROTOCOL, sklearn: profile.sklearn.draws };
      return { data: { kind: "clustering", sets: rows, options }, files: [file] };
    }
    case "pair_classification": {
      const { rows, file } = await read(task.split, pairRows);
      return { data: { kind: "pair_classification", pairs: rows.flat() }, files: [file] };
    }
    case "summarization": {
      const { rows, file } = await read(task.split, summarizationRow);
      const options = task.legacy ? { options: { legacy: true } } : {};
      return { data: { kind: "summarization", documents: rows, ...options }, files: [file] };
    }
  }
}

function stsRow(row: JsonlRow, source: RowSource): StsPair {
  return {
    id: String(row.line),
    sentence1: stringColumn(row, "sentence1", source),
    sentence2: stringColumn(row, "sentence2", source),
    gold: numberColumn(row, "score", source),
  };
}

function labelledRow(row: JsonlRow, source: RowSource): LabelledText {
  return {
    id: String(row.line),
    text: stringColumn(row, "text", source),
    label: labelColumn(row, "label", source),
  };
}

function loadClassification(
  task: ClassificationTask,
  train: Split<LabelledText>,
  test: Split<LabelledText>,
  { sklearn }: ScoringProfile,
): Loaded<SingleData> {
  const isText = (row: LabelledText) => typeof row.label === "string", texts = isText(train.rows[0]!);
  for (const { rows, file } of [train, test]) {
    const other = rows.find((row) => isText(row) !== texts);
    if (other === undefined) continue;
    throw new UsageError(
      `${task.name}: "${file.path}" line ${other.id}: the label ${JSON.stringify(other.label)} is a ` +
        `${texts ? "number" : "string"}, that of the first training row a ${texts ? "string" : "number"}`,
      "labels of a data set are all numbers or all strings; fetch it again",
    );
  }
  const sample = task.testSample === undefined
    ? test.rows
    : stratifiedSample(test.rows.map((row) => row.label), task.testSample, SAMPLE_SEED).map((i) =>
      test.rows[i]!
    );
  const options = { ...CLASSIFICATION_PROTOCOL, probe: sklearn.probe, samplesPerLabel: task.samplesPerLabel };
  return {
    data: { kind: "classification", train: train.rows, test: sample, options },
    files: [train.file, test.file],
  };
}

async function loadReranking(
  mirror: Mirror,
  task: RerankingTask,
  profile: ScoringProfile,
): Promise<Loaded<SingleData>> {
  const options: { options?: RerankingOptions } = profile.mteb === "1.38.33"
    ? {}
    : { options: { metric: "map_at_1000", subqueries: task.subqueries === true } };
  if (profile.mteb === "2" && await mirror.hasSplit(task.repo, "top_ranked")) {
    const { queries, files } = await loadRankedCandidates(mirror, task, profile);
    return { data: { kind: "reranking", queries, ...options }, files };
  }
  const { rows, file } = await mirror.split(task.name, task.repo, task.split, rerankingRow);
  // Candidates are documents without a title to mteb 2, which trims those.
  const asDocuments = (texts: readonly string[]) => texts.map((text) => documentText("", text, profile));
  const queries = profile.mteb === "1.38.33" ? rows : rows.map((row) => ({
    ...row,
    positive: asDocuments(row.positive),
    negative: asDocuments(row.negative),
  }));
  return { data: { kind: "reranking", queries, ...options }, files: [file] };
}
