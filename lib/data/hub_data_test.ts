import { fileURLToPath } from "node:url";
import { assert } from "#test";
import { MissingError } from "#errors";
import { sha256Hex } from "../manifest/hash.ts";
import { HubData } from "./hub_data.ts";
import { Mirror } from "./mirror.ts";
import { MAIN, PINNED, withCache } from "./_hub_cache.ts";
import { chooseDataFiles } from "./choose_data_files.ts";
import { integerColumn, stringColumn } from "./columns.ts";

const parquet = Deno.readFileSync(
  fileURLToPath(new URL("../../fixtures/golden/parquet/zstd.parquet", import.meta.url)),
);

const text = (
  row: { value: Readonly<Record<string, unknown>>; line: number },
  source: { task: string; file: string },
) => stringColumn(row, "text", source);

Deno.test("Mirror reads the pinned revision from the hub's cache, and no other", async () => {
  await withCache({
    [`o/n@${PINNED}`]: { "test.jsonl": '{"text":"pinned"}\n' },
    [`o/n@${MAIN}`]: { "test.jsonl": '{"text":"main"}\n' },
  }, async (mirror) => {
    const { rows, file } = await mirror.at(PINNED).split("T", "o/n", "test", text);
    assert.deepEqual([rows, file.path], [["pinned"], "o/n@111111111111/test.jsonl"]);
    assert.deepEqual((await mirror.split("T", "o/n", "test", text)).rows, ["main"]);
    assert.equal(mirror.at(PINNED).revisionOf("o/n"), PINNED);
    assert.equal(mirror.isPartial("o/n"), false);
    const other = "3".repeat(40);
    await assert.rejects(
      mirror.at(other).split("T", "o/n", "test", text),
      (error) =>
        error instanceof MissingError &&
        error.cure.startsWith(
          `download it, once: grace-repro pull datasets/o/n@${other} (in the cache is 111111111111, 222222222222`,
        ),
    );
  });
});

Deno.test("Mirror reads all files of a split as one, Parquet rows as others, and no split of which one is missing", async () => {
  const shard = (i: number) => `data/test-0000${i}-of-00002.parquet`;
  await withCache(
    {
      [`o/n@${MAIN}`]: {
        [shard(0)]: parquet,
        [shard(1)]: parquet,
        "data/train-00000-of-00002.parquet": parquet,
      },
    },
    async (mirror) => {
      const { rows, file } = await mirror.split("T", "o/n", "test", (row, source) => [
        row.line,
        integerColumn(row, "label", source, 0, 3),
      ]);
      assert.equal(rows.length, 50);
      assert.deepEqual([rows[0], rows[25]], [[1, 0], [1, 0]]);
      const lines = [0, 1].map((i) => `${sha256Hex(parquet)}  o/n@222222222222/${shard(i)}\n`).join("");
      assert.deepEqual(file, {
        path: `o/n@222222222222/${shard(0)} and 1 more`,
        bytes: 2 * parquet.length,
        sha256: sha256Hex(lines),
        rows: 50,
      });
      await assert.rejects(
        mirror.split("T", "o/n", "train", text),
        (error) =>
          error instanceof MissingError && error.message.includes('"data/train-00001-of-00002.parquet"') &&
          error.cure === "complete it: grace-repro pull datasets/o/n",
      );
      await assert.rejects(
        mirror.split("T", "o/n", "test", (row, source) => stringColumn(row, "label", source)),
        {
          message: `T: "o/n@222222222222/${shard(0)}" row 1: column "label" must be a string, found 0`,
        },
      );
    },
  );
});

Deno.test("Mirror reads judgements, parts behind an id, and languages from the cache", async () => {
  const qrel = (query: string, score: number) =>
    JSON.stringify({ "query-id": query, "corpus-id": "d", score }) + "\n";
  await withCache({
    [`o/r@${MAIN}`]: { "qrels/test.jsonl": qrel("a", 1) + qrel("b", 0), "corpus.jsonl": '{"text":"x"}\n' },
    [`lukaemon/bbh@${MAIN}`]: {
      "navigate/test.jsonl": '{"text":"n"}\n',
      "snarks/test.jsonl": '{"text":"s"}\n',
    },
    [`o/l@${MAIN}`]: { "test.jsonl": '{"text":"e","lang":"en"}\n{"text":"d","lang":"de"}\n' },
  }, async (mirror) => {
    const { rows } = await mirror.judgements("T", "o/r", "test");
    assert.deepEqual(rows.map(({ query, relevance }) => [query, relevance]), [["a", 1], ["b", 0]]);
    assert.deepEqual((await mirror.split("T", "o/r", "corpus", text)).rows, ["x"]);
    assert.deepEqual((await mirror.split("T", "lukaemon/bbh/snarks", "test", text)).rows, ["s"]);
    assert.deepEqual((await mirror.split("T", "o/l", "test", text, { subset: "de" })).rows, ["d"]);
    assert.equal(await mirror.hasJudgements("o/r", "dev"), false);
  });
});

Deno.test("Mirror takes a folder that is given before the cache", async () => {
  await withCache({
    [`o/n@${MAIN}`]: { "test.jsonl": '{"text":"cache"}\n' },
    [`o/m@${MAIN}`]: { "test.jsonl": '{"text":"cache"}\n' },
  }, async (_mirror, cache) => {
    const root = `${cache}/given`;
    await Deno.mkdir(`${root}/o/n`, { recursive: true });
    await Deno.writeTextFile(`${root}/o/n/test.jsonl`, '{"text":"folder"}\n');
    const both = new Mirror(root, undefined, new HubData(cache));
    const read = async (id: string) => (await both.split("T", id, "test", text)).rows;
    assert.deepEqual([await read("o/n"), await read("o/m")], [["folder"], ["cache"]]);
  });
});

Deno.test("chooseDataFiles() takes the first choice that the data set has, and says what it holds where there is none", async () => {
  const paths = [
    "README.md",
    "corpus.jsonl",
    "loader.py",
    "qrels/test.tsv",
    "queries.jsonl",
    "test.jsonl.gz",
    "train.jsonl",
  ];
  const listing = {
    name: "datasets/o/n",
    paths,
    read: () => Promise.resolve(new TextEncoder().encode("# no front matter")),
  };
  const tables = [{ split: "corpus" }, { split: "queries" }, { split: "test", judgements: true }];
  const choose = (...choices: Parameters<typeof chooseDataFiles>[1][]) =>
    chooseDataFiles("o/n", choices[0])(listing);
  assert.deepEqual(await choose([[[...tables, { split: "top_ranked" }], [{ split: "test" }]]]), [
    "README.md",
    "test.jsonl.gz",
  ]);
  assert.deepEqual(await choose([[tables]]), [
    "README.md",
    "corpus.jsonl",
    "queries.jsonl",
    "qrels/test.tsv",
  ]);
  assert.deepEqual(await choose(undefined), paths.filter((path) => path !== "loader.py"));
  await assert.rejects(
    choose([[[{ split: "test" }, { split: "dev", subset: "en" }]]]),
    (error) =>
      error instanceof MissingError &&
      error.message === '"datasets/o/n" has no file of the split "dev" of "en"' &&
      error.cure.startsWith("it holds README.md, corpus.jsonl, loader.py"),
  );
});
