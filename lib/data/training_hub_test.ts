import { assert } from "#test";
import { MissingError, UsageError } from "#errors";
import { MAIN, PINNED, withCache } from "./_hub_cache.ts";
import { Mirror } from "./mirror.ts";
import { loadTraining, type TrainingData, trainingDataSet } from "./training.ts";

const data = (change: Partial<TrainingData>): TrainingData => ({
  train: "datasets/o/n",
  kind: "supervised",
  split: "train",
  subset: "",
  columns: [],
  ...change,
});

const row = (query: string) => JSON.stringify({ query, positive: "p", negative: "n" }) + "\n";

Deno.test("trainingDataSet() takes a path for a path, and a data set for one", () => {
  assert.deepEqual(trainingDataSet(`datasets/o/n@${PINNED}`), {
    type: "dataset",
    id: "o/n",
    revision: PINNED,
  });
  for (const path of ["mini/triplets/train.jsonl.gz", "train.jsonl", "datasets/o/train.jsonl", "o/n"]) {
    assert.equal(trainingDataSet(path), undefined, path);
  }
});

Deno.test("loadTraining() reads a data set that was pulled, at the revision that is named", async () => {
  await withCache({
    [`o/n@${PINNED}`]: { "train.jsonl": row("pinned") },
    [`o/n@${MAIN}`]: { "train.jsonl": row("main"), "dev.jsonl": row("dev") },
  }, async (mirror) => {
    const queries = async (change: Partial<TrainingData>) => {
      const { rows, file } = await loadTraining(mirror, data(change));
      return [rows.map((one) => "query" in one ? one.query : one.text), file.path, file.rows];
    };
    assert.deepEqual(await queries({}), [["main"], "o/n@222222222222/train.jsonl", 1]);
    assert.deepEqual(await queries({ split: "dev" }), [["dev"], "o/n@222222222222/dev.jsonl", 1]);
    assert.deepEqual(await queries({ train: `datasets/o/n@${PINNED}` }), [
      ["pinned"],
      "o/n@111111111111/train.jsonl",
      1,
    ]);
    await assert.rejects(
      loadTraining(mirror, data({ train: `datasets/o/n@${"3".repeat(40)}` })),
      (error) =>
        error instanceof MissingError &&
        error.cure.includes(`grace-repro pull datasets/o/n@${"3".repeat(40)}`),
    );
    await assert.rejects(
      loadTraining(mirror, data({ split: "test" })),
      (error) => error instanceof MissingError && /"o\/n" .* no split "test"/.test(error.message),
    );
  });
});

Deno.test("loadTraining() takes other names of columns, and tells which there are", async () => {
  const card =
    "---\nconfigs:\n- config_name: triplet\n  data_files:\n  - split: train\n    path: triplet/*.jsonl\n" +
    "- config_name: pair\n  data_files:\n  - split: train\n    path: pair/*.jsonl\n---\n";
  await withCache({
    [`o/n@${MAIN}`]: {
      "README.md": card,
      "triplet/a.jsonl": '{"anchor":" a ","positive":"p","negative":"n"}\n',
      "pair/a.jsonl": '{"anchor":"b"}\n',
    },
  }, async (mirror) => {
    const columns = ["anchor", "positive", "negative"];
    const { rows } = await loadTraining(mirror, data({ subset: "triplet", columns }));
    assert.deepEqual(rows, [{ query: "a", positive: "p", negative: "n", source: "" }]);
    const texts = await loadTraining(
      mirror,
      data({ kind: "unsupervised", subset: "pair", columns: ["anchor"] }),
    );
    assert.deepEqual(texts.rows, [{ text: "b" }]);
    await assert.rejects(
      loadTraining(mirror, data({ subset: "triplet" })),
      (error) =>
        error instanceof UsageError && error.cure.includes("columns: anchor, positive, negative") &&
        error.message ===
          'supervised training: "o/n@222222222222/triplet/a.jsonl" line 1: column "query" is not there',
    );
    await assert.rejects(
      loadTraining(mirror, data({ columns })),
      (error) => error instanceof MissingError && /parts: triplet, pair/.test(error.message),
    );
  });
});

Deno.test("loadTraining() reads a pinned data set below the data root only if the index says it is that commit", async () => {
  await withCache({ [`o/n@${PINNED}`]: { "train.jsonl": row("cache") } }, async ({ hub }) => {
    const root = await Deno.makeTempDir();
    try {
      await Deno.mkdir(`${root}/o/n`, { recursive: true });
      await Deno.writeTextFile(`${root}/o/n/train.jsonl`, row("folder"));
      const first = async (train: string) => {
        const { rows } = await loadTraining(new Mirror(root, undefined, hub), data({ train }));
        return "query" in rows[0]! ? rows[0].query : "";
      };
      assert.equal(await first("datasets/o/n"), "folder");
      assert.equal(await first(`datasets/o/n@${PINNED}`), "cache");
      await assert.rejects(
        first(`datasets/o/n@${"3".repeat(40)}`),
        (error) => error instanceof MissingError && error.message.includes(`nor does "${root}" say`),
      );
      await Deno.writeTextFile(`${root}/index.json`, JSON.stringify([{ id: "o/n", mteb_revision: PINNED }]));
      assert.equal(await first(`datasets/o/n@${PINNED}`), "folder");
    } finally {
      await Deno.remove(root, { recursive: true });
    }
  });
});

Deno.test("loadTraining() names the file that is not there with its folder, and what else can be named", async () => {
  await assert.rejects(
    loadTraining(new Mirror("nowhere"), data({ train: "mini/train.jsonl" })),
    (error) =>
      error instanceof MissingError && error.message.includes('"nowhere/mini/train.jsonl"') &&
      error.cure.includes("datasets/<owner>/<name>"),
  );
});
