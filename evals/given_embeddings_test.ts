import { assert } from "#test";
import { GraceError, MissingError, NumericError } from "#errors";
import golden from "../fixtures/golden/npy/npy.json" with { type: "json" };
import { hashedTrigrams, TrigramEncoder } from "../fixtures/hashed_trigrams.ts";
import { writeTinyMirror } from "../fixtures/tiny_mirror.ts";
import { Mirror } from "../lib/data/mirror.ts";
import { sha256Hex } from "../lib/manifest/hash.ts";
import { requireCoverage } from "./coverage.ts";
import { findSuite } from "./find_suite.ts";
import { GivenEmbeddings, isGivenEmbeddings } from "./given_embeddings.ts";
import { inputsOf } from "./_all_texts.ts";
import { runSuite } from "./run_suite.ts";
import { resolveSuite } from "./suite.ts";

type Files = Record<string, string | Uint8Array<ArrayBuffer>>;

async function withFiles(files: Files, use: (folder: string) => Promise<void> | void): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, content] of Object.entries(files)) {
      if (typeof content === "string") Deno.writeTextFileSync(`${folder}/${name}`, content);
      else Deno.writeFileSync(`${folder}/${name}`, content);
    }
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const f32 = (...values: number[]) => new Uint8Array(new Float32Array(values).buffer);
const lines = (...rows: unknown[]) => rows.map((row) => JSON.stringify(row) + "\n").join("");
const raw = { "embeddings.json": '{"dimension":2}', "embeddings.f32": f32(1, 2, 3, 4) };

async function embeddingOf(given: GivenEmbeddings, text: string, prompt = ""): Promise<number[]> {
  return [...(await given.encode([text], { prompt }))[0]!.embedding];
}

Deno.test("GivenEmbeddings finds a text by its content, its hash or its prompt, in every form of file", async () => {
  await withFiles({ ...raw, "texts.jsonl": lines("naïve", { sha256: sha256Hex("b") }) }, async (folder) => {
    assert.ok(isGivenEmbeddings(folder));
    using given = new GivenEmbeddings(folder);
    assert.deepEqual([given.dimension, given.size, given.prompts], [2, 2, undefined]);
    assert.deepEqual(await embeddingOf(given, "naïve"), [1, 2]);
    assert.deepEqual(await embeddingOf(given, "b"), [3, 4]);
    await assert.rejects(given.encode(["c"]), MissingError);
  });
  const texts = lines("a", { text: "a", prompt: "query: " });
  await withFiles({ ...raw, "texts.jsonl": texts }, async (folder) => {
    using given = new GivenEmbeddings(folder);
    assert.deepEqual(await embeddingOf(given, "a"), [1, 2]);
    assert.deepEqual(await embeddingOf(given, "a", "query: "), [3, 4]);
    assert.equal(given.has("a", "passage: "), false);
  });
  for (const type of ["float32", "float16"] as const) {
    const files = {
      "texts.sha256": `${sha256Hex("a")}\n${sha256Hex("b")}\n`,
      "embeddings.npy": Uint8Array.fromBase64(golden.files[type]),
    };
    await withFiles(files, async (folder) => {
      using given = new GivenEmbeddings(folder);
      const expected = type === "float32" ? Math.fround(0.1) : 0.0999755859375;
      assert.deepEqual(await embeddingOf(given, "a"), [1, -2.5, 3]);
      assert.deepEqual(await embeddingOf(given, "b"), [expected, 65504, -0]);
    });
  }
});

Deno.test("GivenEmbeddings refuses folders in which rows and texts do not belong together", async () => {
  const npy = { "embeddings.npy": Uint8Array.fromBase64(golden.files.float32) };
  const two = lines("a", "b");
  const cases: [Files, RegExp][] = [
    [{ ...raw, "texts.jsonl": lines("a") }, /names 1 texts, "embeddings\.f32" has 2 rows/],
    [{ "embeddings.f32": f32(1, 2), "texts.jsonl": lines("a") }, /does not tell its dimension/],
    [{ ...raw, "embeddings.f32": f32(1, 2, 3), "texts.jsonl": two }, /has 12 bytes, whole rows have 8/],
    [{ ...raw, ...npy, "texts.jsonl": two }, /has embeddings\.npy and embeddings\.f32/],
    [{ ...npy, "embeddings.json": '{"dimension":4}', "texts.jsonl": two }, /has 3 columns.* says 4/],
    [
      { "embeddings.npy": npy["embeddings.npy"].slice(0, -1), "texts.jsonl": two },
      /has 151 bytes, whole rows have 152/,
    ],
    [{ "texts.jsonl": two }, /has no embeddings\.npy or embeddings\.f32/],
    [{ ...raw, "texts.jsonl": lines("a", "a") }, /line 2 is the text of line 1, with another embedding/],
    [{ ...raw, "texts.jsonl": lines("a", { txt: "b" }) }, /line 2 is not of the format/],
    [{ ...raw, "texts.jsonl": '"a"\nb\n' }, /line 2 is not JSON/],
    [{ ...raw, "texts.sha256": "abc\n" }, /line 1 is not a SHA-256/],
    [
      { ...raw, "embeddings.json": '{"dimensions":2}', "texts.jsonl": two },
      /embeddings\.json" is not of the format/,
    ],
  ];
  for (const [files, message] of cases) {
    await withFiles(files, (folder) => {
      assert.throws(
        () => new GivenEmbeddings(folder),
        (error) => error instanceof GraceError && message.test(error.message),
        String(message),
      );
    });
  }
});

