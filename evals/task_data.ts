/**
 * What a suite holds once its data are read: one closed union over all kinds of tasks, and its content hash.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { type GeneralData } from "./general/load.ts";
import { generalScorer, isGeneral } from "./general/general_task.ts";
import type { MtebData } from "./mteb/load.ts";
import { rankableQueries } from "./mteb/reranking.ts";
import { mtebScorer } from "./mteb/score_task.ts";

/** Data of any task. */
export type TaskData = MtebData | GeneralData;

/** Version of the scorer of some data: part of what makes two scores comparable. */
export function scorerOf(data: TaskData): string {
  return isGeneral(data) ? generalScorer(data) : mtebScorer(data);
}

/**
 * SHA-256 of everything that is scored: texts, labels, judgements, prompts and options, in order. It does not
 * depend on how the files were packed, or on rows that are not used.
 */
export function contentSha256(data: TaskData): string {
  const hash = createHash("sha256");
  for (const piece of jsonPieces(data)) hash.update(piece);
  return hash.digest("hex");
}

/**
 * JSON of a value, maps as lists of pairs, in pieces: all of a corpus is longer than a string may be. Lists are taken apart, at
 * whatever depth, until their elements are none.
 */
export function* jsonPieces(value: unknown): Generator<string> {
  if (value instanceof Map) return yield* jsonPieces([...value]);
  if (Array.isArray(value) && value.some(isStructure)) {
    yield "[";
    for (const [i, element] of value.entries()) {
      if (i > 0) yield ",";
      yield* jsonPieces(element);
    }
    return yield "]";
  }
  if (isStructure(value) && !Array.isArray(value)) {
    let separator = "{";
    for (const [key, field] of Object.entries(value)) {
      if (field === undefined) continue;
      yield `${separator}${JSON.stringify(key)}:`;
      yield* jsonPieces(field);
      separator = ",";
    }
    return yield separator === "{" ? "{}" : "}";
  }
  yield JSON.stringify(value) ?? "null";
}

function isStructure(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** Number of items that the score is a mean, a correlation or an average precision over. */
export function itemCount(data: TaskData): number {
  switch (data.kind) {
    case "group":
      return data.parts.reduce((sum, part) => sum + itemCount(part.data), 0);
    case "sts":
    case "pair_classification":
      return data.pairs.length;
    case "classification":
      return data.test.length;
    case "retrieval":
      return data.queries.length;
    case "reranking":
      return rankableQueries(data).length;
    case "clustering":
      return data.sets.length;
    case "summarization":
      return data.documents.length;
    case "gsm8k":
    case "mmlu":
    case "triviaqa":
    case "fever":
    case "bbh":
    case "humaneval":
      return data.items.length;
  }
}
