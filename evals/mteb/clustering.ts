/**
 * Clustering: how well k-means on the embeddings finds the labels, as V-measure, mean over sets.
 *
 * Reference: MTEB 1.38.33. Embeddings are used as they are, not scaled. Every set is clustered by mini-batch
 * k-means with as many clusters as it has labels, from the same seed.
 *
 * @module
 */
import { NumericError, UsageError } from "#errors";
import type { Score, Vectors } from "../score.ts";
import { mean } from "../statistics.ts";
import type { Points } from "./points.ts";
import type { SklearnRelease } from "./sklearn_draws.ts";
import { sideBySide } from "./side_by_side.ts";
import { vMeasure } from "./v_measure.ts";

/** Changes whenever the same embeddings would give other numbers. */
export const CLUSTERING_SCORER = "clustering/2";

/** Batches that k-means sees, about. */
const USUAL_STEPS = 50;

/** One set of texts to cluster. `labels[i]` belongs to `sentences[i]`; texts may repeat. */
export interface ClusteringSet {
  readonly id: string;
  readonly sentences: readonly string[];
  readonly labels: readonly (string | number)[];
}

/** A clustering task. */
export interface ClusteringData {
  readonly sets: readonly ClusteringSet[];
}

/** Choices of the protocol. MTEB's are 500 and 42; its scores of 2023 to 2025 are of the releases "1.3". */
export interface ClusteringOptions {
  readonly batchSize: number;
  readonly seed: number;
  /** Release of scikit-learn whose draws are repeated. */
  readonly sklearn: SklearnRelease;
}

/**
 * Scores a clustering task; main metric `v_measure`, the mean over sets. An item is a set.
 *
 * @throws UsageError if there is no set, or a set is empty or has not one label for each sentence
 * @throws NumericError if an embedding is not finite or has another length than the first of its set
 */
export function scoreClustering(data: ClusteringData, vectors: Vectors, options: ClusteringOptions): Score {
  if (data.sets.length === 0) throw new UsageError("there is no set to cluster", "give at least one row");
  for (const set of data.sets) {
    if (set.sentences.length === 0 || set.labels.length !== set.sentences.length) {
      throw new UsageError(
        `set ${set.id} has ${set.sentences.length} sentences and ${set.labels.length} labels`,
        "every set needs sentences, and one label for each",
      );
    }
  }
  const columns = data.sets.map((set) => vectors(set.sentences[0]!).length);
  const clusters = data.sets.map((set) => new Set(set.labels).size);
  const rows = data.sets.map((set) => set.sentences.length);
  const outcomes = sideBySide({
    kind: "cluster",
    count: data.sets.length,
    floats: (s) => rows[s]! * columns[s]!,
    job: (s, memory) => ({
      points: fill(data.sets[s]!, vectors, columns[s]!, memory),
      clusters: clusters[s]!,
      ...options,
    }),
    multiplications: rows.reduce(
      (sum, n, s) => sum + columns[s]! * clusters[s]! * (n + USUAL_STEPS * Math.min(options.batchSize, n)),
      0,
    ),
  });
  const results = data.sets.map((set, s) => {
    const fit = outcomes[s]!;
    if ("unusable" in fit) throw refusal(set, fit.unusable, "is not finite");
    return {
      set,
      clusters: clusters[s]!,
      used: new Set(fit.labels).size,
      fit,
      ...vMeasure(set.labels, fit.labels),
    };
  });

  const values = results.map((result) => result.vMeasure);
  const average = mean(values);
  return {
    main: "v_measure",
    aggregate: "mean",
    metrics: {
      v_measure: average,
      v_measure_std: Math.sqrt(mean(values.map((value) => (value - average) ** 2))),
      homogeneity: mean(results.map((result) => result.homogeneity)),
      completeness: mean(results.map((result) => result.completeness)),
    },
    items: results.map((result) => ({
      id: result.set.id,
      value: result.vMeasure,
      homogeneity: result.homogeneity,
      completeness: result.completeness,
      sentences: result.set.sentences.length,
      labels: result.clusters,
      clusters: result.used,
      steps: result.fit.steps,
    })),
    counts: {
      sets: results.length,
      sentences: results.reduce((sum, result) => sum + result.set.sentences.length, 0),
      labels: new Set(data.sets.flatMap((set) => [...new Set(set.labels)])).size,
    },
    warnings: [
      ...warning(
        results.filter((r) => r.clusters === 1),
        results.length,
        (sets) => `${sets} have a single label, and so a v-measure of 1 whatever the embeddings`,
      ),
      ...warning(
        results.filter((r) => r.used < r.clusters),
        results.length,
        (sets) => `${sets} fell into fewer clusters than there are labels: many embeddings coincide`,
      ),
      ...warning(
        results.filter((r) => !r.fit.converged),
        results.length,
        (sets) => `${sets} were still improving at the limit of passes`,
      ),
      ...warning(
        results.filter((r) => r.fit.tied),
        results.length,
        (sets) =>
          `${sets} have more starved centres than may move at a time: scikit-learn's choice among equals depends ` +
          `on the machine, and its score may differ`,
      ),
    ],
  };
}

function warning(found: readonly unknown[], all: number, say: (sets: string) => string): string[] {
  return found.length === 0 ? [] : [say(`${found.length} of ${all} sets`)];
}

/** The embeddings of a set as rows of `data`. */
function fill(set: ClusteringSet, vectors: Vectors, columns: number, data: Float32Array): Points {
  for (let i = 0; i < set.sentences.length; i++) {
    const vector = vectors(set.sentences[i]!);
    if (vector.length !== columns) {
      throw refusal(set, i, `has ${vector.length} numbers, the first has ${columns}`);
    }
    data.set(vector, i * columns);
  }
  return { data, rows: set.sentences.length, columns };
}

function refusal(set: ClusteringSet, sentence: number, why: string): NumericError {
  return new NumericError(
    `the embedding of sentence ${sentence + 1} of set ${set.id} ${why}`,
    "the encoder failed on this text",
  );
}
