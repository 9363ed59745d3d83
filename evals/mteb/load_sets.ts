/**
 * Rows of reranking, clustering, pair classification and summarization data sets: those in which a row holds lists.
 *
 * @module
 */
import { UsageError } from "#errors";
import {
  integerColumn,
  labelListColumn,
  numberListColumn,
  type RowSource,
  stringColumn,
  stringListColumn,
} from "../../lib/data/columns.ts";
import type { JsonlRow } from "../../lib/data/jsonl.ts";
import type { ClusteringSet } from "./clustering.ts";
import type { LabelledPair } from "./pair_classification.ts";
import type { RerankingQuery } from "./reranking.ts";
import type { SummarizedDocument } from "./summarization.ts";

/** `query` is a string, or a list of which the closest to a candidate counts. */
export function rerankingRow(row: JsonlRow, source: RowSource): RerankingQuery {
  const query = Array.isArray(row.value["query"])
    ? nonEmpty(row, "query", source)
    : [stringColumn(row, "query", source)];
  return {
    id: String(row.line),
    query,
    positive: stringListColumn(row, "positive", source),
    negative: stringListColumn(row, "negative", source),
  };
}

/** A row is a set. */
export function clusteringRow(row: JsonlRow, source: RowSource): ClusteringSet {
  const sentences = nonEmpty(row, "sentences", source);
  return {
    id: String(row.line),
    sentences,
    labels: labelListColumn(row, "labels", source, sentences.length),
  };
}

/**
 * A row is one pair, or three parallel lists of all pairs, as on the hub. The sentences' columns are `sentence1` and
 * `sentence2`, in older revisions `sent1` and `sent2`.
 */
export function pairRows(row: JsonlRow, source: RowSource): LabelledPair[] {
  const [first, second] = "sent1" in row.value
    ? ["sent1", "sent2"] as const
    : ["sentence1", "sentence2"] as const;
  if (!Array.isArray(row.value["labels"])) {
    return [{
      id: String(row.line),
      sentence1: stringColumn(row, first, source),
      sentence2: stringColumn(row, second, source),
      label: integerColumn(row, "labels", source, 0, 1) as 0 | 1,
    }];
  }
  const sentence1 = nonEmpty(row, first, source);
  const sentence2 = stringListColumn(row, second, source, sentence1.length);
  return numberListColumn(row, "labels", source, sentence1.length).map((label, i) => {
    if (label !== 0 && label !== 1) {
      throw new UsageError(
        `${source.task}: "${source.file}" line ${row.line}: label ${i + 1} is ${label}`,
        "labels of pairs are 0 and 1",
      );
    }
    return { id: `${row.line}.${i + 1}`, sentence1: sentence1[i]!, sentence2: sentence2[i]!, label };
  });
}

/** One rating for each machine summary. */
export function summarizationRow(row: JsonlRow, source: RowSource): SummarizedDocument {
  const machineSummaries = nonEmpty(row, "machine_summaries", source);
  return {
    id: String(row.line),
    humanSummaries: nonEmpty(row, "human_summaries", source),
    machineSummaries,
    relevance: numberListColumn(row, "relevance", source, machineSummaries.length),
  };
}

function nonEmpty(row: JsonlRow, column: string, source: RowSource): readonly string[] {
  const list = stringListColumn(row, column, source);
  if (list.length > 0) return list;
  throw new UsageError(
    `${source.task}: "${source.file}" line ${row.line}: column "${column}" is an empty list`,
    "compare with the data set's own card",
  );
}
