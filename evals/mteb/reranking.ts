/**
 * Reranking: order a query's own candidates by cosine, and compare with which of them are relevant.
 *
 * Reference: MTEB 1.38.33's `RerankingEvaluator`, and for the metric `map_at_1000` mteb 2, which ranks the candidates as a
 * retrieval among them. Departure of `map`: of candidates with equal scores, `mrr` ranks the irrelevant ones
 * first, where MTEB leaves their order to the sort; a model that gives one embedding to every text gains nothing by it.
 *
 * @module
 */
import { UsageError } from "#errors";
import { normalised, type Score, type TextRole, type Vectors } from "../score.ts";
import { mean } from "../statistics.ts";
import { rankedAveragePrecision } from "./average_precision.ts";
import { meanRankingMetrics, rank, rankingMetrics } from "./retrieval.ts";
import { dot } from "./similarity.ts";

/** Changes whenever the same embeddings would give other numbers. */
export const RERANKING_SCORER = "reranking/1";

/** Rank up to which a relevant candidate counts for `mrr`. */
const MRR_CUTOFF = 10;

/** A query with its candidates. */
export interface RerankingQuery {
  readonly id: string;
  /** The query's texts: one, or several of which the closest to a candidate counts (MindSmallReranking). */
  readonly query: readonly string[];
  readonly positive: readonly string[];
  readonly negative: readonly string[];
  /** Ids of the candidates, the relevant ones first; absent where the data set has none. Only `map_at_1000` looks at them. */
  readonly candidateIds?: readonly string[];
  /** Relevant documents that are not among the candidates, and so cannot be found. */
  readonly unrankedRelevant?: number;
}

/** A reranking task. */
export interface RerankingData {
  readonly queries: readonly RerankingQuery[];
}

/** Whose metric. Without options it is `map` as mteb 1.38.33 defines it. */
export interface RerankingOptions {
  readonly metric: "map_at_1000";
  /** Whether queries have several texts: mteb then calls the metrics `max_over_subqueries_*`. */
  readonly subqueries: boolean;
}

/** The queries that are scored: those with a relevant and an irrelevant candidate. The others have nothing to order. */
export function rankableQueries({ queries }: RerankingData): RerankingQuery[] {
  return queries.filter(({ positive, negative }) => positive.length > 0 && negative.length > 0);
}

/**
 * Scores a reranking task; main metric `map`, the mean over queries of the average precision; beside it `mrr`, that of the
 * reciprocal rank among the first ten. With the options of mteb 2, the main metric is `map_at_1000`, beside all metrics of a
 * retrieval.
 *
 * @throws UsageError if no query has a relevant and an irrelevant candidate
 * @throws NumericError if an embedding is zero or not finite
 */
export function scoreReranking(data: RerankingData, vectors: Vectors, options?: RerankingOptions): Score {
  const queries = rankableQueries(data);
  if (queries.length === 0) {
    throw new UsageError(
      `none of ${data.queries.length} queries has both a relevant and an irrelevant candidate`,
      "use a data set with both",
    );
  }
  const unit = (role: TextRole) => (text: string) =>
    normalised(vectors(text, role), `"${text.slice(0, 60)}"`);
  const queryUnit = unit("query"), candidateUnit = unit("passage");
  const scored = queries.map((row) => {
    const texts = row.query.map(queryUnit);
    const scores = [...row.positive, ...row.negative].map((candidate) => {
      const found = candidateUnit(candidate);
      return Math.max(...texts.map((text) => dot(text, found)));
    });
    return { row, scores };
  });
  const dropped = data.queries.length - queries.length;
  return {
    ...(options === undefined ? averagePrecisions(scored) : trecMetrics(scored, options)),
    aggregate: "mean",
    counts: {
      queries: queries.length,
      candidates: scored.reduce((sum, { scores }) => sum + scores.length, 0),
      dropped_queries: dropped,
      rows: data.queries.length,
    },
    warnings: dropped === 0 ? [] : [
      `${dropped} of ${data.queries.length} queries have no relevant or no irrelevant candidate and are not scored`,
    ],
  };
}

/** A query with the scores of its candidates, the relevant ones first. */
interface ScoredQuery {
  readonly row: RerankingQuery;
  readonly scores: readonly number[];
}

function averagePrecisions(queries: readonly ScoredQuery[]): Pick<Score, "main" | "metrics" | "items"> {
  const items = queries.map(({ row: { id, positive }, scores }) => ({
    id,
    value: rankedAveragePrecision(scores, scores.map((_, i) => Number(i < positive.length))),
    reciprocalRank: reciprocalRank(scores, positive.length),
    scores,
    relevant: positive.length,
  }));
  return {
    main: "map",
    metrics: {
      map: mean(items.map((item) => item.value)),
      mrr: mean(items.map((item) => item.reciprocalRank)),
    },
    items,
  };
}

/** mteb 2: ranks as trec_eval does, ties by document id descending; relevant documents that are no candidates count as missed. */
function trecMetrics(
  queries: readonly ScoredQuery[],
  { subqueries }: RerankingOptions,
): Pick<Score, "main" | "metrics" | "items"> {
  const prefix = subqueries ? "max_over_subqueries_" : "";
  const perQuery = queries.map(({ row, scores }) => {
    const ids = row.candidateIds ?? madeUpIds(row);
    const relevant = [
      ...ids.slice(0, row.positive.length),
      ...Array.from({ length: row.unrankedRelevant ?? 0 }, (_, i) => `not a candidate ${i}`),
    ];
    const ranking = rank(ids.map((id, i) => ({ id, score: scores[i]! }))).map(({ id }) => id);
    return rankingMetrics(ranking, new Map(relevant.map((id) => [id, 1])));
  });
  return {
    main: `${prefix}map_at_1000`,
    metrics: Object.fromEntries(
      Object.entries(meanRankingMetrics(perQuery)).map(([name, value]) => [`${prefix}${name}`, value]),
    ),
    items: queries.map(({ row, scores }, i) => ({
      id: row.id,
      value: perQuery[i]!["map_at_1000"]!,
      scores,
      relevant: row.positive.length,
    })),
  };
}

/** Ids that mteb 2 makes up for candidates without: of equal scores, the irrelevant candidates are ranked first. */
function madeUpIds({ positive, negative }: RerankingQuery): string[] {
  const number = (i: number) => String(i).padStart(5, "0");
  return [
    ...positive.map((_, i) => `apositive_${number(i)}`),
    ...negative.map((_, i) => `negative_${number(i)}`),
  ];
}

/** 1 / rank of the first relevant candidate, 0 if it is not among the first ten. The first `positives` are relevant. */
function reciprocalRank(scores: readonly number[], positives: number): number {
  const best = Math.max(...scores.slice(0, positives));
  const ahead = scores.filter((score, i) => i >= positives && score >= best).length;
  return ahead < MRR_CUTOFF ? 1 / (ahead + 1) : 0;
}
