import { assert, sharedData, testWith } from "#test";
import { MissingError, UsageError } from "#errors";
import { integerColumn, labelColumn, numberColumn, stringColumn, stringListColumn } from "./columns.ts";
import { Mirror } from "./mirror.ts";

async function withMirror(
  files: Record<string, string>,
  use: (mirror: Mirror) => Promise<void>,
): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    for (const [path, text] of Object.entries(files)) {
      await Deno.mkdir(`${root}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
      await Deno.writeTextFile(`${root}/${path}`, text);
    }
    await use(new Mirror(root));
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

Deno.test("Mirror.split() returns typed rows with a path relative to the root", async () => {
  await withMirror({ "a/b/test.jsonl": '{"text":"x"}\n{"text":"y"}\n' }, async (mirror) => {
    const { rows, file } = await mirror.split(
      "T",
      "a/b",
      "test",
      (row, source) => stringColumn(row, "text", source),
    );
    assert.deepEqual(rows, ["x", "y"]);
    assert.equal(file.path, "a/b/test.jsonl");
    assert.equal(file.rows, 2);
  });
});

Deno.test("Mirror.split() names every path it looked at when the data set is missing", async () => {
  await withMirror({}, async (mirror) => {
    await assert.rejects(
      mirror.split("Banking77Classification", "mteb/banking77", "test", () => 0),
      (error) => {
        assert.ok(error instanceof MissingError);
        assert.match(
          error.message,
          /Banking77Classification.*mteb\/banking77\/test\.jsonl\.gz.*test\.jsonl"/,
        );
        assert.match(error.cure, /fetch "mteb\/banking77"/);
        return true;
      },
    );
  });
});

Deno.test("column readers name task, file, line and column when a value is of the wrong type", async () => {
  const readers = [stringColumn, numberColumn, labelColumn, stringListColumn] as const;
  await withMirror({ "d/test.jsonl": '{"x":null}\n' }, async (mirror) => {
    for (const read of readers) {
      for (const column of ["x", "absent"]) {
        await assert.rejects(
          mirror.split("Task", "d", "test", (row, source) => read(row, column, source)),
          (error) =>
            error instanceof UsageError &&
            error.message.includes(`Task: "d/test.jsonl" line 1: column "${column}"`),
        );
      }
    }
  });
  const row = { line: 1, value: { n: 4, halves: 0.5, list: ["a", "b"] } };
  const source = { task: "T", file: "f" };
  assert.equal(integerColumn(row, "n", source, 0, 4), 4);
  assert.throws(() => integerColumn(row, "n", source, 0, 3), UsageError);
  assert.throws(() => integerColumn(row, "halves", source, 0, 3), UsageError);
  assert.deepEqual(stringListColumn(row, "list", source, 2), ["a", "b"]);
  assert.throws(() => stringListColumn(row, "list", source, 3), UsageError);
});

Deno.test("Mirror finds built-in data sets in the program's folder, and all others in the folder that is given", async () => {
  const root = Deno.makeTempDirSync();
  try {
    for (
      const [where, id] of [["own", "tiny/a"], ["own", "tiny-dev/a"], ["given", "tiny/a"], [
        "given",
        "tinyish/a",
      ]]
    ) {
      Deno.mkdirSync(`${root}/${where}/${id}`, { recursive: true });
      Deno.writeTextFileSync(`${root}/${where}/${id}/test.jsonl`, JSON.stringify({ where }) + "\n");
    }
    Deno.writeTextFileSync(`${root}/given/index.json`, '[{"id":"tiny/a","partial":true}]');
    const read = async (mirror: Mirror, id: string) =>
      (await mirror.split("T", id, "test", ({ value }) => value["where"])).rows;
    const both = new Mirror(`${root}/given`, `${root}/own`), alone = new Mirror(undefined, `${root}/own`);
    for (const mirror of [both, alone]) {
      assert.deepEqual([await read(mirror, "tiny/a"), await read(mirror, "tiny-dev/a")], [["own"], ["own"]]);
      assert.equal(await mirror.isPartial("tiny/a"), false);
    }
    assert.deepEqual(await read(both, "tinyish/a"), ["given"]);
    await assert.rejects(
      read(alone, "tinyish/a"),
      (error) =>
        error instanceof MissingError && error.message.startsWith("no folder with data sets is given") &&
        error.cure.includes("--data-root"),
    );
    await assert.rejects(
      read(both, "tiny/b"),
      (error) =>
        error instanceof MissingError && error.message.includes(`${root}/own/tiny/b/test.jsonl`) &&
        error.cure.startsWith("restore fixtures/tiny/data"),
    );
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});

Deno.test("Mirror.judgements() skips the header and rejects malformed lines", async () => {
  const header = "query-id\tcorpus-id\tscore\n";
  await withMirror({ "d/qrels/test.tsv": `${header}1\t22\t1\n1\t3\t-1\n` }, async (mirror) => {
    const { rows, file } = await mirror.judgements("T", "d", "test");
    assert.deepEqual(rows, [{ query: "1", document: "22", relevance: 1 }, {
      query: "1",
      document: "3",
      relevance: -1,
    }]);
    assert.equal(file.rows, 2);
  });
  for (const bad of ["1\t2", "1\t2\t0.5", "1 2 3", "1\t2\t3\t4", "\t2\t1", ""]) {
    await withMirror({ "d/qrels/test.tsv": `${header}${bad}\n` }, async (mirror) => {
      await assert.rejects(mirror.judgements("T", "d", "test"), UsageError);
    });
  }
});

Deno.test("Mirror.isPartial() follows index.json, and is false without one", async () => {
  await withMirror({ "index.json": '[{"id":"a","partial":true},{"id":"b"}]' }, async (mirror) => {
    assert.deepEqual([await mirror.isPartial("a"), await mirror.isPartial("b")], [true, false]);
  });
  await withMirror({}, async (mirror) => assert.equal(await mirror.isPartial("a"), false));
});

testWith(
  sharedData,
  "Mirror reads the real STSBenchmark test split with the published sha256",
  async (root) => {
    const { rows, file } = await new Mirror(root).split(
      "STSBenchmark",
      "mteb/stsbenchmark-sts",
      "test",
      (row, source) => numberColumn(row, "score", source),
    );
    const index = JSON.parse(await Deno.readTextFile(`${root}/index.json`)) as {
      id: string;
      files: { sha256: string; bytes: number }[];
    }[];
    const published = index.find((entry) => entry.id === "mteb/stsbenchmark-sts")!.files[0]!;
    assert.equal(rows.length, 1379);
    assert.equal(file.sha256, published.sha256);
    assert.equal(file.bytes, published.bytes);
  },
);
