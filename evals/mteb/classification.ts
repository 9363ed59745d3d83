/**
 * Classification: the accuracy of a logistic probe on embeddings, over ten small training samples.
 *
 * Reference: MTEB 1.38.33, with the one rule of 2.x that every experiment reseeds the generator (in 1.x the first
 * experiment inherits whatever state the task before left, so its score depends on the order of tasks).
 *
 * @module
 */
import { UsageError } from "#errors";
import type { Score, Vectors } from "../score.ts";
import { mean } from "../statistics.ts";
import type { ProbeProfile } from "./logistic_regression.ts";
import { RandomState } from "./numpy_random.ts";
import { longest, type Points } from "./points.ts";
import { borrowShared, giveBackShared } from "./shared_memory.ts";
import { sideBySide } from "./side_by_side.ts";

/** Changes whenever the same embeddings would give other numbers. */
export const CLASSIFICATION_SCORER = "classification/2";

/** Evaluations of the loss that a probe takes, about. */
const USUAL_EVALUATIONS = 15;

/** A labelled text. Labels of one task are all numbers or all strings. */
export interface LabelledText {
  readonly id: string;
  readonly text: string;
  readonly label: string | number;
}

/** A classification task. */
export interface ClassificationData {
  readonly train: readonly LabelledText[];
  readonly test: readonly LabelledText[];
}

/** Choices of the protocol. */
export interface ClassificationOptions {
  readonly samplesPerLabel: number;
  readonly experiments: number;
  readonly seed: number;
  readonly probe: ProbeProfile;
}

/**
 * Training rows of each experiment, in the order picked. Experiment e shuffles the order that experiment e - 1
 * left, with the same seed, and takes rows while their label still lacks samples.
 */
export function undersample(
  labels: readonly (string | number)[],
  options: Pick<ClassificationOptions, "samplesPerLabel" | "experiments" | "seed">,
): number[][] {
  const order = labels.map((_, i) => i);
  return Array.from({ length: options.experiments }, () => {
    new RandomState(options.seed).shuffle(order);
    const taken = new Map<string | number, number>();
    return order.filter((row) => {
      const count = taken.get(labels[row]!) ?? 0;
      if (count >= options.samplesPerLabel) return false;
      taken.set(labels[row]!, count + 1);
      return true;
    });
  });
}

/**
 * Scores a classification task; main metric `accuracy`, the mean over the experiments. An item's value is the
 * share of experiments that classified the text correctly, so that the mean over items is the same number.
 */
export function scoreClassification(
  data: ClassificationData,
  vectors: Vectors,
  options: ClassificationOptions,
): Score {
  const trainLabels = data.train.map((row) => row.label);
  const columns = vectors(data.test[0]!.text).length;
  const memory = borrowShared(data.test.length * columns);
  const test = fill(data.test, vectors, columns, memory);
  const reach = longest(test), truth = data.test.map((row) => row.label);
  const samples = undersample(trainLabels, options).map((rows) => {
    const sample = rows.map((row) => data.train[row]!);
    const labels = [...new Set(sample.map((row) => row.label))].sort(compareLabels);
    if (labels.length < 2) {
      throw new UsageError(`all training rows have the label ${labels[0]}`, "classify at least two labels");
    }
    const index = new Map(labels.map((label, i) => [label, i]));
    return { sample, labels, classes: Int32Array.from(sample, (row) => index.get(row.label)!) };
  });
  const outcomes = sideBySide({
    kind: "probe",
    count: samples.length,
    floats: (e) => samples[e]!.sample.length * columns,
    job: (e, memory) => ({
      points: fill(samples[e]!.sample, vectors, columns, memory),
      classes: samples[e]!.classes,
      classCount: samples[e]!.labels.length,
      profile: options.probe,
      test,
      reach,
    }),
    multiplications: samples.reduce(
      (sum, { sample, labels }) =>
        sum + columns * labels.length * (2 * USUAL_EVALUATIONS * sample.length + test.rows),
      0,
    ),
  });
  giveBackShared(memory);
  const runs = outcomes.map(({ stopped, predicted: classes }, e) => {
    const predicted = Array.from(classes, (k) => samples[e]!.labels[k]!);
    return {
      stopped,
      predicted,
      accuracy: mean(truth.map((label, i) => Number(label === predicted[i]))),
      ...f1Scores(truth, predicted),
    };
  });

  const positive = positiveLabel([...trainLabels, ...truth]);
  const early = runs.filter((run) => run.stopped === "iterations" || run.stopped === "line search").length;
  const experiments = runs.map(({ accuracy, macro, weighted, predicted }): Record<string, number> => {
    const ap = positive === undefined ? undefined : averagePrecision(truth, predicted, positive);
    return {
      accuracy,
      f1: macro,
      f1_weighted: weighted,
      // With two labels there is but one class to average over.
      ...ap !== undefined && { ap, ap_weighted: ap },
    };
  });
  const metrics: Record<string, number> = {};
  const names = Object.keys(experiments[0]!);
  for (const name of names) metrics[name] = mean(experiments.map((experiment) => experiment[name]!));
  for (const name of names) {
    experiments.forEach((experiment, e) => metrics[`${name}_experiment_${e + 1}`] = experiment[name]!);
  }
  const known = new Set(trainLabels), unknown = truth.filter((label) => !known.has(label)).length;
  return {
    main: "accuracy",
    aggregate: "mean",
    metrics,
    items: data.test.map((row, i) => {
      const predictions = runs.map((run) => run.predicted[i]!);
      return {
        id: row.id,
        value: mean(predictions.map((p) => Number(p === row.label))),
        label: row.label,
        predictions,
      };
    }),
    counts: {
      test: data.test.length,
      train: data.train.length,
      trials: data.test.length * runs.length,
      correct: runs.reduce((sum, run) => sum + Math.round(run.accuracy * data.test.length), 0),
    },
    warnings: [
      ...(early === 0 ? [] : [
        `${early} of ${runs.length} probes stopped before they converged: the accuracy may differ from ` +
        `scikit-learn's by up to 0.2 points`,
      ]),
      ...(unknown === 0 ? [] : [
        `${unknown} of ${truth.length} test rows have a label that no training row has, and count as wrong`,
      ]),
    ],
  };
}