Deno.test("GivenEmbeddings takes a text twice with one embedding", async () => {
  const files = { ...raw, "embeddings.f32": f32(1, 2, 1, 2), "texts.jsonl": lines("a", "a") };
  await withFiles(files, (folder) => {
    using given = new GivenEmbeddings(folder);
    assert.equal(given.size, 1);
  });
});

Deno.test("GivenEmbeddings is another encoder if a row, a text or a prompt differs, and the same in another folder", async () => {
  const files: Files = { ...raw, "texts.jsonl": lines("a", "b") };
  const digests: string[] = [];
  const prompts = { named: { query: "q: " }, standard: "" };
  const changes: Files[] = [
    {},
    {},
    { "embeddings.f32": f32(1, 2, 3, 5) },
    { "texts.jsonl": lines("a", "c") },
    { "embeddings.json": JSON.stringify({ dimension: 2, prompts }) },
  ];
  for (const change of changes) {
    await withFiles({ ...files, ...change }, (folder) => {
      using given = new GivenEmbeddings(folder);
      digests.push(given.digest);
    });
  }
  assert.equal(digests[0], digests[1]);
  assert.equal(new Set(digests).size, 4);
});

Deno.test("runSuite() scores given embeddings as it scores the encoder that made them", async () => {
  await withFiles({}, async (root) => {
    const dataRoot = await writeTinyMirror(`${root}/data`);
    const suite = findSuite("smoke:STSBenchmark,SciFact,Banking77Classification");
    const tasks = await resolveSuite(suite, new Mirror(dataRoot));
    const texts = (await inputsOf(tasks)).map(({ text }) => text);
    const write = (name: string, rows: readonly string[]) => {
      const folder = `${root}/${name}`;
      Deno.mkdirSync(folder);
      Deno.writeTextFileSync(`${folder}/texts.jsonl`, lines(...rows));
      Deno.writeTextFileSync(`${folder}/embeddings.json`, '{"dimension":64}');
      const values = rows.flatMap((text) => [...hashedTrigrams(text)]);
      Deno.writeFileSync(`${folder}/embeddings.f32`, f32(...values));
      return folder;
    };
    // In another order, with two that no task has.
    using given = new GivenEmbeddings(write("whole", ["extra", ...texts.toReversed(), "more"]));
    assert.deepEqual(await requireCoverage(tasks, given, "whole"), { needed: texts.length, extra: 2 });
    const ours = await runSuite({ suite, dataRoot, out: `${root}/given`, encoder: given });
    const theirs = await runSuite({ suite, dataRoot, out: `${root}/encoded`, encoder: new TrigramEncoder() });
    assert.deepEqual(ours.scores.map(({ metrics }) => metrics), theirs.scores.map(({ metrics }) => metrics));
    assert.deepEqual(ours.scores.map(({ items }) => items), theirs.scores.map(({ items }) => items));

    using part = new GivenEmbeddings(write("part", texts.slice(5)));
    await assert.rejects(
      requireCoverage(tasks, part, "part"),
      (error) =>
        error instanceof MissingError &&
        error.message.startsWith(`"part" lacks 5 of ${texts.length} texts: ${JSON.stringify(texts[0])}, `),
    );
  });
});

Deno.test("runSuite() names the text whose given embedding is not finite", async () => {
  await withFiles({}, async (root) => {
    const dataRoot = await writeTinyMirror(`${root}/data`);
    const suite = findSuite("smoke:STSBenchmark");
    const texts = await inputsOf(await resolveSuite(suite, new Mirror(dataRoot)));
    Deno.writeTextFileSync(`${root}/texts.jsonl`, lines(...texts.map(({ text }) => text)));
    Deno.writeTextFileSync(`${root}/embeddings.json`, '{"dimension":1}');
    Deno.writeFileSync(`${root}/embeddings.f32`, f32(...texts.map((_, i) => i === 3 ? NaN : i)));
    using given = new GivenEmbeddings(root);
    await assert.rejects(
      runSuite({ suite, dataRoot, out: `${root}/out`, encoder: given }),
      (error) => error instanceof NumericError && error.message.includes(texts[3]!.text.slice(0, 60)),
    );
  });
});
