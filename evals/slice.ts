/**
 * Fixed small parts of data sets, for machines on which a whole benchmark takes days.
 *
 * One rule for all of them: rows are ordered by the SHA-256 of their content, the first ones are taken, and the
 * taken rows keep the order of the file. The choice depends on nothing but the rows' content, so that everyone
 * gets the same part, and nobody could have picked it for its score.
 *
 * @module
 */
import { UsageError } from "#errors";
import { sha256Hex } from "../lib/manifest/hash.ts";
import type { ClusteringSet } from "./mteb/clustering.ts";
import { Corpus, type IdentifiedText } from "./mteb/corpus.ts";
import type { MtebData } from "./mteb/load.ts";
import type { LabelledPair } from "./mteb/pair_classification.ts";
import { rankableQueries, type RerankingQuery } from "./mteb/reranking.ts";
import type { SummarizedDocument } from "./mteb/summarization.ts";
import type { TaskData } from "./task_data.ts";

/** Which part of a task's data to take. */
export type Slice =
  | { readonly kind: "sts"; readonly pairs: number }
  | {
    readonly kind: "classification";
    readonly labels: number;
    readonly trainPerLabel: number;
    readonly testPerLabel: number;
  }
  /** Queries with all their relevant documents, and documents that are relevant to none of them. */
  | { readonly kind: "retrieval"; readonly queries: number; readonly distractors: number }
  /** Queries with all their candidates. */
  | { readonly kind: "reranking"; readonly queries: number }
  /** Sets with all their sentences, or with that many of each label. */
  | { readonly kind: "clustering"; readonly sets: number; readonly perLabel?: number }
  | { readonly kind: "pair_classification"; readonly pairs: number }
  /** Documents with all their summaries. */
  | { readonly kind: "summarization"; readonly documents: number }
  | { readonly kind: "gsm8k"; readonly items: number }
  | { readonly kind: "mmlu"; readonly items: number }
  | { readonly kind: "triviaqa" | "fever" | "humaneval"; readonly items: number }
  | { readonly kind: "bbh"; readonly perSubtask: number };

/**
 * The rows with the smallest content hashes, in their original order.
 *
 * @param content the fields that identify a row; equal content keeps the order of the rows
 * @throws UsageError if there are fewer than `count` rows: a smaller part must not pass under the same name
 */
export function takeByHash<T>(
  rows: readonly T[],
  count: number,
  content: (row: T) => readonly unknown[],
): T[] {
  const first = new FirstByHash(count, content);
  for (const row of rows) first.offer(row);
  return first.taken();
}

/** {@linkcode takeByHash} of rows that come one by one: a few times as many are in memory as are taken. */
class FirstByHash<T> {
  #offered = 0;
  #kept: { readonly row: T; readonly index: number; readonly hash: string }[] = [];

  constructor(readonly count: number, readonly content: (row: T) => readonly unknown[]) {}

  offer(row: T): void {
    const hash = sha256Hex(JSON.stringify(this.content(row)));
    this.#kept.push({ row, index: this.#offered++, hash });
    if (this.#kept.length > 2 * this.count + 1000) this.#cut();
  }

  /** @throws UsageError if fewer rows were offered than are to be taken */
  taken(): T[] {
    if (this.#offered < this.count) {
      throw new UsageError(
        `the slice takes ${this.count} rows, but there are only ${this.#offered}`,
        "use the data set in full, or a suite with smaller slices",
      );
    }
    this.#cut();
    return this.#kept.sort((a, b) => a.index - b.index).map(({ row }) => row);
  }

  #cut(): void {
    this.#kept.sort((a, b) => (a.hash < b.hash ? -1 : a.hash > b.hash ? 1 : a.index - b.index));
    this.#kept.length = Math.min(this.#kept.length, this.count);
  }
}

/**
 * Takes a slice of a task's data.
 *
 * @throws UsageError if the data have fewer rows than the slice takes, or are of another kind
 */
