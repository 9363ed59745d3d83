import { assert } from "#test";
import { MissingError, NumericError, UsageError } from "#errors";
import { ChecksumGenerator, TrigramEncoder } from "../fixtures/hashed_trigrams.ts";
import { writeTinyMirror } from "../fixtures/tiny_mirror.ts";
import type { Encoder, Generator } from "./encoder.ts";
import { renderScores } from "./report.ts";
import { runSuite, scoreFromRecords, type SuiteProgress } from "./run_suite.ts";
import { sha256Hex } from "../lib/manifest/hash.ts";
import { readScores } from "./score_record.ts";
import { findSuite } from "./find_suite.ts";

const suite = findSuite("smoke");

async function withFolder(use: (dataRoot: string, out: string) => Promise<void>): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    await use(await writeTinyMirror(`${root}/data`), `${root}/out`);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

async function folderContent(folder: string): Promise<Record<string, string>> {
  const content: Record<string, string> = {};
  for (const path of [folder, `${folder}/scores`]) {
    for await (const entry of Deno.readDir(path)) {
      if (entry.isFile) content[entry.name] = (await Deno.readFile(`${path}/${entry.name}`)).toHex();
    }
  }
  return content;
}

function run(dataRoot: string, out: string, encoder: Encoder, generator: Generator, batchSize = 10) {
  return runSuite({ suite, dataRoot, out, encoder, generator, batchSize });
}

Deno.test("runSuite() embeds each distinct text once and names slices as slices", async () => {
  await withFolder(async (dataRoot, out) => {
    const encoder = new TrigramEncoder(), generator = new ChecksumGenerator();
    const result = await run(dataRoot, out, encoder, generator);
    assert.equal(new Set(encoder.encoded).size, encoder.encoded.length);
    assert.deepEqual(result.texts, { encoded: encoder.encoded.length, reused: 0 });
    assert.deepEqual(result.requests, { answered: 3 + 4 * 4, reused: 0 });
    assert.deepEqual(result.scores.map((score) => score.task), [
      "STSBenchmark[smoke:12]",
      "Banking77Classification[smoke:12]",
      "SciFact[smoke:4]",
      "gsm8k-1shot[smoke:3]",
      "mmlu-9-of-14042[smoke:4]",
    ]);
    for (const score of result.scores) {
      assert.ok(Number.isFinite(score.value), score.task);
      assert.ok(score.stderr !== null && score.stderr >= 0, `${score.task} has a standard error`);
      assert.equal(score.embedded, false);
      assert.match(score.files[0]!.sha256, /^[0-9a-f]{64}$/);
      assert.ok(!score.files[0]!.path.startsWith("/"), "paths are relative to the data root");
    }
    const sts = result.scores[0]!;
    assert.equal(sts.counts["texts"], sts.counts["rationales"]);
    assert.equal(sts.counts["rationale_tokens"], 3 * sts.counts["texts"]!);
  });
});

Deno.test("runSuite() leaves the same bytes when it was killed and continued as when it was not", async () => {
  await withFolder(async (dataRoot, out) => {
    await run(dataRoot, `${out}-whole`, new TrigramEncoder(), new ChecksumGenerator());

    // In the middle of a batch of ten, with the texts of a pair finished in reverse: the second of the last pair waits for the first.
    const first = new TrigramEncoder("trigrams", 64, 25);
    await assert.rejects(run(dataRoot, out, first, new ChecksumGenerator()), /killed/);
    const early = `${out}/rationales.early.jsonl`;
    assert.ok(Deno.readTextFileSync(early).includes(sha256Hex(first.encoded[24]!)));
    // Torn by the kill: half a record of each kind, and an embedding whose record was not written.
    await Deno.writeTextFile(early, '{"key":"0', { append: true });
    await Deno.writeTextFile(`${out}/rationales.jsonl`, '{"text":"0', { append: true });
    await Deno.writeFile(`${out}/embeddings.f32`, new Uint8Array(300), { append: true });
    const second = new TrigramEncoder();
    const result = await run(dataRoot, out, second, new ChecksumGenerator());

    assert.equal(first.encoded.length, 25);
    assert.deepEqual(second.encoded.filter((text) => first.encoded.includes(text)), []);
    assert.deepEqual(result.texts, { encoded: second.encoded.length, reused: 25 });
    assert.deepEqual(await folderContent(out), await folderContent(`${out}-whole`));
  });
});

