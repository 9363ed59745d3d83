/**
 * Whether embeddings can be scored at all. A model that failed on a text must not pass as one that is bad at a task.
 *
 * @module
 */
import { NumericError } from "#errors";
import type { DataFile } from "../../lib/data/data_file.ts";
import { StringIndex } from "../../lib/data/string_index.ts";
import { allFinite, type KeyedVectors } from "../score.ts";
import { keyOf, placeOfText, type TextOrKey, type Texts } from "../texts.ts";
import type { MtebData, SingleData } from "./load.ts";
import { usesOf } from "./score_task.ts";

/**
 * Refuses the embeddings of a task if one is zero or not finite, or if all texts, of which at least two differ, have the same; or
 * all queries, or all documents.
 *
 * @param files what the data were read from, for the message: file and row of the text
 * @throws NumericError
 */
export async function requireUsableVectors(
  data: MtebData,
  vectors: KeyedVectors,
  files: readonly DataFile[],
): Promise<void> {
  const all = new Collapse("texts");
  const byRole = { query: new Collapse("queries"), passage: new Collapse("documents") };
  for (const { texts, role } of usesOf(data)) {
    for (let place = 0; place < texts.size; place++) {
      const found = texts.at(place), vector = vectors(found, role);
      const finite = allFinite(vector);
      if (!finite || vector.every((value) => value === 0)) {
        const text = await textAt(texts, place);
        throw new NumericError(
          `the embedding of "${text.slice(0, 60)}" (${placeOf(data, text, files)}) is ${
            finite ? "zero" : "not finite"
          }`,
          "the encoder failed on this text",
        );
      }
      all.see(found, vector);
      if (role !== undefined) byRole[role].see(found, vector);
    }
  }
  for (const collapse of [all, byRole.query, byRole.passage]) collapse.refuse();
}

/** Whether different texts have one embedding. */
class Collapse {
  readonly #keys = new StringIndex();
  #distinct = 0;
  #first: Float32Array | undefined;
  #differ = false;

  constructor(readonly called: string) {}

  see(text: TextOrKey, vector: Float32Array): void {
    if (this.#differ) return;
    if (this.#keys.push(keyOf(text)) < 0) this.#distinct++;
    this.#first ??= vector;
    this.#differ = vector.some((value, i) => value !== this.#first![i]);
  }

  refuse(): void {
    if (this.#differ || this.#distinct < 2) return;
    throw new NumericError(
      `all ${this.#distinct} ${this.called} have the same embedding: there is nothing to score`,
      "the model has collapsed: evaluate an earlier checkpoint, or train with a lower learning rate",
    );
  }
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
