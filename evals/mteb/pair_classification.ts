/**
 * Pair classification: how well the similarity of two sentences separates pairs that belong together from others.
 *
 * Reference: MTEB 1.38.33's `PairClassificationEvaluator`. Its `similarity_*` metrics are those of the model's own similarity,
 * which is the cosine here; they are not repeated.
 *
 * @module
 */
import { UsageError } from "#errors";
import type { Score, Vectors } from "../score.ts";
import { rankedAveragePrecision } from "./average_precision.ts";
import { distance, dot, pairedCosine } from "./similarity.ts";

/** Changes whenever the same embeddings would give other numbers. */
export const PAIR_CLASSIFICATION_SCORER = "pair_classification/1";

/** A labelled pair. */
export interface LabelledPair {
  readonly id: string;
  readonly sentence1: string;
  readonly sentence2: string;
  /** 1 if the sentences belong together. */
  readonly label: 0 | 1;
}

/** Best threshold of one measure, by accuracy and by F1. */
export interface BestThresholds {
  readonly accuracy: number;
  readonly accuracy_threshold: number;
  readonly f1: number;
  readonly f1_threshold: number;
  /** Precision and recall at the best F1. */
  readonly precision: number;
  readonly recall: number;
}

/** How two embeddings are compared; a distance has the sign -1: less of it means more alike. */
const MEASURES = { cosine: 1, manhattan: -1, euclidean: -1, dot: 1 } as const;

/** Metrics of which MTEB also reports the largest over the measures; thresholds of different measures do not compare. */
const MAXIMA = ["accuracy", "f1", "precision", "recall", "ap"] as const;

/**
 * Scores pairs; main metric `max_ap`, the largest average precision over cosine, dot product, and Manhattan and Euclidean
 * distance. `cosine_ap` is what older tables print: embeddings are not normalised, so a distance can win.
 *
 * @throws UsageError unless there are pairs of both labels
 * @throws NumericError if an embedding is zero or not finite
 */
export function scorePairClassification(pairs: readonly LabelledPair[], vectors: Vectors): Score {
  const labels = pairs.map((pair) => pair.label);
  const positive = labels.filter(Boolean).length;
  if (positive === 0 || positive === pairs.length) {
    throw new UsageError(
      `all ${pairs.length} pairs have the label ${labels[0]}: there is nothing to tell apart`,
      "use pairs of both labels",
    );
  }
  const compared = pairs.map(({ sentence1, sentence2 }) => {
    const a = vectors(sentence1), b = vectors(sentence2);
    return {
      cosine: pairedCosine(a, b, sentence1, sentence2),
      manhattan: distance(a, b, 1),
      euclidean: distance(a, b, 2),
      dot: dot(a, b),
    };
  });
  const metrics: Record<string, number> = {};
  for (const [measure, sign] of Object.entries(MEASURES) as [keyof typeof MEASURES, 1 | -1][]) {
    const values = compared.map((pair) => pair[measure]);
    const found: Record<string, number> = {
      ...bestThresholds(values, labels, sign),
      ap: rankedAveragePrecision(values.map((value) => sign * value), labels),
    };
    for (const [name, value] of Object.entries(found)) metrics[`${measure}_${name}`] = value;
  }
  for (const name of MAXIMA) {
    metrics[`max_${name}`] = Math.max(
      ...Object.keys(MEASURES).map((measure) => metrics[`${measure}_${name}`]!),
    );
  }
  return {
    main: "max_ap",
    aggregate: "max_ap",
    metrics,
    items: pairs.map(({ id, label }, i) => {
      const { cosine, manhattan, euclidean, dot } = compared[i]!;
      const similarities = { cosine, manhattan: -manhattan, euclidean: -euclidean, dot };
      return { id, gold: label, similarities };
    }),
    counts: { pairs: pairs.length, positive },
    warnings: [],
  };
}

/**
 * Best accuracy and F1 over the thresholds halfway between neighbours of the sorted values (float32), as MTEB searches them:
 * the first of equally good ones counts, taking all pairs is not tried, and a threshold may fall between equal values.
 *
 * @param sign 1 if greater values mean more alike, -1 if less
 */
export function bestThresholds(
  values: readonly number[],
  labels: readonly number[],
  sign: 1 | -1,
): BestThresholds {
  const order = values.map((_, i) => i).sort((a, b) => sign * (values[b]! - values[a]!));
  const positive = labels.filter(Boolean).length;
  let best = { accuracy: 0, accuracy_threshold: -1, f1: 0, f1_threshold: 0, precision: 0, recall: 0 };
  let hits = 0;
  for (let taken = 1; taken < order.length; taken++) {
    const i = order[taken - 1]!, next = order[taken]!;
    hits += labels[i]!;
    const threshold = Math.fround(Math.fround(values[i]! + values[next]!) / 2);
    const rejected = labels.length - positive - (taken - hits);
    const accuracy = (hits + rejected) / labels.length;
    if (accuracy > best.accuracy) best = { ...best, accuracy, accuracy_threshold: threshold };
    if (hits === 0) continue;
    const precision = hits / taken, recall = hits / positive;
    const f1 = 2 * precision * recall / (precision + recall);
    if (f1 > best.f1) best = { ...best, f1, f1_threshold: threshold, precision, recall };
  }
  return best;
}
