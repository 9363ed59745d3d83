import { assert, assertClose } from "#test";
import { NumericError, UsageError } from "#errors";
import { clusteredPoints, type Recipe } from "../../fixtures/clustered_points.ts";
import { golden } from "../../fixtures/golden_data.ts";
import { type ClusteringOptions, type ClusteringSet, scoreClustering } from "./clustering.ts";

interface Golden {
  recipes: Recipe[];
  scores: { v_measure: number; v_measure_std: number; v_measures: number[]; main_score: number };
}

const OPTIONS: ClusteringOptions = { batchSize: 500, seed: 42, sklearn: "1.3" };

Deno.test("scoreClustering() scores a task as MTEB does", () => {
  const { recipes, scores } = golden<Golden>("clustering/mteb.json");
  const made = recipes.map((recipe) => clusteredPoints(recipe));
  const sets = made.map(({ labels }, s): ClusteringSet => ({
    id: `${s + 1}`,
    sentences: labels.map((_, r) => `${s} ${r}`),
    labels: labels.map((label) => `class ${label}`),
  }));
  const vectors = (text: string) => {
    const [s, r] = text.split(" ").map(Number) as [number, number];
    const { columns } = recipes[s]!;
    return made[s]!.data.subarray(r * columns, (r + 1) * columns);
  };
  const score = scoreClustering({ sets }, vectors, OPTIONS);
  assert.equal(score.main, "v_measure");
  assertClose([score.metrics["v_measure"]!], [scores.main_score], 1e-6, "main");
  assertClose([score.metrics["v_measure_std"]!], [scores.v_measure_std], 1e-6, "std");
  assertClose(score.items.map((item) => item.value!), scores.v_measures, 1e-6, "sets");
  assert.deepEqual(score.items.map((item) => item.id), ["1", "2", "3", "4"]);
  assert.deepEqual(score.counts, { sets: 4, sentences: 1120, labels: 17 });
  assert.deepEqual(score.warnings, []);
  const [first] = score.items;
  const h = Number(first!["homogeneity"]), c = Number(first!["completeness"]);
  assertClose([first!.value!], [2 * h * c / (h + c)], 1e-12, "harmonic mean");
});

Deno.test("scoreClustering() gives every set the same seed, whatever stands before it", () => {
  const set = (id: string): ClusteringSet => ({
    id,
    sentences: Array.from({ length: 90 }, (_, i) => `${i}`),
    labels: Array.from({ length: 90 }, (_, i) => i % 7),
  });
  const { data } = clusteredPoints({ seed: 1, rows: 90, columns: 4, classes: 7, spread: 1, offset: 0 });
  const vectors = (text: string) => data.subarray(4 * Number(text), 4 * Number(text) + 4);
  const [a, b] = scoreClustering({ sets: [set("a"), set("b")] }, vectors, OPTIONS).items;
  assert.equal(a!.value, b!.value);
  const other = scoreClustering({ sets: [set("a")] }, vectors, { ...OPTIONS, seed: 43 });
  assert.notEqual(other.items[0]!.value, a!.value);
});

Deno.test("scoreClustering() warns of a single label and of embeddings that coincide", () => {
  const sentences = ["a", "b", "c", "d"];
  const score = scoreClustering(
    {
      sets: [
        { id: "1", sentences, labels: [5, 5, 5, 5] },
        { id: "2", sentences, labels: [1, 1, 2, 2] },
      ],
    },
    () => new Float32Array([1, 2]),
    OPTIONS,
  );
  assert.deepEqual(score.items.map((item) => item.value), [1, 0]);
  assert.equal(score.warnings.length, 2);
  assert.match(score.warnings[0]!, /^1 of 2 sets have a single label/);
  assert.match(score.warnings[1]!, /^1 of 2 sets fell into fewer clusters/);
});

Deno.test("scoreClustering() refuses sets that are empty or not fully labelled, and no sets", () => {
  const vectors = () => new Float32Array([1, 2]);
  for (
    const sets of [
      [],
      [{ id: "1", sentences: [], labels: [] }],
      [{ id: "1", sentences: ["a", "b"], labels: [1] }],
    ]
  ) assert.throws(() => scoreClustering({ sets }, vectors, OPTIONS), UsageError);
});

Deno.test("scoreClustering() refuses embeddings that are not finite or differ in length", () => {
  const sets = [{ id: "1", sentences: ["a", "b"], labels: [1, 2] }];
  for (const bad of [[1, NaN], [Infinity, 0], [1], [1, 2, 3]]) {
    const vectors = (text: string) => new Float32Array(text === "a" ? [1, 2] : bad);
    assert.throws(() => scoreClustering({ sets }, vectors, OPTIONS), NumericError);
  }
});
