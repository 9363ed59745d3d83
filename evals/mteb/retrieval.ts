/**
 * Retrieval: rank all documents for each query by cosine, and compare with the relevance judgements.
 *
 * Reference: MTEB 1.38.33 with pytrec_eval. Departure: `mrr_at_k` uses the same ranking as the other metrics,
 * where MTEB breaks ties by the order of a heap.
 *
 * @module
 */
import { UsageError } from "#errors";
import { type KeyedVectors, normalised, type Score, type ScoredItem } from "../score.ts";
import { mean } from "../statistics.ts";
import type { Corpus, IdentifiedText } from "./corpus.ts";
import { compareCodePoints, TopDocuments } from "./top_documents.ts";

/** Changes whenever the same embeddings would give other numbers. */
export const RETRIEVAL_SCORER = "retrieval/1";

/** Cut-offs at which metrics are reported. */
export const CUTOFFS = [1, 3, 5, 10, 20, 100, 1000] as const;

/** Documents kept for each query before anything is removed or scored. */
const RESULTS_PER_QUERY = 1000;

/** Documents of each query that an item shows. */
const TOP = 10;

/** Documents that are compared with all queries before the next: enough to keep their vectors in a processor's cache. */
const BLOCK = 1024;

/** Relevance of judged documents: query id to document id to a whole number. */
export type Judgements = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** A retrieval task. */
export interface RetrievalData {
  readonly queries: readonly IdentifiedText[];
  readonly documents: Corpus;
  readonly judgements: Judgements;
}

/** A document with its score for one query. */
export interface Hit {
  readonly id: string;
  readonly score: number;
}

/**
 * Scores a retrieval task; main metric `ndcg_at_10`. Means over queries are rounded to five decimals as in MTEB.
 *
 * @param options.dropSelf remove a document whose id equals the query's, after the best 1,000 were taken
 * @throws UsageError if a query has no judgement
 */
export function scoreRetrieval(
  data: RetrievalData,
  vectors: KeyedVectors,
  options: { readonly dropSelf: boolean },
): Score {
  const judgements = data.queries.map((query) => {
    const judged = data.judgements.get(query.id);
    if (judged !== undefined) return judged;
    throw new UsageError(`query "${query.id}" has no relevance judgement`, "drop it from the task");
  });
  const best = bestDocuments(data, vectors);
  const items: ScoredItem[] = [];
  const perQuery: Record<string, number>[] = [];
  for (const [q, query] of data.queries.entries()) {
    const judged = judgements[q]!, { ids } = data.documents;
    // By their places: of most hits, neither the id nor the rank is asked for.
    const own = options.dropSelf ? ids.find(query.id) : -1, ownRank = best.rankOf(q, own);
    const found: RelevantHit[] = [];
    for (const [id, gain] of judged) {
      const index = ids.find(id), rank = gain > 0 && index !== own ? best.rankOf(q, index) : 0;
      if (rank > 0) found.push({ rank: ownRank > 0 && ownRank < rank ? rank - 1 : rank, gain });
    }
    found.sort((a, b) => a.rank - b.rank);
    const top = best.first(q, TOP + 1).filter(({ index }) => index !== own).slice(0, TOP);
    const metrics = gainMetrics(found, judged);
    perQuery.push(metrics);
    items.push({
      id: query.id,
      value: metrics["ndcg_at_10"]!,
      relevantRanks: found.map(({ rank }) => rank),
      top10: top.map(({ index, score }): Hit => ({ id: ids.at(index), score })),
    });
  }
  return {
    main: "ndcg_at_10",
    aggregate: "mean",
    metrics: meanRankingMetrics(perQuery),
    items,
    counts: { queries: data.queries.length, documents: data.documents.size },
    warnings: [],
  };
}

