/**
 * Reranking: order a query's own candidates by cosine, and compare with which of them are relevant.
 *
 * Reference: MTEB 1.38.33's `RerankingEvaluator`. Departure: of candidates with equal scores, `mrr` ranks the irrelevant ones
 * first, where MTEB leaves their order to the sort; a model that gives one embedding to every text gains nothing by it.
 *
 * @module
 */
import { UsageError } from "#errors";
import { normalised, type Score, type Vectors } from "../score.ts";
import { mean } from "../statistics.ts";
import { rankedAveragePrecision } from "./average_precision.ts";
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
}

/** A reranking task. */
export interface RerankingData {
  readonly queries: readonly RerankingQuery[];
}

/** The queries that are scored: those with a relevant and an irrelevant candidate. The others have nothing to order. */
export function rankableQueries({ queries }: RerankingData): RerankingQuery[] {
  return queries.filter(({ positive, negative }) => positive.length > 0 && negative.length > 0);
}

/**
 * Scores a reranking task; main metric `map`, the mean over queries of the average precision; beside it `mrr`, that of the
 * reciprocal rank among the first ten.
 *
 * @throws UsageError if no query has a relevant and an irrelevant candidate
 * @throws NumericError if an embedding is zero or not finite
 */
export function scoreReranking(data: RerankingData, vectors: Vectors): Score {
  const queries = rankableQueries(data);
  if (queries.length === 0) {
    throw new UsageError(
      `none of ${data.queries.length} queries has both a relevant and an irrelevant candidate`,
      "use a data set with both",
    );
  }
  const unit = (text: string) => normalised(vectors(text), `"${text.slice(0, 60)}"`);
  const items = queries.map(({ id, query, positive, negative }) => {
    const texts = query.map(unit);
    const scores = [...positive, ...negative].map((candidate) => {
      const candidateUnit = unit(candidate);
      return Math.max(...texts.map((text) => dot(text, candidateUnit)));
    });
    const relevant = scores.map((_, i) => Number(i < positive.length));
    return {
      id,
      value: rankedAveragePrecision(scores, relevant),
      reciprocalRank: reciprocalRank(scores, positive.length),
      scores,
      relevant: positive.length,
    };
  });
  const dropped = data.queries.length - queries.length;
  return {
    main: "map",
    aggregate: "mean",
    metrics: {
      map: mean(items.map((item) => item.value)),
      mrr: mean(items.map((item) => item.reciprocalRank)),
    },
    items,
    counts: {
      queries: queries.length,
      candidates: items.reduce((sum, item) => sum + item.scores.length, 0),
      dropped_queries: dropped,
    },
    warnings: dropped === 0 ? [] : [
      `${dropped} of ${data.queries.length} queries have no relevant or no irrelevant candidate and are not scored`,
    ],
  };
}

/** 1 / rank of the first relevant candidate, 0 if it is not among the first ten. The first `positives` are relevant. */
function reciprocalRank(scores: readonly number[], positives: number): number {
  const best = Math.max(...scores.slice(0, positives));
  const ahead = scores.filter((score, i) => i >= positives && score >= best).length;
  return ahead < MRR_CUTOFF ? 1 / (ahead + 1) : 0;
}
