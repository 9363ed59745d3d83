/**
 * Rows of retrieval data sets, and of reranking data sets in the form that mteb 2 gave them: a corpus, queries and judgements.
 *
 * @module
 */
import { UsageError } from "#errors";
import { idColumn, type RowSource, stringColumn, stringListColumn } from "../../lib/data/columns.ts";
import type { DataFile } from "../../lib/data/data_file.ts";
import type { JsonlRow, Taker } from "../../lib/data/jsonl.ts";
import type { Judgement, Mirror, Split } from "../../lib/data/mirror.ts";
import { pythonStrip } from "../../lib/data/python_strip.ts";
import { StringIndex } from "../../lib/data/string_index.ts";
import { keyOf, textsByKey } from "../texts.ts";
import { Corpus, type IdentifiedText } from "./corpus.ts";
import type { ScoringProfile } from "./profile.ts";
import type { RerankingQuery } from "./reranking.ts";
import type { RetrievalData } from "./retrieval.ts";
import { RowIds } from "./row_ids.ts";
import type { RerankingTask, RetrievalTask } from "./tasks.ts";

/** Reads queries and judgements, and of the corpus the ids; queries without a judgement in the split are left out. */
export async function loadRetrieval(
  mirror: Mirror,
  task: RetrievalTask,
  profile: ScoringProfile,
): Promise<{ data: RetrievalData; files: readonly DataFile[] }> {
  const { corpus, queries, qrels } = await readTables(mirror, task, profile);
  const judgements = new Map<string, Map<string, number>>();
  for (const { query, document, relevance } of qrels.rows) {
    const judged = judgements.get(query) ?? new Map<string, number>();
    judgements.set(query, judged.set(document, relevance));
  }
  return {
    data: {
      queries: queries.rows.filter((query) => judgements.has(query.id)),
      documents: corpus.documents,
      judgements,
    },
    files: [corpus.file, queries.file, qrels.file],
  };
}

/**
 * Reads the candidates of each query from `top_ranked.jsonl` (`query-id`, `corpus-ids`) beside corpus, queries and judgements.
 * Queries of one task that share all but the last part of their ids ("12_0", "12_1") are texts of one query if the task says so.
 */
export async function loadRankedCandidates(
  mirror: Mirror,
  task: RerankingTask,
  profile: ScoringProfile,
): Promise<{ queries: readonly RerankingQuery[]; files: readonly DataFile[] }> {
  const { corpus, queries, qrels } = await readTables(mirror, task, profile);
  const texts = new Map<string, string>();
  await corpus.documents.read(({ id, text }) => void texts.set(id, text));
  const queryTexts = new Map(queries.rows.map((query) => [query.id, query.text]));
  const ranked = await mirror.split(task.name, task.repo, "top_ranked", (row, source) => ({
    line: row.line,
    query: idColumn(row, "query-id", source),
    documents: [...new Set(stringListColumn(row, "corpus-ids", source))],
  }));
  const relevant = new Map<string, Set<string>>();
  for (const { query, document, relevance } of qrels.rows) {
    const found = relevant.get(query) ?? new Set<string>();
    relevant.set(query, relevance > 0 ? found.add(document) : found);
  }
  const byId = new Map<string, RerankingQuery>();
  for (const { line, query, documents } of ranked.rows) {
    const text = queryTexts.get(query), positives = relevant.get(query);
    const unknown = documents.find((document) => !texts.has(document));
    if (text === undefined || unknown !== undefined) {
      throw new UsageError(
        `${task.name}: "${ranked.file.path}" line ${line} ranks ` +
          (text === undefined
            ? `for query "${query}", which "${queries.file.path}" does not hold`
            : `document "${unknown}", which "${corpus.file.path}" does not hold`),
        "fetch the data set again: its files do not belong together",
      );
    }
    if (positives === undefined) continue;
    const id = task.subqueries ? query.replace(/_[^_]*$/, "") : query;
    const positive = documents.filter((document) => positives.has(document));
    const negative = documents.filter((document) => !positives.has(document));
    const textsOf = (list: readonly string[]) => list.map((document) => texts.get(document)!);
    byId.set(id, {
      id,
      query: [...byId.get(id)?.query ?? [], text],
      positive: textsOf(positive),
      negative: textsOf(negative),
      candidateIds: [...positive, ...negative],
      unrankedRelevant: positives.size - positive.length,
    });
  }
  return { queries: [...byId.values()], files: [corpus.file, queries.file, qrels.file, ranked.file] };
}

/** Corpus, queries and judgements, which must belong together. */
async function readTables(mirror: Mirror, task: RetrievalTask | RerankingTask, profile: ScoringProfile) {
  const { name, repo, split } = task;
  const corpus = await readCorpus(mirror, task, profile);
  const queryIds = new RowIds();
  const queries = await mirror.split(name, repo, "queries", (row, source): IdentifiedText => ({
    id: queryIds.take(row, source),
    text: stringColumn(row, "text", source),
  }));
  const qrels = await mirror.judgements(name, repo, split);
  requireKnown(name, qrels, "document", corpus.documents.ids, corpus.file);
  requireKnown(name, qrels, "query", queryIds.ids, queries.file);
  return { corpus, queries, qrels };
}

/** Reads a corpus for the ids of its documents and the keys of their texts. */
async function readCorpus(
  mirror: Mirror,
  { name, repo }: RetrievalTask | RerankingTask,
  profile: ScoringProfile,
): Promise<{ documents: Corpus; file: DataFile }> {
  const scan = (take: Taker<[text: string, row: JsonlRow, source: RowSource]>) =>
    mirror.scan(name, repo, "corpus", (row, source) => {
      const title = stringColumn(row, "title", source), text = stringColumn(row, "text", source);
      return take(documentText(title, text, profile), row, source);
    });
  const rowIds = new RowIds(), keys = new StringIndex();
  const file = await scan((text, row, source) => {
    rowIds.take(row, source);
    keys.push(keyOf(text));
  });
  const texts = textsByKey(keys, async (onText) => {
    let place = 0;
    const again = await scan((text) => onText(text, place++));
    if (again.sha256 === file.sha256) return;
    throw new UsageError(
      `${name}: "${file.path}" was changed while it was in use`,
      "start again, and leave the data sets as they are until the end",
    );
  });
  return { documents: new Corpus(rowIds.ids, texts), file };
}

/** Title, blank, text: as mteb 1.16 to 1.39 join them, untrimmed, or as mteb 2 does. */
export function documentText(title: string, text: string, { mteb }: Pick<ScoringProfile, "mteb">): string {
  const joined = `${title} ${text}`;
  return mteb === "2" ? pythonStrip(joined) : joined;
}

function requireKnown(
  task: string,
  qrels: Split<Judgement>,
  what: "query" | "document",
  ids: StringIndex,
  file: DataFile,
): void {
  for (const judgement of qrels.rows) {
    if (ids.find(judgement[what]) >= 0) continue;
    throw new UsageError(
      `${task}: "${qrels.file.path}" line ${judgement.line} judges ${what} "${judgement[what]}", ` +
        `which "${file.path}" does not hold`,
      "fetch the data set again: its files do not belong together",
    );
  }
}
