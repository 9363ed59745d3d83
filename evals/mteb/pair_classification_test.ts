import { assert, assertClose } from "#test";
import { UsageError } from "#errors";
import { evaluatorCases, vectorsOf } from "./_golden_vectors.ts";
import { bestThresholds, type LabelledPair, scorePairClassification } from "./pair_classification.ts";

type Row = [sentence1: string, sentence2: string, label: 0 | 1];

const pairsOf = (rows: readonly Row[]): LabelledPair[] =>
  rows.map(([sentence1, sentence2, label], i) => ({ id: `${i}`, sentence1, sentence2, label }));

Deno.test("scorePairClassification() agrees with MTEB's evaluator on every metric and threshold", () => {
  for (const example of evaluatorCases<Row>("pair_classification")) {
    const score = scorePairClassification(pairsOf(example.rows), vectorsOf(example));
    const expected = Object.entries(example.metrics).filter(([name]) => !name.startsWith("similarity_"));
    assert.deepEqual(Object.keys(score.metrics).sort(), expected.map(([name]) => name).sort());
    for (const [name, value] of expected) {
      // Thresholds are in the unit of the measure: a few float32 steps of sums that BLAS adds in another order.
      const tolerance = name.endsWith("threshold") ? 2e-6 * Math.max(1, Math.abs(value)) : 1e-12;
      assertClose([score.metrics[name]!], [value], tolerance, name);
    }
  }
});

Deno.test("scorePairClassification() takes the best measure as its main metric: here a distance, not the cosine", () => {
  // Belonging pairs are close together; the others point the same way, but far away.
  const rows: Row[] = [["1,0", "1,.1", 1], ["0,2", ".1,2", 1], ["1,0", "9,0", 0], ["0,1", "0,7", 0]];
  const score = scorePairClassification(
    pairsOf(rows),
    (text) => Float32Array.from(text.split(",").map(Number)),
  );
  assert.equal(score.main, "max_ap");
  assert.equal(score.metrics["max_ap"], 1);
  assert.equal(score.metrics["euclidean_ap"], 1);
  assert.ok(score.metrics["cosine_ap"]! < 0.6);
});

Deno.test("scorePairClassification() refuses pairs of one label", () => {
  const vectors = () => new Float32Array([1, 2]);
  assert.throws(() => scorePairClassification(pairsOf([["a", "b", 1], ["c", "d", 1]]), vectors), UsageError);
  assert.throws(() => scorePairClassification(pairsOf([["a", "b", 0]]), vectors), UsageError);
});

Deno.test("bestThresholds() never takes all pairs, and takes the first of equally good thresholds", () => {
  assert.deepEqual(bestThresholds([1, 2, 3], [1, 1, 1], 1), {
    accuracy: 2 / 3,
    accuracy_threshold: 1.5,
    f1: 0.8,
    f1_threshold: 1.5,
    precision: 1,
    recall: 2 / 3,
  });
  const { accuracy, accuracy_threshold } = bestThresholds([1, 2, 3, 4], [1, 0, 1, 0], -1);
  assert.deepEqual([accuracy, accuracy_threshold], [0.75, 1.5]);
});