/** Compares all queries with the documents, of which one block has its vectors in memory here at a time. */
function bestDocuments({ queries, documents }: RetrievalData, vectors: KeyedVectors): TopDocuments {
  const { ids, texts } = documents;
  const units = queries.map(({ id, text }) => normalised(vectors(text, "query"), `query ${id}`));
  const dimension = units[0]?.length ?? 0;
  const all = new Float32Array(units.length * dimension);
  units.forEach((unit, i) => all.set(unit, i * dimension));
  const best = new TopDocuments(all, dimension, RESULTS_PER_QUERY, (place) => ids.at(place));
  for (let first = 0; first < texts.size; first += BLOCK) {
    const rows = Math.min(BLOCK, texts.size - first), block = new Float32Array(rows * dimension);
    for (let i = 0; i < rows; i++) {
      const vector = vectors(texts.at(first + i), "passage");
      block.set(normalised(vector, `document ${ids.at(first + i)}`), i * dimension);
    }
    best.add(block, first);
  }
  return best;
}

/** trec_eval's order: score descending, ties by document id descending (byte order). */
export function rank(hits: readonly Hit[]): Hit[] {
  return [...hits].sort((a, b) => b.score - a.score || compareCodePoints(b.id, a.id));
}

/** A relevant document in a ranking. */
interface RelevantHit {
  /** From 1. */
  readonly rank: number;
  /** Above 0. */
  readonly gain: number;
}

/** The relevant ones of a ranking's documents, best first, by the relevance of each. */
function relevantHits(gains: readonly (number | undefined)[]): RelevantHit[] {
  const hits: RelevantHit[] = [];
  gains.forEach((gain, i) => gain !== undefined && gain > 0 && hits.push({ rank: i + 1, gain }));
  return hits;
}

/**
 * nDCG, MAP, recall, precision and MRR at every cut-off for one query.
 *
 * @param ranking document ids, best first
 * @param judged relevance by document id; 0 and less count as not relevant, and so do documents not judged
 */
export function rankingMetrics(
  ranking: readonly string[],
  judged: ReadonlyMap<string, number>,
): Record<string, number> {
  return gainMetrics(relevantHits(ranking.map((id) => judged.get(id))), judged);
}

function gainMetrics(
  hits: readonly RelevantHit[],
  judged: ReadonlyMap<string, number>,
): Record<string, number> {
  const ideal = [...judged.values()].filter((gain) => gain > 0).sort((a, b) => b - a)
    .map((gain, i) => ({ rank: i + 1, gain }));
  const metrics: Record<string, number> = {};
  for (const k of CUTOFFS) {
    const found = hits.filter(({ rank }) => rank <= k);
    const precisions = found.reduce((sum, { rank }, i) => sum + (i + 1) / rank, 0);
    const idealGain = discountedGain(ideal, k);
    metrics[`ndcg_at_${k}`] = idealGain > 0 ? discountedGain(found, k) / idealGain : 0;
    metrics[`map_at_${k}`] = ideal.length > 0 ? precisions / ideal.length : 0;
    metrics[`recall_at_${k}`] = ideal.length > 0 ? found.length / ideal.length : 0;
    metrics[`precision_at_${k}`] = found.length / k;
    metrics[`mrr_at_${k}`] = found.length > 0 ? 1 / found[0]!.rank : 0;
  }
  return metrics;
}

/** Means over queries of {@linkcode rankingMetrics}, rounded to five decimals as mteb rounds them. */
export function meanRankingMetrics(
  perQuery: readonly Readonly<Record<string, number>>[],
): Record<string, number> {
  const names = Object.keys(perQuery[0] ?? {});
  return Object.fromEntries(names.map((name) => [name, round5(mean(perQuery.map((m) => m[name]!)))]));
}

/** DCG@k with linear gain: the sum of gain / log2(rank + 1). */
function discountedGain(hits: readonly RelevantHit[], k: number): number {
  return hits.reduce((sum, { rank, gain }) => rank <= k ? sum + gain / Math.log2(rank + 1) : sum, 0);
}

function round5(value: number): number {
  return Number(value.toFixed(5));
}
