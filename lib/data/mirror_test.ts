import { assert, sharedData, testWith } from "#test";
import { MissingError, UsageError } from "#errors";
import { integerColumn, labelColumn, numberColumn, stringColumn, stringListColumn } from "./columns.ts";
import { Mirror } from "./mirror.ts";

async function withMirror(
  files: Record<string, string>,
  use: (mirror: Mirror) => Promise<void> | void,
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
      assert.equal(mirror.isPartial("tiny/a"), false);
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
    assert.deepEqual(rows, [
      { line: 2, query: "1", document: "22", relevance: 1 },
      { line: 3, query: "1", document: "3", relevance: -1 },
    ]);
    assert.equal(file.rows, 2);
  });
  for (const bad of ["1\t2", "1\t2\t0.5", "1 2 3", "1\t2\t3\t4", "\t2\t1", ""]) {
    await withMirror({ "d/qrels/test.tsv": `${header}${bad}\n` }, async (mirror) => {
      await assert.rejects(mirror.judgements("T", "d", "test"), UsageError);
    });
  }
});

Deno.test("Mirror.judgements() reads JSON rows with ids of both types, and names the rows that contradict each other", async () => {
  const row = (query: unknown, document: unknown, score: unknown) =>
    JSON.stringify({ "query-id": query, "corpus-id": document, score }) + "\n";
  await withMirror(
    { "d/qrels/dev.jsonl": row(1, "a", 2) + row("q", 7, 0) + row("1", "a", 2) },
    async (mirror) => {
      const { rows, file } = await mirror.judgements("T", "d", "dev");
      assert.deepEqual(rows, [
        { line: 1, query: "1", document: "a", relevance: 2 },
        { line: 2, query: "q", document: "7", relevance: 0 },
      ]);
      assert.equal(file.rows, 2);
    },
  );
  const refused: [text: string, complaint: RegExp][] = [
    [row(1, "a", 2) + row(1, "a", 1), /^T: "d\/qrels\/dev.jsonl" line 2 gives .* the relevance 1, line 1 2$/],
    [row(1, "", 2), /^T: "d\/qrels\/dev.jsonl" line 1: column "corpus-id"/],
    [row(1, "a", 0.5), /line 1: column "score"/],
    ['{"query-id": "1"', /^T: "d\/qrels\/dev.jsonl" line 1 is not JSON/],
  ];
  for (const [text, complaint] of refused) {
    await withMirror({ "d/qrels/dev.jsonl": text }, async (mirror) => {
      await assert.rejects(
        mirror.judgements("T", "d", "dev"),
        (error) => error instanceof UsageError && complaint.test(error.message),
      );
    });
  }
});

Deno.test("Mirror.split() reads a subset from its own folder, or by the column lang, and no other", async () => {
  const texts = async (mirror: Mirror, subset?: string) =>
    (await mirror.split("T", "d", "test", (row, source) => stringColumn(row, "text", source), { subset }))
      .rows;
  const row = (text: string, lang?: string) => JSON.stringify({ text, lang }) + "\n";
  await withMirror(
    { "d/en/test.jsonl": row("own"), "d/test.jsonl": row("a", "en") + row("b", "de") },
    async (mirror) => {
      assert.deepEqual(await texts(mirror, "en"), ["own"]);
      assert.deepEqual(await texts(mirror, "de"), ["b"]);
      assert.deepEqual(await texts(mirror), ["a", "b"]);
      assert.deepEqual(
        await Promise.all(["en", "fr", undefined].map((subset) => mirror.hasSplit("d", "test", subset))),
        [true, true, true],
      );
      assert.equal(await mirror.hasSplit("d", "train"), false);
      await assert.rejects(
        texts(mirror, "fr"),
        (error) =>
          error instanceof UsageError &&
          error.message === 'T: "d/test.jsonl" holds no rows of the subset "fr"',
      );
    },
  );
  // Without the column nobody knows which rows are English.
  await withMirror({ "d/test.jsonl": row("a") }, async (mirror) => {
    await assert.rejects(
      texts(mirror, "en"),
      (error) => error instanceof UsageError && /line 1: column "lang"/.test(error.message),
    );
  });
});

Deno.test("Mirror.split() names task, file and row of what is damaged or empty", async () => {
  const refused: [text: string, complaint: string][] = [
    ['{"text":"a"}\n{"text"\n', 'T: "d/test.jsonl" line 2 is not JSON'],
    ['{"text":"a"}\n\n', 'T: "d/test.jsonl" line 2 is not JSON'],
    ['["a"]\n', 'T: "d/test.jsonl" line 1 is not a JSON object'],
    ['{"texts":"a"}\n', 'T: "d/test.jsonl" line 1: column "text" must be a string, found no such column'],
    ["", 'T: "d/test.jsonl" holds no rows'],
  ];
  for (const [text, complaint] of refused) {
    await withMirror({ "d/test.jsonl": text }, async (mirror) => {
      await assert.rejects(
        mirror.split("T", "d", "test", (row, source) => stringColumn(row, "text", source)),
        (error) => error instanceof UsageError && error.message.startsWith(complaint),
      );
    });
  }
  await withMirror({ "d/test.jsonl.gz": "no gzip" }, async (mirror) => {
    await assert.rejects(
      mirror.split("T", "d", "test", () => 1),
      (error) =>
        error instanceof UsageError &&
        error.message.startsWith('T: "d/test.jsonl.gz" is damaged after line 0'),
    );
  });
});

Deno.test("Mirror.isPartial() follows index.json, and is false without one", async () => {
  await withMirror({ "index.json": '[{"id":"a","partial":true},{"id":"b"}]' }, (mirror) => {
    assert.deepEqual([mirror.isPartial("a"), mirror.isPartial("b")], [true, false]);
    assert.equal(mirror.revisionOf("a"), undefined);
  });
  await withMirror({}, (mirror) => assert.equal(mirror.isPartial("a"), false));
  await withMirror({ "index.json": '[{"id":"a","mteb_revision":"0f1e"}]' }, (mirror) => {
    assert.equal(mirror.revisionOf("a"), "0f1e");
  });
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
