/**
 * What a suite holds once its data are read: one closed union over all kinds of tasks, and its content hash.
 *
 * @module
 */
import { sha256Hex } from "../lib/manifest/hash.ts";
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
  const plain = JSON.stringify(data, (_key, value) => value instanceof Map ? [...value] : value);
  return sha256Hex(plain);
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
