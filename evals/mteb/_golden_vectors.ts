/**
 * Embeddings of named texts, as `fixtures/golden/mteb/evaluators.py` writes them.
 *
 * @module
 */
import { float32, golden } from "../../fixtures/golden_data.ts";
import type { KeyedVectors } from "../score.ts";
import { keyOf } from "../texts.ts";

/** One case: texts with vectors, rows of the task, and what MTEB makes of them. */
export interface EvaluatorCase<Row> {
  readonly texts: readonly string[];
  readonly dimension: number;
  /** Base64 of [texts, dimension]. */
  readonly embeddings: string;
  readonly rows: readonly Row[];
  readonly metrics: Readonly<Record<string, number>>;
}

/** The cases of one evaluator. */
export function evaluatorCases<Row>(name: string): EvaluatorCase<Row>[] {
  return golden<Record<string, EvaluatorCase<Row>[]>>("mteb/evaluators.json")[name]!;
}

/** The vectors of a case by text. */
export function vectorsOf({ texts, dimension, embeddings }: EvaluatorCase<unknown>): KeyedVectors {
  const data = float32(embeddings);
  const rows = new Map(
    texts.map((text, i) => [keyOf(text), data.subarray(i * dimension, (i + 1) * dimension)]),
  );
  return (text) => rows.get(keyOf(text))!;
}
