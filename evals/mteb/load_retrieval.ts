/**
 * Rows of retrieval data sets, and of reranking data sets in the form that mteb 2 gave them: a corpus, queries and judgements.
 *
 * @module
 */
import { UsageError } from "#errors";
import { idColumn, type RowSource, stringColumn, stringListColumn } from "../../lib/data/columns.ts";
import type { DataFile } from "../../lib/data/data_file.ts";
import type { JsonlRow } from "../../lib/data/jsonl.ts";
import type { Judgement, Mirror, Split } from "../../lib/data/mirror.ts";
import { pythonStrip } from "../../lib/data/python_strip.ts";
import type { ScoringProfile } from "./profile.ts";
import type { RerankingQuery } from "./reranking.ts";
import type { IdentifiedText, RetrievalData } from "./retrieval.ts";
import type { RerankingTask, RetrievalTask } from "./tasks.ts";

/** Reads corpus, queries and judgements; queries without a judgement in the split are left out. */
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
      documents: corpus.rows,
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
  const texts = new Map(corpus.rows.map((document) => [document.id, document.text]));
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
  const seen = new Map<string, number>();
  const own = (row: JsonlRow, source: RowSource): string => {
    const id = idColumn(row, "_id", source);
    const key = `${source.file} ${id}`, before = seen.get(key);
    if (before !== undefined) {
      throw new UsageError(
        `${name}: "${source.file}" line ${row.line} has the id "${id}" of line ${before}`,
        "every row needs an id of its own; fetch the data set again",
      );
    }
    seen.set(key, row.line);
    return id;
  };
  const corpus = await mirror.split(name, repo, "corpus", (row, source): IdentifiedText => ({
    id: own(row, source),
    text: documentText(stringColumn(row, "title", source), stringColumn(row, "text", source), profile),
  }));
  const queries = await mirror.split(name, repo, "queries", (row, source): IdentifiedText => ({
    id: own(row, source),
    text: stringColumn(row, "text", source),
  }));
  const qrels = await mirror.judgements(name, repo, split);
  requireKnown(name, qrels, corpus, "document");
  requireKnown(name, qrels, queries, "query");
  return { corpus, queries, qrels };
}

/** Title, blank, text: as mteb 1.16 to 1.39 join them, untrimmed, or as mteb 2 does. */
export function documentText(title: string, text: string, { mteb }: Pick<ScoringProfile, "mteb">): string {
  const joined = `${title} ${text}`;
  return mteb === "2" ? pythonStrip(joined) : joined;
}

function requireKnown(
  task: string,
  qrels: Split<Judgement>,
  { rows, file }: Split<IdentifiedText>,
  what: "query" | "document",
): void {
  const known = new Set(rows.map(({ id }) => id));
  for (const judgement of qrels.rows) {
    if (known.has(judgement[what])) continue;
    throw new UsageError(
      `${task}: "${qrels.file.path}" line ${judgement.line} judges ${what} "${judgement[what]}", ` +
        `which "${file.path}" does not hold`,
      "fetch the data set again: its files do not belong together",
    );
  }
}
