import { assert, sharedData, testWith } from "#test";
import { isGeneral } from "./general/general_task.ts";
import { UsageError } from "#errors";
import { Mirror } from "../lib/data/mirror.ts";
import { textsOf } from "./_all_texts.ts";
import { MTEB_CATEGORIES } from "./category.ts";
import { Corpus, type IdentifiedText } from "./mteb/corpus.ts";
import { takeByHash, takeSlice } from "./slice.ts";
import { findSuite } from "./find_suite.ts";
import { resolveSuite } from "./suite.ts";
import { contentSha256, itemCount } from "./task_data.ts";

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

Deno.test("takeSlice() keeps every relevant document of the chosen queries, and no other relevant one", async () => {
  const number = (prefix: string, n: number) =>
    Array.from({ length: n }, (_, i) => ({ id: `${prefix}${i}`, text: `${prefix} text ${i}` }));
  const data = {
    kind: "retrieval" as const,
    queries: number("q", 6),
    documents: Corpus.of(number("d", 20)),
    judgements: new Map(number("q", 6).map(({ id }, i) => [id, new Map([[`d${i}`, 1], [`d${i + 6}`, 1]])])),
    options: { dropSelf: false },
  };
  const slice = await takeSlice(data, { kind: "retrieval", queries: 2, distractors: 3 });
  assert.equal(slice.queries.length, 2);
  assert.equal(slice.documents.size, 2 * 2 + 3);
  const documents: IdentifiedText[] = [];
  await slice.documents.read((document) => void documents.push(document));
  assert.deepEqual(documents, number("d", 20).filter(({ id }) => slice.documents.ids.find(id) >= 0));
  for (const query of slice.queries) {
    for (const id of slice.judgements.get(query.id)!.keys()) {
      assert.ok(slice.documents.ids.find(id) >= 0, `${id} of ${query.id}`);
    }
  }
  await assert.rejects(takeSlice(data, { kind: "sts", pairs: 2 }), UsageError);
});

Deno.test("takeSlice() takes equally many rows of each chosen label", async () => {
  const rows = (word: string) =>
    Array.from({ length: 60 }, (_, i) => ({ id: `${i}`, text: `${word} ${i}`, label: i % 6 }));
  const data = {
    kind: "classification" as const,
    train: rows("train"),
    test: rows("test"),
    options: { samplesPerLabel: 8, experiments: 10, seed: 42, probe: "1.4" as const },
  };
  const slice = await takeSlice(data, {
    kind: "classification",
    labels: 2,
    trainPerLabel: 4,
    testPerLabel: 3,
  });
  const labels = new Set(slice.train.map((row) => row.label));
  assert.equal(labels.size, 2);
  for (const label of labels) {
    assert.equal(slice.train.filter((row) => row.label === label).length, 4);
    assert.equal(slice.test.filter((row) => row.label === label).length, 3);
  }
});

Deno.test("takeSlice() takes whole queries, sets, pairs and documents of the other kinds", async () => {
  const rows = <T>(make: (i: number) => T) => Array.from({ length: 8 }, (_, i) => make(i));
  const queries = rows((i) => ({
    id: `${i}`,
    query: [`q${i}`],
    positive: i === 2 ? [] : ["p"],
    negative: ["n"],
  }));
  const reranking = await takeSlice({ kind: "reranking", queries }, { kind: "reranking", queries: 7 });
  // The query without a relevant candidate is not scored, so it is never part of a slice.
  assert.deepEqual(reranking.queries.map((query) => query.id), ["0", "1", "3", "4", "5", "6", "7"]);

  const sets = rows((i) => ({ id: `${i}`, sentences: [`s${i}`], labels: [i] }));
  const options = { batchSize: 500, seed: 42, sklearn: "1.3" } as const;
  const clustering = await takeSlice({ kind: "clustering", sets, options }, { kind: "clustering", sets: 3 });
  const pairs = rows((i) => ({ id: `${i}`, sentence1: "a", sentence2: `b${i}`, label: (i % 2) as 0 | 1 }));
  const pair = await takeSlice({ kind: "pair_classification", pairs }, {
    kind: "pair_classification",
    pairs: 3,
  });
  const documents = rows((i) => ({
    id: `${i}`,
    humanSummaries: ["h"],
    machineSummaries: [`m${i}`],
    relevance: [i],
  }));
  const summaries = await takeSlice({ kind: "summarization", documents }, {
    kind: "summarization",
    documents: 3,
  });
  assert.deepEqual([clustering, pair, summaries].map(itemCount), [3, 3, 3]);
  assert.ok(clustering.sets.every((set) => sets.includes(set)));
  await assert.rejects(
    takeSlice({ kind: "reranking", queries }, { kind: "reranking", queries: 8 }),
    UsageError,
  );
  await assert.rejects(
    takeSlice({ kind: "pair_classification", pairs }, { kind: "sts", pairs: 3 }),
    UsageError,
  );
});

