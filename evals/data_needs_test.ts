import { assert } from "#test";
import { dataNeeds } from "./data_needs.ts";
import { findSuite } from "./find_suite.ts";

const needsOf = (suite: string) => dataNeeds(findSuite(suite));

Deno.test("dataNeeds() names the splits that tasks read, at the revisions they pin", () => {
  const [sts, banking, scifact, gsm8k, mmlu] = needsOf("mini");
  assert.deepEqual(sts, {
    repo: {
      type: "dataset",
      id: "mteb/stsbenchmark-sts",
      revision: "b0fddb56ed78048fa8b90373c8a3cfc37b684831",
    },
    choices: [[[{ split: "test", subset: undefined }]]],
  });
  assert.deepEqual(banking!.choices[0]![0]!.map(({ split }) => split), ["train", "test"]);
  assert.deepEqual(scifact!.choices, [[[{ split: "corpus" }, { split: "queries" }, {
    split: "test",
    judgements: true,
  }]]]);
  assert.deepEqual([gsm8k!.repo, gsm8k!.choices], [
    { type: "dataset", id: "openai/gsm8k" },
    [[[{ split: "train" }, { split: "test" }]]],
  ]);
  assert.deepEqual(mmlu!.choices, [[[{ split: "dev" }, { split: "test" }]]]);
});

Deno.test("dataNeeds() has each revision of a data set once, whatever number of tasks or parts read it", () => {
  const general = needsOf("general");
  const bbh = general.filter(({ repo }) => repo.id === "lukaemon/bbh");
  assert.equal(bbh.length, 1);
  assert.equal(bbh[0]!.choices.length, 27);
  assert.deepEqual(bbh[0]!.choices[0], [[{ split: "test", subset: "boolean_expressions" }]]);
  const ids = needsOf("mteb-eng-v1").map(({ repo }) => `${repo.id}@${repo.revision}`);
  assert.equal(new Set(ids).size, ids.length);
  // 56 tasks, of which one is a mean over twelve data sets.
  assert.equal(ids.length, 67);
  assert.ok(ids.every((id) => /^mteb\/[\w-]+@[0-9a-f]{40}$/.test(id)), ids.join(" "));
});

Deno.test("dataNeeds() has either form of a reranking set for mteb 2, and nothing of what comes with the program", () => {
  const [need] = needsOf("mteb-eng-v1:AskUbuntuDupQuestions@mteb-2");
  assert.deepEqual(need!.choices[0]!.map((queries) => queries.map(({ split }) => split)), [
    ["corpus", "queries", "test", "top_ranked"],
    ["test"],
  ]);
  assert.deepEqual(needsOf("tiny"), []);
});

Deno.test("dataNeeds() leaves out what no hub has", () => {
  const ids = needsOf("all-mini").map(({ repo }) => repo.id);
  assert.ok(ids.includes("mteb/sts15-sts") && ids.includes("openai/openai_humaneval"));
  assert.deepEqual(ids.filter((id) => id.startsWith("mini/")), []);
});
