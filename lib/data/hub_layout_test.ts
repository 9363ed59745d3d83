import { assert } from "#test";
import { UsageError } from "#errors";
import { parseCard } from "./card.ts";
import { filesOfSplit, globToRegExp, isDataFile, missingShards } from "./hub_layout.ts";

const card = (yaml: string) => parseCard(`---\n${yaml}\n---\n# A data set\n`, "README.md");

Deno.test("filesOfSplit() follows the configs of a card", async () => {
  const configs = await card(`
license: mit
configs:
- config_name: default
  data_files:
  - split: test
    path: qrels/test.jsonl
- config_name: corpus
  data_files:
  - split: corpus
    path: corpus.jsonl
- config_name: queries
  data_files:
  - split: queries
    path: [queries-a.jsonl, queries-b.jsonl]`);
  const paths = [
    "README.md",
    "corpus.jsonl",
    "qrels/test.jsonl",
    "queries-a.jsonl",
    "queries-b.jsonl",
    "test.jsonl",
  ];
  const find = (query: Parameters<typeof filesOfSplit>[3]) =>
    filesOfSplit("o/n", paths, configs, query)?.paths;
  assert.deepEqual(find({ split: "corpus" }), ["corpus.jsonl"]);
  assert.deepEqual(find({ split: "queries" }), ["queries-a.jsonl", "queries-b.jsonl"]);
  assert.deepEqual(find({ split: "test", judgements: true }), ["qrels/test.jsonl"]);
  assert.equal(find({ split: "train" }), undefined);
});

Deno.test("filesOfSplit() takes the subset that is asked for, or the files of all with a column to tell", async () => {
  const configs = await card(`
configs:
- config_name: de
  data_files:
  - {split: test, path: de/test-*}
- config_name: en
  data_files:
  - {split: test, path: en/test-*}`);
  const paths = ["de/test-00000-of-00001.parquet", "en/test-00000-of-00001.parquet"];
  const query = { split: "test", subset: "en" };
  assert.deepEqual(filesOfSplit("o/n", paths, configs, query), { paths: [paths[1]], ofSubset: true });
  assert.deepEqual(filesOfSplit("o/n", ["test.jsonl.gz"], [], query), {
    paths: ["test.jsonl.gz"],
    ofSubset: false,
  });
  // Which of two languages is meant is not to be guessed.
  assert.equal(filesOfSplit("o/n", paths, configs, { split: "test" }), undefined);
});

Deno.test("filesOfSplit() finds files by the names that data sets on the hub give them", () => {
  const cases: [id: string, paths: string[], query: Parameters<typeof filesOfSplit>[3], found: string[]][] = [
    ["o/n", ["test.jsonl", "test.jsonl.gz", "train.jsonl"], { split: "test" }, ["test.jsonl.gz"]],
    ["o/n", ["data/test-00001-of-00002.parquet", "data/test-00000-of-00002.parquet"], { split: "test" }, [
      "data/test-00000-of-00002.parquet",
      "data/test-00001-of-00002.parquet",
    ]],
    ["o/n", ["data/test-00000-of-00001-0a1b2c.parquet"], { split: "test" }, [
      "data/test-00000-of-00001-0a1b2c.parquet",
    ]],
    ["o/n", ["en-en/test.jsonl.gz"], { split: "test", subset: "en-en" }, ["en-en/test.jsonl.gz"]],
    ["o/n", ["corpus/corpus-00000-of-00001.parquet"], { split: "corpus" }, [
      "corpus/corpus-00000-of-00001.parquet",
    ]],
    ["o/n", ["qrels/dev.tsv", "qrels/test.tsv"], { split: "test", judgements: true }, ["qrels/test.tsv"]],
    ["openai/gsm8k", ["main/test-00000-of-00001.parquet", "socratic/test-00000-of-00001.parquet"], {
      split: "test",
    }, [
      "main/test-00000-of-00001.parquet",
    ]],
    [
      "cais/mmlu",
      ["all/dev-00000-of-00001.parquet", "anatomy/dev-00000-of-00001.parquet"],
      { split: "dev" },
      [
        "all/dev-00000-of-00001.parquet",
      ],
    ],
    ["lukaemon/bbh", ["navigate/test-00000-of-00001.parquet"], { split: "test", subset: "navigate" }, [
      "navigate/test-00000-of-00001.parquet",
    ]],
  ];
  for (const [id, paths, query, found] of cases) {
    assert.deepEqual(filesOfSplit(id, paths, [], query)?.paths, found);
  }
  assert.equal(
    filesOfSplit("o/n", ["testing.jsonl", "mytest.jsonl", "test.csv"], [], { split: "test" }),
    undefined,
  );
});

Deno.test("missingShards() tells which shards are promised and not there", () => {
  assert.deepEqual(missingShards(["a/t-00000-of-00003.parquet", "a/t-00002-of-00003.parquet"]), [
    "a/t-00001-of-00003.parquet",
  ]);
  assert.deepEqual(missingShards(["test.jsonl", "x-00000-of-00001.parquet"]), []);
});

Deno.test("globToRegExp() keeps a star within its folder", () => {
  const matches = (glob: string, path: string) => globToRegExp(glob).test(path);
  assert.ok(
    matches("data/test-*", "data/test-0.parquet") && !matches("data/test-*", "data/test-a/b.parquet"),
  );
  assert.ok(matches("**/*.jsonl", "a/b/c.jsonl") && matches("**/*.jsonl", "c.jsonl"));
  assert.ok(matches("x-[0-9].p", "x-7.p") && !matches("x-[0-9].p", "x-a.p") && !matches("a.c", "abc"));
});

Deno.test("isDataFile() leaves out what describes data", () => {
  const data = ["a/test.jsonl", "test.json", "x.parquet", "qrels/t.tsv"],
    not = ["dataset_infos.json", "x.py", "a/.meta.json"];
  assert.deepEqual([...data, ...not].filter(isDataFile), data);
});

Deno.test("parseCard() reads a card without configs, and refuses one that is torn", async () => {
  assert.deepEqual(await parseCard("# no front matter\n", "r"), []);
  assert.deepEqual(await card("license: mit"), []);
  await assert.rejects(card("configs: [a: b: c"), (error) => error instanceof UsageError);
});
