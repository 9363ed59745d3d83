/**
 * Whether embeddings can be scored at all. A model that failed on a text must not pass as one that is bad at a task.
 *
 * @module
 */
import { NumericError } from "#errors";
import type { DataFile } from "../../lib/data/data_file.ts";
import type { KeyedVectors } from "../score.ts";
import { keyOf, placeOfText, type TextOrKey, type Texts } from "../texts.ts";
import type { MtebData, SingleData } from "./load.ts";
import { usesOf } from "./score_task.ts";

/**
 * Refuses the embeddings of a task if one is zero or not finite, or if all texts, of which at least two differ, have the same.
 *
 * @param files what the data were read from, for the message: file and row of the text
 * @throws NumericError
 */
export async function requireUsableVectors(
  data: MtebData,
  vectors: KeyedVectors,
  files: readonly DataFile[],
): Promise<void> {
  let first: Float32Array | undefined, differ = false;
  for (const { texts, role } of usesOf(data)) {
    for (let place = 0; place < texts.size; place++) {
      const vector = vectors(texts.at(place), role);
      const finite = vector.every(Number.isFinite);
      if (!finite || vector.every((value) => value === 0)) {
        const text = await textAt(texts, place);
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
  }
  if (differ) return;
  const distinct = new Set(usesOf(data).flatMap(({ texts }) => allOf(texts)).map((text) => keyOf(text)));
  if (distinct.size < 2) return;
  throw new NumericError(
    `all ${distinct.size} texts have the same embedding: there is nothing to score`,
    "the model has collapsed: evaluate an earlier checkpoint, or train with a lower learning rate",
  );
}

function allOf(texts: Texts): TextOrKey[] {
  return Array.from({ length: texts.size }, (_, place) => texts.at(place));
}

/** A text, read for it if it is not in memory. */
async function textAt(texts: Texts, place: number): Promise<string> {
  const text = texts.at(place);
  if (typeof text === "string") return text;
  let found = "";
  await texts.read((one, i) => {
    if (i === place) found = one;
  });
  return found;
}

/** File and row in which a text stands first. */
function placeOf(data: MtebData, text: string, files: readonly DataFile[]): string {
  if (data.kind !== "group") return placeIn(data, text, files);
  const each = files.length / data.parts.length;
  const part = data.parts.findIndex((one) =>
    usesOf(one.data).some(({ texts }) => placeOfText(texts, text) >= 0)
  );
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
      case "retrieval": {
        const { ids, texts } = data.documents, document = placeOfText(texts, text);
        return document >= 0
          ? place(0, { id: ids.at(document) }, "document")
          : place(1, data.queries.find((row) => row.text === text), "query");
      }
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
