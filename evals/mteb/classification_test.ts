import { assert, assertClose } from "#test";
import { UsageError } from "#errors";
import { golden } from "../../fixtures/golden_data.ts";
import { hashedTrigrams } from "../../fixtures/hashed_trigrams.ts";
import { averagePrecision, f1Scores, scoreClassification, undersample } from "./classification.ts";

interface Golden {
  undersamples: { labels: number[]; samplesPerLabel: number; rows: number[][] }[];
  f1: { truth: number[]; predicted: number[]; macro: number; weighted: number };
  average_precision: { truth: number[]; predicted: number[]; value: number }[];
}

const reference = golden<Golden>("mteb/metrics.json");

Deno.test("undersample() picks the rows that numpy's generator picks, experiment by experiment", () => {
  for (const { labels, samplesPerLabel, rows } of reference.undersamples) {
    assert.deepEqual(undersample(labels, { samplesPerLabel, experiments: 10, seed: 42 }), rows);
  }
});

Deno.test("f1Scores() agrees with scikit-learn when a label is never predicted or never true", () => {
  const { truth, predicted, macro, weighted } = reference.f1;
  const actual = f1Scores(truth, predicted);
  assertClose([actual.macro, actual.weighted], [macro, weighted], 1e-12);
});

Deno.test("averagePrecision() of predicted labels agrees with scikit-learn, also when none or all are claimed", () => {
  for (const { truth, predicted, value } of reference.average_precision) {
    assertClose([averagePrecision(truth, predicted, 1)], [value], 1e-12);
  }
});

Deno.test("scoreClassification() has an average precision where there are two labels, and none where there are more", () => {
  const rows = (labels: string[]) =>
    labels.flatMap((label) =>
      [0, 1].map((i) => ({ id: `${label}${i}`, text: `${label} ${label} ${i}`, label }))
    );
  const options = { samplesPerLabel: 2, experiments: 2, seed: 42, probe: "1.4" as const };
  const metrics = (labels: string[]) =>
    scoreClassification({ train: rows(labels), test: rows(labels) }, (text) => hashedTrigrams(text), options)
      .metrics;
  assert.equal(metrics(["cat", "dog"])["ap"], 1);
  assert.equal("ap" in metrics(["cat", "dog", "owl"]), false);
});

Deno.test("scoreClassification() has the mean of its items as accuracy, and counts unknown labels as wrong", () => {
  const row = (id: number, text: string, label: string) => ({ id: `${id}`, text, label });
  const train = ["cat cats", "catty cat", "dog dogs", "doggy dog", "cat ca", "dog do"].map((text, i) =>
    row(i, text, text.slice(0, 3))
  );
  const test = [row(0, "cat cat", "cat"), row(1, "dog dog", "dog"), row(2, "dogs", "wolf")];
  const score = scoreClassification({ train, test }, (text) => hashedTrigrams(text), {
    samplesPerLabel: 2,
    experiments: 3,
    seed: 42,
    probe: "1.4",
  });
  assertClose(score.items.map((item) => item.value!), [1, 1, 0], 0);
  assertClose([score.metrics["accuracy"]!], [2 / 3], 1e-15);
});

Deno.test("scoreClassification() refuses a training set with one label", () => {
  const rows = [{ id: "0", text: "a", label: 1 }, { id: "1", text: "b", label: 1 }];
  assert.throws(
    () =>
      scoreClassification({ train: rows, test: rows }, () => new Float32Array([1]), {
        samplesPerLabel: 1,
        experiments: 1,
        seed: 42,
        probe: "1.4",
      }),
    UsageError,
  );
});
