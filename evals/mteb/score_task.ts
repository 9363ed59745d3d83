/**
 * From a task's data to the texts it needs embedded and to its score.
 *
 * @module
 */
import type { Score, Vectors } from "../score.ts";
import { CLASSIFICATION_SCORER, scoreClassification, undersample } from "./classification.ts";
import type { MtebData } from "./load.ts";
import { RETRIEVAL_SCORER, scoreRetrieval } from "./retrieval.ts";
import { scoreSts, STS_SCORER } from "./sts.ts";

/** Version of the scorer of each kind of task. */
export const MTEB_SCORERS: Readonly<Record<MtebData["kind"], string>> = {
  sts: STS_SCORER,
  classification: CLASSIFICATION_SCORER,
  retrieval: RETRIEVAL_SCORER,
};

/** Scores a task from the embeddings of {@linkcode textsOf} its data. */
export function scoreTask(data: MtebData, vectors: Vectors): Score {
  switch (data.kind) {
    case "sts":
      return scoreSts(data.pairs, vectors);
    case "classification":
      return scoreClassification(data, vectors, data.options);
    case "retrieval":
      return scoreRetrieval(data, vectors, data.options);
  }
}

/** The texts that the score depends on, with repeats. Training rows that no experiment picks are left out. */
export function textsOf(data: MtebData): string[] {
  switch (data.kind) {
    case "sts":
      return data.pairs.flatMap((pair) => [pair.sentence1, pair.sentence2]);
    case "classification": {
      const picked = undersample(data.train.map((row) => row.label), data.options).flat();
      const rows = [...new Set(picked)].sort((a, b) => a - b).map((i) => data.train[i]!);
      return [...rows, ...data.test].map((row) => row.text);
    }
    case "retrieval":
      return [...data.queries, ...data.documents].map((entry) => entry.text);
  }
}