/** Macro and support-weighted F1 over the labels that occur on either side; 0 for a label never hit. */
export function f1Scores(
  truth: readonly (string | number)[],
  predicted: readonly (string | number)[],
): { macro: number; weighted: number } {
  const counts = new Map<string | number, { hits: number; actual: number; claimed: number }>();
  const of = (label: string | number) => {
    let found = counts.get(label);
    if (found === undefined) counts.set(label, found = { hits: 0, actual: 0, claimed: 0 });
    return found;
  };
  for (const label of truth) of(label).actual++;
  predicted.forEach((label, i) => {
    const found = of(label);
    found.claimed++;
    if (label === truth[i]) found.hits++;
  });
  let macro = 0, weighted = 0;
  for (const { hits, actual, claimed } of counts.values()) {
    const f1 = 2 * hits / (actual + claimed);
    macro += f1 / counts.size;
    weighted += f1 * actual / truth.length;
  }
  return { macro, weighted };
}

/**
 * Average precision of predicted labels (not of probabilities), as MTEB takes it of tasks with two labels: the labels are
 * scores with two thresholds, so AP = recall · precision + (1 − recall) · prevalence. 0 without a positive.
 */
export function averagePrecision(
  truth: readonly (string | number)[],
  predicted: readonly (string | number)[],
  positive: string | number,
): number {
  const actual = truth.filter((label) => label === positive).length;
  const claimed = predicted.filter((label) => label === positive).length;
  const hits = truth.filter((label, i) => label === positive && predicted[i] === positive).length;
  if (actual === 0) return 0;
  const recall = hits / actual, precision = claimed === 0 ? 0 : hits / claimed;
  return recall * precision + (1 - recall) * actual / truth.length;
}

/** The greater of two labels, which is 1 of 0 and 1; undefined where there are not two. */
function positiveLabel(labels: readonly (string | number)[]): string | number | undefined {
  const distinct = [...new Set(labels)].sort(compareLabels);
  return distinct.length === 2 ? distinct[1] : undefined;
}

/** The embeddings of some texts as rows of `data`. */
function fill(
  rows: readonly LabelledText[],
  vectors: Vectors,
  columns: number,
  data: Float32Array,
): Points {
  rows.forEach((row, i) => data.set(vectors(row.text), i * columns));
  return { data, rows: rows.length, columns };
}

/** numpy's order: numbers by value, strings by code point. */
function compareLabels(a: string | number, b: string | number): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  const x = Array.from(String(a), (c) => c.codePointAt(0)!),
    y = Array.from(String(b), (c) => c.codePointAt(0)!);
  for (let i = 0; i < Math.min(x.length, y.length); i++) if (x[i] !== y[i]) return x[i]! - y[i]!;
  return x.length - y.length;
}
