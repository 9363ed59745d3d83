/**
 * From a task's data to the texts it needs embedded and to its score.
 *
 * @module
 */
import type { KeyedVectors, Score, TextRole } from "../score.ts";
import { type Texts, textsInMemory } from "../texts.ts";
import { CLASSIFICATION_SCORER, scoreClassification, undersample } from "./classification.ts";
import { CLUSTERING_SCORER, scoreClustering } from "./clustering.ts";
import type { MtebData, SingleData } from "./load.ts";
import { PAIR_CLASSIFICATION_SCORER, scorePairClassification } from "./pair_classification.ts";
import { rankableQueries, RERANKING_SCORER, scoreReranking } from "./reranking.ts";
import { RETRIEVAL_SCORER, type RetrievalData, scoreRetrieval } from "./retrieval.ts";
import { scoreGroup } from "./score_group.ts";
import { scoreSts, STS_SCORER } from "./sts.ts";
import { scoreSummarization, SUMMARIZATION_SCORER } from "./summarization.ts";

/** Version of the scorer of each kind of task. */
const SCORERS: Readonly<Record<SingleData["kind"], string>> = {
  sts: STS_SCORER,
  classification: CLASSIFICATION_SCORER,
  retrieval: RETRIEVAL_SCORER,
  reranking: RERANKING_SCORER,
  clustering: CLUSTERING_SCORER,
  pair_classification: PAIR_CLASSIFICATION_SCORER,
  summarization: SUMMARIZATION_SCORER,
};

/** Version of the scorer of some data: of a group, that of its parts, which are of one kind. */
export function mtebScorer(data: MtebData): string {
  return data.kind === "group" ? `mean of ${SCORERS[data.parts[0]!.data.kind]}` : SCORERS[data.kind];
}

/** Scores a task from the embeddings of {@linkcode usesOf} its data. */
export function scoreTask(data: MtebData, vectors: KeyedVectors): Score {
  switch (data.kind) {
    case "group":
      return scoreGroup(
        data.parts.map((part) => ({ name: part.name, score: scoreTask(part.data, vectors) })),
      );
    case "sts":
      return scoreSts(data.pairs, vectors);
    case "classification":
      return scoreClassification(data, vectors, data.options);
    case "retrieval":
      return withUnanswerable(scoreRetrieval(data, vectors, data.options), data);
    case "reranking":
      return scoreReranking(data, vectors, data.options);
    case "clustering":
      return scoreClustering(data, vectors, data.options);
    case "pair_classification":
      return scorePairClassification(data.pairs, vectors);
    case "summarization":
      return scoreSummarization(data.documents, vectors, data.options);
  }
}

/** trec_eval, and mteb with it, counts a query without a relevant document as 0: who reads the mean has to know. */
function withUnanswerable(score: Score, { queries, judgements }: RetrievalData): Score {
  const none = queries.filter(({ id }) => ![...judgements.get(id)!.values()].some((gain) => gain > 0)).length;
  if (none === 0) return score;
  const told = `${none} of ${queries.length} queries have no relevant document, and count as 0, as in mteb`;
  return { ...score, warnings: [...score.warnings, told] };
}

/** Texts as a score needs them. */
export interface TextUse {
  readonly texts: Texts;
  /** Absent where the texts of the task all have the same one. */
  readonly role?: TextRole;
}

/**
 * The texts that the score depends on, with repeats. Training rows that no experiment picks and queries with nothing to rank
 * are left out.
 */
export function usesOf(data: MtebData): TextUse[] {
  const plain = (texts: readonly string[]) => [{ texts: textsInMemory(texts) }];
  const as = (role: TextRole, texts: readonly string[]) => ({ texts: textsInMemory(texts), role });
  switch (data.kind) {
    case "group":
      return data.parts.flatMap((part) => usesOf(part.data));
    case "sts":
    case "pair_classification":
      return plain(data.pairs.flatMap((pair) => [pair.sentence1, pair.sentence2]));
    case "classification": {
      const picked = undersample(data.train.map((row) => row.label), data.options).flat();
      const rows = [...new Set(picked)].sort((a, b) => a - b).map((i) => data.train[i]!);
      return plain([...rows, ...data.test].map((row) => row.text));
    }
    case "retrieval":
      return [
        as("query", data.queries.map((query) => query.text)),
        { texts: data.documents.texts, role: "passage" },
      ];
    case "reranking":
      return rankableQueries(data).flatMap((row) => [
        as("query", row.query),
        as("passage", [...row.positive, ...row.negative]),
      ]);
    case "clustering":
      return plain(data.sets.flatMap((set) => set.sentences));
    case "summarization":
      return plain(data.documents.flatMap((row) => [...row.humanSummaries, ...row.machineSummaries]));
  }
}