export function takeSlice<T extends TaskData>(data: T, slice: Slice): Promise<T>;
export async function takeSlice(data: TaskData, slice: Slice): Promise<TaskData> {
  if (data.kind === "sts" && slice.kind === "sts") {
    const pairs = takeByHash(data.pairs, slice.pairs, (pair) => [pair.sentence1, pair.sentence2, pair.gold]);
    return { ...data, pairs };
  }
  if (data.kind === "classification" && slice.kind === "classification") {
    return sliceClassification(data, slice);
  }
  if (data.kind === "retrieval" && slice.kind === "retrieval") return await sliceRetrieval(data, slice);
  if (data.kind === "reranking" && slice.kind === "reranking") {
    const content = ({ query, positive, negative }: RerankingQuery) => [query, positive, negative];
    return { ...data, queries: takeByHash(rankableQueries(data), slice.queries, content) };
  }
  if (data.kind === "clustering" && slice.kind === "clustering") {
    return sliceClustering(data, slice);
  }
  if (data.kind === "pair_classification" && slice.kind === "pair_classification") {
    const content = ({ sentence1, sentence2, label }: LabelledPair) => [sentence1, sentence2, label];
    return { ...data, pairs: takeByHash(data.pairs, slice.pairs, content) };
  }
  if (data.kind === "summarization" && slice.kind === "summarization") {
    const content = (row: SummarizedDocument) => [row.humanSummaries, row.machineSummaries, row.relevance];
    return { ...data, documents: takeByHash(data.documents, slice.documents, content) };
  }
  if (data.kind === "gsm8k" && slice.kind === "gsm8k") {
    const items = takeByHash(data.items, slice.items, (item) => [item.question]);
    return { ...data, items };
  }
  if (data.kind === "mmlu" && slice.kind === "mmlu") {
    return { ...data, items: takeByHash(data.items, slice.items, (item) => [item.subject, item.question]) };
  }
  if (data.kind === "triviaqa" && slice.kind === "triviaqa") {
    return { ...data, items: takeByHash(data.items, slice.items, (item) => [item.question]) };
  }
  if (data.kind === "fever" && slice.kind === "fever") {
    return { ...data, items: takeByHash(data.items, slice.items, (item) => [item.claim]) };
  }
  if (data.kind === "humaneval" && slice.kind === "humaneval") {
    return { ...data, items: takeByHash(data.items, slice.items, (item) => [item.code]) };
  }
  if (data.kind === "bbh" && slice.kind === "bbh") {
    const parts = Map.groupBy(data.items, (item) => item.subtask).values();
    const taken = new Set(
      parts.flatMap((part) => takeByHash(part, slice.perSubtask, (item) => [item.subtask, item.input])),
    );
    return { ...data, items: data.items.filter((item) => taken.has(item)) };
  }
  throw new UsageError(`a ${slice.kind} slice cannot be taken of ${data.kind} data`, "correct the suite");
}

function sliceClustering(
  data: Extract<MtebData, { kind: "clustering" }>,
  { sets: count, perLabel }: Extract<Slice, { kind: "clustering" }>,
): MtebData {
  const sets = takeByHash(data.sets, count, (set) => [set.sentences, set.labels]);
  if (perLabel === undefined) return { ...data, sets };
  const part = (set: ClusteringSet): ClusteringSet => {
    const rows = set.sentences.map((sentence, i) => ({ sentence, label: set.labels[i]! }));
    const byLabel = [...Map.groupBy(rows, ({ label }) => label).values()];
    const taken = new Set(byLabel.flatMap((own) => takeByHash(own, perLabel, (row) => [row.sentence])));
    const kept = rows.filter((row) => taken.has(row));
    return {
      ...set,
      sentences: kept.map(({ sentence }) => sentence),
      labels: kept.map(({ label }) => label),
    };
  };
  return { ...data, sets: sets.map(part) };
}

function sliceClassification(
  data: Extract<MtebData, { kind: "classification" }>,
  slice: Extract<Slice, { kind: "classification" }>,
): MtebData {
  const labels = takeByHash(
    [...new Set(data.train.map((row) => row.label))],
    slice.labels,
    (label) => [label],
  );
  const perLabel = (rows: typeof data.train, count: number) => {
    const taken = new Set(
      labels.flatMap((label) =>
        takeByHash(rows.filter((row) => row.label === label), count, (row) => [row.text])
      ),
    );
    return rows.filter((row) => taken.has(row));
  };
  return {
    ...data,
    train: perLabel(data.train, slice.trainPerLabel),
    test: perLabel(data.test, slice.testPerLabel),
  };
}

async function sliceRetrieval(
  data: Extract<MtebData, { kind: "retrieval" }>,
  slice: Extract<Slice, { kind: "retrieval" }>,
): Promise<MtebData> {
  const queries = takeByHash(data.queries, slice.queries, (query) => [query.text]);
  const judgements = new Map(queries.map((query) => [query.id, data.judgements.get(query.id)!]));
  const relevant = new Set([...judgements.values()].flatMap((judged) => [...judged.keys()]));
  type Placed = IdentifiedText & { readonly place: number };
  const wanted: Placed[] = [];
  const distractors = new FirstByHash<Placed>(slice.distractors, ({ id, text }) => [id, text]);
  await data.documents.read((document, place) => {
    if (relevant.has(document.id)) wanted.push({ ...document, place });
    else distractors.offer({ ...document, place });
  });
  const documents = [...wanted, ...distractors.taken()].sort((a, b) => a.place - b.place);
  return { ...data, queries, judgements, documents: Corpus.of(documents) };
}