Deno.test("runSuite() asks for no answer again that was finished before a kill, of either kind, within a batch", async () => {
  await withFolder(async (dataRoot, out) => {
    await run(dataRoot, `${out}-whole`, new TrigramEncoder(), new ChecksumGenerator());
    // Three texts are generated, sixteen answers compared: killed in the middle of each, then let run.
    const answered: number[] = [];
    for (const failAfter of [2, 6, Infinity]) {
      const encoder = new TrigramEncoder(),
        generator = new ChecksumGenerator("checksums", undefined, failAfter);
      const running = run(dataRoot, out, encoder, generator, 100);
      if (failAfter === Infinity) assert.equal((await running).requests.reused, 8);
      else await assert.rejects(running, /killed/);
      answered.push(generator.prompts.length);
      if (answered.length > 1) assert.deepEqual(encoder.encoded, []);
    }
    assert.deepEqual(answered, [2, 6, 11]);
    assert.deepEqual(await folderContent(out), await folderContent(`${out}-whole`));
  });
});

Deno.test("runSuite() refuses an encoder that does not report a text", async () => {
  await withFolder(async (dataRoot, out) => {
    const inner = new TrigramEncoder();
    const encoder: Encoder = {
      digest: "deaf",
      dimension: 64,
      encode: (texts) => inner.encode(texts),
    };
    await assert.rejects(
      run(dataRoot, out, encoder, new ChecksumGenerator()),
      /did not report 10 of 10 texts/,
    );
  });
});

Deno.test("runSuite() counts rationales that were cut, and warns of them", async () => {
  await withFolder(async (dataRoot, out) => {
    const encoder = new TrigramEncoder("trigrams", 64, Infinity, 1);
    const { scores } = await run(dataRoot, out, encoder, new ChecksumGenerator());
    const sts = scores[0]!, texts = sts.counts["texts"]!;
    assert.equal(sts.counts["truncated_rationales"], texts);
    assert.ok(sts.warnings.includes(`${texts} of ${texts} rationales were cut at their limit`));
    assert.match(
      renderScores(scores, "text"),
      /^Warning: STSBenchmark\[smoke:12\], \d+ of \d+ rationales were cut/m,
    );
  });
});

Deno.test("runSuite() names the task to whose texts a collapsed model gives one embedding", async () => {
  await withFolder(async (dataRoot, out) => {
    const inner = new TrigramEncoder();
    const embedding = new Float32Array(64).fill(1);
    const encoder: Encoder = {
      digest: "collapsed",
      dimension: 64,
      encode: (texts, { onEncoded } = {}) =>
        inner.encode(texts, { onEncoded: (i, encoded) => onEncoded?.(i, { ...encoded, embedding }) }),
    };
    await assert.rejects(
      run(dataRoot, out, encoder, new ChecksumGenerator()),
      (error) =>
        error instanceof NumericError &&
        /^STSBenchmark\[smoke:12\]: all 22 texts have the same embedding/.test(error.message) &&
        /collapsed/.test(error.cure),
    );
  });
});

Deno.test("runSuite() scores no task again whose score is there, and every task whose data or records are others", async () => {
  await withFolder(async (dataRoot, out) => {
    const { scores } = await run(dataRoot, out, new TrigramEncoder(), new ChecksumGenerator());
    // A mark shows which scores were left as they are: nothing else tells.
    const path = (i: number) => `${out}/scores/${scores[i]!.items.file.replace(".items.jsonl", ".json")}`;
    const mark = (i: number, change: Record<string, unknown>) => {
      const record = JSON.parse(Deno.readTextFileSync(path(i)));
      Deno.writeTextFileSync(path(i), JSON.stringify({ ...record, warnings: ["marked"], ...change }));
    };
    mark(0, {});
    mark(1, { content: "of other rows" });
    mark(2, { model: "other" });
    mark(3, { scorer: "gsm8k/0" });
    mark(4, { items: { ...scores[4]!.items, sha256: "of other items" } });
    const again = await run(dataRoot, out, new TrigramEncoder(), new ChecksumGenerator());
    assert.deepEqual(again.scores.map(({ warnings }) => warnings.includes("marked")), [
      true,
      ...Array(4).fill(false),
    ]);
    assert.deepEqual(again.scores.slice(1), scores.slice(1));
    assert.deepEqual(await scoreFromRecords(suite, dataRoot, out), scores);
  });
});

Deno.test("runSuite() asks nothing of the model when everything is stored", async () => {
  await withFolder(async (dataRoot, out) => {
    const before = await run(dataRoot, out, new TrigramEncoder(), new ChecksumGenerator());
    const encoder = new TrigramEncoder(), generator = new ChecksumGenerator();
    const after = await run(dataRoot, out, encoder, generator);
    assert.deepEqual([encoder.encoded, generator.prompts], [[], []]);
    assert.deepEqual(after.scores, before.scores);
  });
});