Deno.test("takeSlice() takes equally many sentences of each label of a set, by their content", async () => {
  const set = (id: string) => ({
    id,
    sentences: Array.from({ length: 40 }, (_, i) => `${id} ${i}`),
    labels: Array.from({ length: 40 }, (_, i) => i % 4),
  });
  const options = { batchSize: 500, seed: 42, sklearn: "1.3" } as const;
  const data = { kind: "clustering" as const, sets: [set("a"), set("b"), set("c")], options };
  const { sets } = await takeSlice(data, { kind: "clustering", sets: 2, perLabel: 3 });
  assert.equal(sets.length, 2);
  for (const { id, sentences, labels } of sets) {
    const whole = data.sets.find((one) => one.id === id)!;
    assert.equal(sentences.length, 12);
    assert.deepEqual(labels.toSorted(), [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]);
    const places = sentences.map((sentence) => whole.sentences.indexOf(sentence));
    assert.deepEqual(labels, places.map((i) => whole.labels[i]));
    assert.deepEqual(places, places.toSorted((a, b) => a - b));
    assert.ok(places.some((i) => i >= 12), "not the first ones");
  }
  await assert.rejects(takeSlice(data, { kind: "clustering", sets: 1, perLabel: 11 }), UsageError);
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
  const contents = await Promise.all(tasks.map((task) => contentSha256(task.data)));
  assert.deepEqual(contents.map((content) => content.slice(0, 16)), [
    "ddc1d683690d974d",
    "d51f47f4968d6a73",
    "688316065bca9019",
    "f658189564878dc3",
    "fccea3bda5aaebdc",
  ]);
  const texts = await Promise.all(tasks.map(({ data }) => isGeneral(data) ? [] : textsOf(data)));
  assert.equal(new Set(texts.flat()).size, 1133);
});

testWith(
  sharedData,
  "the suite all-mini has every category and benchmark, and is the same fixed part of the real data everywhere",
  async (root) => {
    const tasks = await resolveSuite(findSuite("all-mini"), new Mirror(root));
    assert.deepEqual(
      [...new Set(tasks.map((task) => task.category))],
      [...Object.keys(MTEB_CATEGORIES), "general"],
    );
    const general = tasks.filter(({ data }) => isGeneral(data));
    assert.deepEqual(general.map(({ data }) => data.kind), [
      "gsm8k",
      "mmlu",
      "triviaqa",
      "fever",
      "bbh",
      "humaneval",
    ]);
    const contents = await Promise.all(tasks.map((task) => contentSha256(task.data)));
    assert.deepEqual(tasks.map((task, i) => [task.name, contents[i]!.slice(0, 16)]), [
      ["SciFact[all-mini:40]", "688316065bca9019"],
      ["SciFactReranking[all-mini:8]", "d69631b0f7e19aa5"],
      ["StackOverflowClustering[all-mini:2]", "8c05fd5e7c57a75b"],
      ["FeverSymmetricPairs[all-mini:200]", "ae200ac155b6bdf5"],
      ["Banking77Classification[all-mini:150]", "d51f47f4968d6a73"],
      ["CLINC150Classification[all-mini:150]", "ebe069b135b92818"],
      ["STS13[all-mini:150]", "c8e442e5479565e5"],
      ["STS15[all-mini:150]", "b4a6e83aafe076c2"],
      ["STSBenchmark[all-mini:300]", "ddc1d683690d974d"],
      ["REALSummEval[all-mini:12]", "9e87ce502b683341"],
      ["gsm8k[all-mini:60]", "7841c8e634b34a5c"],
      ["mmlu-half[all-mini:300]", "5f570a2317f05ad1"],
      ["triviaqa-open[all-mini:100]", "af43ca4bd1d0344e"],
      ["fever-3way[all-mini:150]", "93bb32fee6810571"],
      ["bbh_cot_fewshot[all-mini:81]", "cfd040153cd9c602"],
      ["humaneval[all-mini:60]", "d868870782147b3d"],
    ]);
    const texts = await Promise.all(tasks.map(({ data }) => isGeneral(data) ? [] : textsOf(data)));
    assert.equal(new Set(texts.flat()).size, 3419);
    // Whole, the sets are as large as their rows say; only SciFact of the mirror is of another revision.
    assert.deepEqual(tasks.flatMap(({ notes }) => notes).length, 1);
  },
);
