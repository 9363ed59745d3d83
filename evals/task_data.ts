/**
 * What a suite holds once its data are read: one closed union over all kinds of tasks, and its content hash.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { type GeneralData } from "./general/load.ts";
import { generalScorer, isGeneral } from "./general/general_task.ts";
import { Corpus } from "./mteb/corpus.ts";
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
export async function contentSha256(data: TaskData): Promise<string> {
  const hash = createHash("sha256");
  await writeJson(data, (piece) => hash.update(piece));
  return hash.digest("hex");
}

/**
 * JSON of a value, maps as lists of pairs and a corpus as the list of its documents, in pieces: all of a corpus is longer than a
 * string may be. Lists are taken apart, at whatever depth, until their elements are none.
 */
export async function writeJson(value: unknown, write: (piece: string) => void): Promise<void> {
  if (value instanceof Map) return await writeJson([...value], write);
  if (value instanceof Corpus) {
    write("[");
    await value.read((document, place) => {
      write(`${place > 0 ? "," : ""}${JSON.stringify(document)}`);
    });
    return write("]");
  }
  if (Array.isArray(value) && value.some(isStructure)) {
    write("[");
    for (const [i, element] of value.entries()) {
      if (i > 0) write(",");
      await writeJson(element, write);
    }
    return write("]");
  }
  if (isStructure(value) && !Array.isArray(value)) {
    let separator = "{";
    for (const [key, field] of Object.entries(value)) {
      if (field === undefined) continue;
      write(`${separator}${JSON.stringify(key)}:`);
      await writeJson(field, write);
      separator = ",";
    }
    return write(separator === "{" ? "{}" : "}");
  }
  write(JSON.stringify(value) ?? "null");
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
