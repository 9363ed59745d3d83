/**
 * Semantic textual similarity: how well the similarity of two sentences orders as people's judgements do.
 *
 * Reference: MTEB's STS evaluator (1.38.33), which uses scikit-learn's paired distances and scipy's correlations.
 *
 * @module
 */
import { NumericError, UsageError } from "#errors";
import type { Score, Vectors } from "../score.ts";
import { isConstant, pearson, spearman } from "../statistics.ts";
import { distance, pairedCosine } from "./similarity.ts";

/** Changes whenever the same embeddings would give other numbers. */
export const STS_SCORER = "sts/1";

/** A judged pair. */
export interface StsPair {
  readonly id: string;
  readonly sentence1: string;
  readonly sentence2: string;
  /** Judged similarity, on any scale. */
  readonly gold: number;
}

/**
 * Scores pairs; main metric `cosine_spearman`.
 *
 * @throws UsageError if all judgements are equal: a correlation with them does not exist
 * @throws NumericError if all similarities are equal, as a collapsed model makes them
 */
export function scoreSts(pairs: readonly StsPair[], vectors: Vectors): Score {
  const gold = pairs.map((pair) => pair.gold);
  const cosine: number[] = [], manhattan: number[] = [], euclidean: number[] = [];
  for (const { sentence1, sentence2 } of pairs) {
    const a = vectors(sentence1), b = vectors(sentence2);
    cosine.push(pairedCosine(a, b, sentence1, sentence2));
    manhattan.push(-distance(a, b, 1));
    euclidean.push(-distance(a, b, 2));
  }
  if (isConstant(gold)) {
    throw new UsageError(
      `all ${gold.length} judgements are equal (${gold[0]}): a correlation with them does not exist`,
      "use pairs that were judged differently",
    );
  }
  for (const [what, values] of Object.entries({ "cosine similarities": cosine, "distances": manhattan })) {
    if (!isConstant(values)) continue;
    throw new NumericError(
      `all ${values.length} ${what} are equal (${values[0]}): a correlation with them does not exist`,
      "the model has collapsed to one embedding for every text: evaluate an earlier checkpoint, or train with a lower " +
        "learning rate",
    );
  }
  return {
    main: "cosine_spearman",
    aggregate: "spearman",
    metrics: {
      cosine_spearman: spearman(gold, cosine),
      cosine_pearson: pearson(gold, cosine),
      manhattan_spearman: spearman(gold, manhattan),
      manhattan_pearson: pearson(gold, manhattan),
      euclidean_spearman: spearman(gold, euclidean),
      euclidean_pearson: pearson(gold, euclidean),
    },
    items: pairs.map((pair, i) => ({ id: pair.id, similarity: cosine[i]!, gold: pair.gold })),
    counts: { pairs: pairs.length },
    warnings: [],
  };
}
