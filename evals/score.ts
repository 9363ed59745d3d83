/**
 * What a scorer returns: the same form for every task.
 *
 * @module
 */
import { NumericError } from "#errors";
import type { TextOrKey } from "./texts.ts";

/**
 * One scored item, as it is stored. `id` names the item within its task; `value` is what the main metric
 * averages (a correctness, an nDCG), and an item without it is recorded but not scored; items of a correlation
 * have `similarity` and `gold` instead, items of an average precision `similarities` and `gold` (0 or 1).
 */
export interface ScoredItem {
  readonly id: string;
  readonly value?: number;
  readonly similarity?: number;
  /** By measure; greater means more alike. */
  readonly similarities?: Readonly<Record<string, number>>;
  readonly gold?: number;
  /** Part of the task that the item belongs to, where the metric is the mean over parts. */
  readonly group?: string;
  readonly [detail: string]: unknown;
}

/**
 * How the main metric follows from the items, so that it can be recomputed on a resample of them: the mean of their values,
 * the rank correlation of similarity and gold, or the largest average precision over the measures of similarity. Of items in
 * groups, it is the plain mean of that over the groups.
 */
export type Aggregate = "mean" | "spearman" | "max_ap";

/** Result of one task. Metrics are fractions (0.6543, not 65.43). */
export interface Score {
  /** Name of the main metric, a key of `metrics`. */
  readonly main: string;
  readonly aggregate: Aggregate;
  readonly metrics: Readonly<Record<string, number>>;
  readonly items: readonly ScoredItem[];
  /** Whole numbers behind the metrics: items, correct answers, answers without a result. */
  readonly counts: Readonly<Record<string, number>>;
  /** Findings a reader should know before quoting the score, as sentences. */
  readonly warnings: readonly string[];
}

/** What a text is in a task that searches: some models embed a query otherwise than what it is to find. */
export type TextRole = "query" | "passage";

/** The stored embedding of a text, in a role where it has one. Throws if there is none. */
export type Vectors = (text: string, role?: TextRole) => Float32Array;

/** The same, also of texts that are not in memory. */
export type KeyedVectors = (text: TextOrKey, role?: TextRole) => Float32Array;

/**
 * Rows scaled to length 1 in float32, as the reference does before every cosine.
 *
 * @throws NumericError if a vector is zero or not finite: a model that returns one has failed
 */
export function normalised(vector: Float32Array, what: string): Float32Array {
  let squares = 0;
  for (let i = 0; i < vector.length; i++) squares += vector[i]! ** 2;
  const norm = Math.fround(Math.sqrt(squares));
  if (!(norm > 0 && norm < Infinity)) {
    throw new NumericError(`the embedding of ${what} has length ${norm}`, "the encoder failed on this text");
  }
  const unit = new Float32Array(vector.length);
  for (let i = 0; i < unit.length; i++) unit[i] = vector[i]! / norm;
  return unit;
}

/** Whether all numbers of a vector are finite. */
export function allFinite(vector: Float32Array): boolean {
  // Only of a number that is not finite, the difference to itself is not 0.
  for (let i = 0; i < vector.length; i++) if (vector[i]! - vector[i]! !== 0) return false;
  return true;
}
