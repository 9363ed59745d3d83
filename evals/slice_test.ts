import { assert, sharedData, testWith } from "#test";
import { UsageError } from "#errors";
import { Mirror } from "../lib/data/mirror.ts";
import { textsOf } from "./mteb/score_task.ts";
import { takeByHash, takeSlice } from "./slice.ts";
import { findSuite, resolveSuite } from "./suite.ts";
import { contentSha256 } from "./task_data.ts";

Deno.test("takeByHash() chooses by content alone and keeps the order of the rows", () => {
  const rows = Array.from({ length: 50 }, (_, i) => `row ${i}`);
  const taken = takeByHash(rows, 10, (row) => [row]);
  assert.equal(taken.length, 10);
  assert.deepEqual(taken, rows.filter((row) => taken.includes(row)));
  const reversed = takeByHash(rows.toReversed(), 10, (row) => [row]);
  assert.deepEqual(new Set(reversed), new Set(taken));
  assert.notDeepEqual(taken, rows.slice(0, 10));
});

Deno.test("takeByHash() refuses to pass off fewer rows as the slice", () => {
  assert.throws(() => takeByHash([1, 2], 3, (row) => [row]), UsageError);
});

Deno.test("takeSlice() keeps every relevant document of the chosen queries, and no other relevant one", () => {
  const number = (prefix: string, n: number) =>
    Array.from({ length: n }, (_, i) => ({ id: `${prefix}${i}`, text: `${prefix} text ${i}` }));
  const data = {
    kind: "retrieval" as const,
    queries: number("q", 6),
    documents: number("d", 20),
    judgements: new Map(number("q", 6).map(({ id }, i) => [id, new Map([[`d${i}`, 1], [`d${i + 6}`, 1]])])),
    options: { dropSelf: false },
  };
  const slice = takeSlice(data, { kind: "retrieval", queries: 2, distractors: 3 });
  assert.equal(slice.queries.length, 2);
  assert.equal(slice.documents.length, 2 * 2 + 3);
  for (const query of slice.queries) {
    for (const id of slice.judgements.get(query.id)!.keys()) {
      assert.ok(slice.documents.some((document) => document.id === id), `${id} of ${query.id}`);
    }
  }
  assert.throws(() => takeSlice(data, { kind: "sts", pairs: 2 }), UsageError);
});

Deno.test("takeSlice() takes equally many rows of each chosen label", () => {
  const rows = (word: string) =>
    Array.from({ length: 60 }, (_, i) => ({ id: `${i}`, text: `${word} ${i}`, label: i % 6 }));
  const data = {
    kind: "classification" as const,
    train: rows("train"),
    test: rows("test"),
    options: { samplesPerLabel: 8, experiments: 10, seed: 42, probe: "1.4" as const },
  };
  const slice = takeSlice(data, { kind: "classification", labels: 2, trainPerLabel: 4, testPerLabel: 3 });
  const labels = new Set(slice.train.map((row) => row.label));
  assert.equal(labels.size, 2);
  for (const label of labels) {
    assert.equal(slice.train.filter((row) => row.label === label).length, 4);
    assert.equal(slice.test.filter((row) => row.label === label).length, 3);
  }
});

testWith(sharedData, "the suite mini is the same fixed part of the real data everywhere", async (root) => {
  const tasks = await resolveSuite(findSuite("mini"), new Mirror(root));
  assert.deepEqual(tasks.map((task) => task.name), [
    "STSBenchmark[mini:300]",
    "Banking77Classification[mini:150]",
    "SciFact[mini:40]",
    "gsm8k-2shot[mini:40]",
    "mmlu-half[mini:100]",
  ]);
  // Changing a slice rule changes published numbers: that takes a new suite id, not an edit here.
  assert.deepEqual(tasks.map((task) => contentSha256(task.data).slice(0, 16)), [
    "ddc1d683690d974d",
    "d51f47f4968d6a73",
    "688316065bca9019",
    "f658189564878dc3",
    "0cdbfa1be94667c8",
  ]);
  const texts = tasks.flatMap(({ data }) =>
    data.kind === "gsm8k" || data.kind === "mmlu" ? [] : textsOf(data)
  );
  assert.equal(new Set(texts).size, 1133);
});
