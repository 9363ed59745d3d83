/**
 * Semantic textual similarity: how well the similarity of two sentences orders as people's judgements do.
 *
 * Reference: MTEB's STS evaluator (1.38.33), which uses scikit-learn's paired distances and scipy's correlations.
 *
 * @module
 */
import { NumericError, UsageError } from "#errors";
import { normalised, type Score, type Vectors } from "../score.ts";
import { pearson, spearman } from "../statistics.ts";

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

/** scikit-learn's paired cosine, in float32: 1 - ½ ‖a/‖a‖ - b/‖b‖‖². */
function pairedCosine(a: Float32Array, b: Float32Array, textA: string, textB: string): number {
  const x = normalised(a, `"${textA.slice(0, 60)}"`), y = normalised(b, `"${textB.slice(0, 60)}"`);
  let squares = 0;
  for (let i = 0; i < x.length; i++) squares += Math.fround(x[i]! - y[i]!) ** 2;
  return Math.fround(1 - Math.fround(0.5 * Math.fround(squares)));
}

function distance(a: Float32Array, b: Float32Array, power: 1 | 2): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs(Math.fround(a[i]! - b[i]!)) ** power;
  return Math.fround(power === 1 ? sum : Math.sqrt(sum));
}

function isConstant(values: readonly number[]): boolean {
  return values.every((value) => value === values[0]);
}