Deno.test("runSuite() refuses to mix the records of two models", async () => {
  await withFolder(async (dataRoot, out) => {
    await run(dataRoot, out, new TrigramEncoder(), new ChecksumGenerator());
    for (const [encoder, generator] of [["other", "checksums"], ["trigrams", "other"]] as const) {
      await assert.rejects(
        run(dataRoot, out, new TrigramEncoder(encoder), new ChecksumGenerator(generator)),
        (error) => error instanceof UsageError && /belongs to another run/.test(error.message),
      );
    }
  });
});

Deno.test("scoreFromRecords() gives the same scores without a model, and notices changed records", async () => {
  await withFolder(async (dataRoot, out) => {
    const { scores } = await run(dataRoot, out, new TrigramEncoder(), new ChecksumGenerator());
    await Deno.remove(`${out}/scores`, { recursive: true });
    assert.deepEqual(await scoreFromRecords(suite, dataRoot, out), scores);
    assert.deepEqual((await readScores(out)).length, scores.length);

    const bytes = await Deno.readFile(`${out}/embeddings.f32`);
    bytes[70]! ^= 1;
    await Deno.writeFile(`${out}/embeddings.f32`, bytes);
    await assert.rejects(
      scoreFromRecords(suite, dataRoot, out),
      (error) => error instanceof UsageError && /row 0 is not what was recorded/.test(error.message),
    );
  });
});

Deno.test("scoreFromRecords() says that an evaluation is unfinished", async () => {
  await withFolder(async (dataRoot, out) => {
    await run(dataRoot, out, new TrigramEncoder(), new ChecksumGenerator());
    const lines = (await Deno.readTextFile(`${out}/rationales.jsonl`)).split("\n");
    await Deno.writeTextFile(`${out}/rationales.jsonl`, lines.slice(0, 20).join("\n") + "\n");
    await assert.rejects(
      scoreFromRecords(suite, dataRoot, out),
      (error) => error instanceof MissingError && /has no embedding of "/.test(error.message),
    );
    await Deno.remove(`${out}/generations.jsonl`);
    await assert.rejects(scoreFromRecords(suite, dataRoot, out), MissingError);
  });
});

Deno.test("runSuite() stops between batches when it is aborted", async () => {
  await withFolder(async (dataRoot, out) => {
    const controller = new AbortController();
    const encoder = new TrigramEncoder();
    const seen: SuiteProgress[] = [];
    const aborted = runSuite({
      suite,
      dataRoot,
      out,
      encoder,
      generator: new ChecksumGenerator(),
      batchSize: 7,
      signal: controller.signal,
      onProgress: (progress) => {
        seen.push(progress);
        if (progress.done >= 14) controller.abort();
      },
    });
    await assert.rejects(aborted, { name: "AbortError" });
    assert.equal(encoder.encoded.length, 14);
    assert.equal(seen.at(-1)!.stage, "embedding texts");
  });
});

Deno.test("readScores() refuses items that do not belong to their score", async () => {
  await withFolder(async (dataRoot, out) => {
    const { scores } = await run(dataRoot, out, new TrigramEncoder(), new ChecksumGenerator());
    await Deno.writeTextFile(`${out}/scores/${scores[0]!.items.file}`, '{"id":"1"}\n', { append: true });
    await assert.rejects(readScores(out), UsageError);
    await assert.rejects(readScores(`${out}/nothing`), MissingError);
  });
});

Deno.test("runSuite() has a text embedded once behind each prompt, and scores queries and documents by their own", async () => {
  await withFolder(async (dataRoot, out) => {
    const inner = new TrigramEncoder(), prompts = { named: { query: "find: " }, standard: "" };
    const seen: string[] = [];
    const encoder: Encoder = {
      digest: "prompted",
      dimension: inner.dimension,
      prompts,
      encode: (texts, options = {}) => {
        seen.push(...texts.map((text) => options.prompt + text));
        return inner.encode(texts.map((text) => options.prompt + text), options);
      },
    };
    const { scores } = await run(dataRoot, out, encoder, new ChecksumGenerator());
    const plain = await run(dataRoot, `${out}-plain`, new TrigramEncoder(), new ChecksumGenerator());

    assert.equal(seen.filter((text) => text.startsWith("find: ")).length, 4);
    assert.equal(new Set(seen).size, seen.length);
    const values = (of: typeof scores) => of.map((score) => score.metrics);
    assert.deepEqual(values(scores).toSpliced(2, 1), values(plain.scores).toSpliced(2, 1));
    const top = async (folder: string) =>
      await Deno.readTextFile(`${folder}/scores/SciFact_smoke_4.items.jsonl`);
    assert.notEqual(await top(out), await top(`${out}-plain`));
    assert.deepEqual(await scoreFromRecords(suite, dataRoot, out), scores);
  });
});
