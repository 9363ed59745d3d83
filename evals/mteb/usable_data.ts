/**
 * Whether the rows of a task can be scored at all, known before anything is embedded: what is the same in every row cannot be told
 * apart by any model, and must not end as a score.
 *
 * @module
 */
import { UsageError } from "#errors";
import type { DataFile } from "../../lib/data/data_file.ts";
import { keyOf, type Texts } from "../texts.ts";
import type { SingleData } from "./load.ts";
import { rankableQueries } from "./reranking.ts";

/**
 * Refuses data over which no score exists, or the same one for every model.
 *
 * @param files what the data were read from
 * @throws UsageError with task and file
 */
export function requireUsableData(task: string, data: SingleData, files: readonly DataFile[]): void {
  const fault = faultOf(data);
  if (fault === undefined) return;
  const { file, says } = fault;
  throw new UsageError(
    `${task}: "${files[file]!.path}" (rows 1 to ${files[file]!.rows}): ${says}`,
    "fetch the data set again: nothing can be scored on these rows",
  );
}

/** What is wrong, and with which of the files; undefined if nothing is. */
function faultOf(data: SingleData): { file: number; says: string } | undefined {
  switch (data.kind) {
    case "sts":
      return found(0, [
        [same(data.pairs, ({ gold }) => gold), `all scores are ${data.pairs[0]?.gold}`],
        [
          same(data.pairs, ({ sentence1, sentence2 }) => `${sentence1}\n${sentence2}`),
          "all pairs are the same",
        ],
      ]);
    case "pair_classification":
      return found(0, [[
        same(data.pairs, ({ label }) => label),
        `all pairs have the label ${data.pairs[0]?.label}`,
      ]]);
    case "classification": {
      const known = new Set(data.train.map(({ label }) => label));
      return found(0, [
        [known.size < 2, `all training rows have the label ${[...known].join()}`],
        [same(data.train, ({ text }) => text), "all training rows have the same text"],
      ]) ?? found(1, [
        [!data.test.some(({ label }) => known.has(label)), "no row has a label that a training row has"],
        [same(data.test, ({ text }) => text), "all rows have the same text"],
      ]);
    }
    case "retrieval": {
      const judged = data.queries.flatMap(({ id }) => [...data.judgements.get(id)?.values() ?? []]);
      return found(0, [[sameText(data.documents.texts), "all documents are the same"]]) ??
        found(1, [[same(data.queries, ({ text }) => text), "all queries are the same"]]) ??
        found(2, [[!judged.some((relevance) => relevance > 0), "no document is relevant to any query"]]);
    }
    case "reranking":
      return found(0, [[
        rankableQueries(data).length === 0,
        "no query has both a relevant and an irrelevant candidate",
      ]]);
    case "clustering":
      return found(0, [
        [data.sets.every(({ labels }) => new Set(labels).size < 2), "every set has a single label"],
        [
          data.sets.some(({ sentences }) => sentences.length > 1 && new Set(sentences).size < 2),
          "all sentences of a set are the same",
        ],
      ]);
    case "summarization":
      return found(0, [
        [
          data.documents.every(({ relevance }) => new Set(relevance).size < 2),
          "the ratings of every row are equal",
        ],
        [
          data.documents.every(({ machineSummaries }) => new Set(machineSummaries).size < 2),
          "the summaries of every row are the same",
        ],
      ]);
  }
}

/** The first fault that is one. */
function found(file: number, faults: readonly (readonly [is: boolean, says: string])[]) {
  const [, says] = faults.find(([is]) => is) ?? [];
  return says === undefined ? undefined : { file, says };
}

/** Whether several rows have all the same in one respect; one row alone is no sign. */
function same<T>(rows: readonly T[], of: (row: T) => unknown): boolean {
  return rows.length > 1 && new Set(rows.map(of)).size === 1;
}

/** The same of texts that need not be in memory. */
function sameText(texts: Texts): boolean {
  const first = texts.size > 1 ? keyOf(texts.at(0)) : undefined;
  for (let place = 1; place < texts.size; place++) if (keyOf(texts.at(place)) !== first) return false;
  return first !== undefined;
}
