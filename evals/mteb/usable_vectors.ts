/**
 * Whether embeddings can be scored at all. A model that failed on a text must not pass as one that is bad at a task.
 *
 * @module
 */
import { NumericError } from "#errors";
import type { DataFile } from "../../lib/data/data_file.ts";
import type { Vectors } from "../score.ts";
import type { MtebData, SingleData } from "./load.ts";
import { textsOf, usesOf } from "./score_task.ts";

/**
 * Refuses the embeddings of a task if one is zero or not finite, or if all texts, of which at least two differ, have the same.
 *
 * @param files what the data were read from, for the message: file and row of the text
 * @throws NumericError
 */
export function requireUsableVectors(data: MtebData, vectors: Vectors, files: readonly DataFile[]): void {
  const texts = new Set<string>(), seen = new Set<string>();
  let first: Float32Array | undefined, differ = false;
  for (const { text, role } of usesOf(data)) {
    const use = `${role ?? ""} ${text}`;
    if (seen.has(use)) continue;
    seen.add(use);
    texts.add(text);
    const vector = vectors(text, role);
    const finite = vector.every(Number.isFinite);
    if (!finite || vector.every((value) => value === 0)) {
      throw new NumericError(
        `the embedding of "${text.slice(0, 60)}" (${placeOf(data, text, files)}) is ${
          finite ? "zero" : "not finite"
        }`,
        "the encoder failed on this text",
      );
    }
    first ??= vector;
    differ ||= vector.some((value, i) => value !== first![i]);
  }
  if (texts.size < 2 || differ) return;
  throw new NumericError(
    `all ${texts.size} texts have the same embedding: there is nothing to score`,
    "the model has collapsed: evaluate an earlier checkpoint, or train with a lower learning rate",
  );
}

/** File and row in which a text stands first. */
function placeOf(data: MtebData, text: string, files: readonly DataFile[]): string {
  if (data.kind !== "group") return placeIn(data, text, files);
  const each = files.length / data.parts.length;
  const part = data.parts.findIndex((one) => textsOf(one.data).includes(text));
  return placeIn(data.parts[part]!.data, text, files.slice(part * each, (part + 1) * each));
}

function placeIn(data: SingleData, text: string, files: readonly DataFile[]): string {
  const place = (file: number, row: { readonly id: string } | undefined, what = "line") =>
    row && `"${files[file]?.path}" ${what} ${row.id}`;
  const found = () => {
    switch (data.kind) {
      case "sts":
      case "pair_classification":
        return place(0, data.pairs.find((pair) => pair.sentence1 === text || pair.sentence2 === text));
      case "classification":
        return place(0, data.train.find((row) => row.text === text)) ??
          place(1, data.test.find((row) => row.text === text));
      case "retrieval":
        return place(0, data.documents.find((row) => row.text === text), "document") ??
          place(1, data.queries.find((row) => row.text === text), "query");
      case "reranking":
        return place(
          0,
          data.queries.find((row) => [...row.query, ...row.positive, ...row.negative].includes(text)),
          data.queries[0]?.candidateIds ? "query" : "line",
        );
      case "clustering":
        return place(0, data.sets.find((set) => set.sentences.includes(text)));
      case "summarization":
        return place(
          0,
          data.documents.find((row) => [...row.humanSummaries, ...row.machineSummaries].includes(text)),
        );
    }
  };
  return found() ?? "in no row";
}
