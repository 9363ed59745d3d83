import { join } from "node:path";
import { assert, assertSameBits } from "#test";
import { TINY, tiny } from "../lib/encoder/_tiny.ts";
import { OnnxEncoder } from "../lib/encoder/onnx_encoder.ts";
import { readJsonl } from "../lib/data/jsonl.ts";
import { sha256Hex } from "../lib/manifest/hash.ts";
import { Lab, onlyFolder, spoilWeight, tinyModel } from "./_lab.ts";
import { launch, launcher } from "./_launch.ts";
import { withServer } from "./_served.ts";

/** Texts of very different lengths: rationales about them end at different times, too. */
const TEXTS = Array.from({ length: 20 }, (_, i) => `text ${i}${" of many words".repeat(i % 5)}`);

Deno.test("serve gives the embeddings of embed to the last bit, alone and among others", async () => {
  using lab = await Lab.create();
  const manifest = lab.manifest({ evaluation: { maxNewTokens: 12 } });
  const { stdout, stderr, code } = await launch(["embed", "--manifest", manifest, "--json", ...TEXTS]);
  assert.equal(code, 0, stderr);
  const expected: { rationale: string; embedding: number[] }[] = stdout.trimEnd().split("\n").map((line) =>
    JSON.parse(line)
  );
  // Batches that are smaller than what is asked at a time: texts of several requests share them, and requests span several.
  await withServer({ manifest, maxBatch: 6 }, async ({ embed, url }) => {
    const check = async (indices: number[]) => {
      const input = indices.map((i) => TEXTS[i]!);
      const answer = await embed({ input, encoding_format: "base64", rationales: true });
      const { data } = await answer.json();
      assert.equal(data.length, indices.length);
      indices.forEach((i, at) => {
        const vector = new Float32Array(Uint8Array.fromBase64(data[at].embedding).buffer);
        assertSameBits(vector, Float32Array.from(expected[i]!.embedding), TEXTS[i]);
        assert.deepEqual(data[at].rationales, [expected[i]!.rationale]);
      });
    };
    const all = [...TEXTS.keys()];
    await Promise.all([
      ...all.map((i) => check([i])),
      check(all),
      check(all.toReversed()),
      check([3, 3, 17]),
    ]);
    for (const i of [0, 4, 13]) await check([i]);
    const [plain] = (await (await embed({ input: TEXTS[7] })).json()).data;
    assert.deepEqual(plain, { object: "embedding", index: 0, embedding: expected[7]!.embedding });
    const metrics = await (await fetch(`${url}/metrics`)).text();
    assert.match(metrics, /^grace_texts_total 67$/m);
    const batches = Number(/^grace_batches_total (\d+)$/m.exec(metrics)![1]);
    assert.ok(batches >= 67 / 6 && batches < 40, `${batches} batches`);
  });
});

Deno.test("serve --run --arm gives the embeddings that the run evaluated", async () => {
  using lab = await Lab.create();
  const manifest = lab.manifest({ arms: ["base", "grace"], train: { steps: 1, checkpointEvery: 1 } });
  const { code, stderr } = await lab.run(manifest, "out");
  assert.equal(code, 0, stderr);
  const run = onlyFolder(lab.path("out"));
  const records: Record<string, unknown>[] = [];
  await readJsonl(join(run, "scores/grace/rationales.jsonl"), ({ value }) => void records.push(value));
  const [{ encoder }, ...texts] = records as [Record<string, unknown>, ...Record<string, unknown>[]];
  await withServer({ run, arm: "grace" }, async ({ embed, about, notes }) => {
    assert.equal(about["encoder"], encoder);
    assert.match(String(about["model"]), /^llama-tied-[0-9a-f]{12}-grace$/);
    assert.ok(notes.includes("weights after step 1 of 1"), notes.join("\n"));
    const known = await textsOf(lab.path("data"));
    let compared = 0;
    for (const { text, embedding, rationales } of texts.slice(0, 5)) {
      const input = known.get(text as string);
      if (input === undefined) continue;
      const { data: [served] } = await (await embed({ input, encoding_format: "base64", rationales: true }))
        .json();
      assert.equal(sha256Hex(Uint8Array.fromBase64(served.embedding)), embedding);
      assert.deepEqual(served.rationales, rationales);
      compared++;
    }
    assert.ok(compared > 2, `${compared} texts`);
  });
  const refused: [args: string[], code: number, message: RegExp][] = [
    [["--run", run, "--arm", "grave"], 2, /the run has no arm "grave"\n {2}did you mean grace\?/],
    [["--run", run], 2, /no arm of the run is named\n {2}name one with --arm: base, grace/],
    [["--run", run, "--arm", "grace", "--backbone", "tiny"], 1, /the backbone is not the one of the run: /],
    [["--run", run, "--arm", "grace", "--manifest", manifest], 2, /--run .*cannot be used with .*--manifest/],
  ];
  for (const [args, code, message] of refused) {
    const outcome = await launch(["serve", "--port", "0", ...args]);
    assert.match(outcome.stderr, message);
    assert.equal(outcome.code, code, args.join(" "));
    assert.equal(outcome.stdout, "");
  }
});

/** All strings in the data sets below a folder, by their digests. */
async function textsOf(folder: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const note = (value: unknown) => {
    if (typeof value === "string") found.set(sha256Hex(value), value);
    else if (typeof value === "object" && value !== null) Object.values(value).forEach(note);
  };
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = join(folder, name);
    if (isDirectory) { for (const [key, text] of await textsOf(path)) found.set(key, text); }
    else if (name.endsWith(".jsonl")) await readJsonl(path, ({ value }) => note(value));
  }
  return found;
}

Deno.test("serve --encoder gives the embeddings of an ONNX export, and writes no rationales", async () => {
  using own = await OnnxEncoder.open(TINY);
  const texts = tiny.texts.filter((text) => text.trim() !== ""), expected = await own.encode(texts);
  await withServer({ encoder: `onnx:${TINY}`, name: "mine" }, async ({ embed, about }) => {
    assert.deepEqual([about["model"], about["rationales"]], ["mine", false]);
    const answers = await Promise.all(texts.map(async (input) => await (await embed({ input })).json()));
    answers.forEach(({ data: [{ embedding }], usage }, i) => {
      assertSameBits(Float32Array.from(embedding), expected[i]!.embedding);
      const { tokens } = expected[i]!;
      assert.deepEqual(usage, { prompt_tokens: tokens, total_tokens: tokens });
    });
    assert.equal((await embed({ input: "a", rationales: true })).status, 400);
  });
});

Deno.test("serve drops what a client that went away waited for, and goes on", async () => {
  using lab = await Lab.create();
  const options = { manifest: lab.manifest({ evaluation: { maxNewTokens: 200 } }), maxBatch: 1 };
  await withServer(options, async ({ embed, url }) => {
    const client = new AbortController();
    const answer = embed({ input: TEXTS }, { signal: client.signal });
    const metric = async (name: string) => {
      const page = await (await fetch(`${url}/metrics`)).text();
      return Number(new RegExp(`^grace_${name} (.*)$`, "m").exec(page)?.[1] ?? 0);
    };
    while (await metric("running_texts") === 0);
    client.abort();
    await assert.rejects(answer, { name: "AbortError" });
    while (await metric('requests_total\\{status="499"\\}') === 0);
    assert.equal(await metric("queue_texts"), 0);
    assert.equal((await embed({ input: "a cat" })).status, 200);
  });
});

Deno.test("serve answers 500 where a number is not finite, and goes on", async () => {
  using lab = await Lab.create();
  const model = lab.copyModel();
  await spoilWeight(model, "model.norm.weight");
  const options = { manifest: lab.manifest(), backbone: model };
  for (const rationale of [true, false]) {
    await withServer({ ...options, rationale }, async ({ embed, url, notes }) => {
      const answer = await embed({ input: "a cat" });
      assert.deepEqual([answer.status, answer.headers.get("x-should-retry")], [500, "false"]);
      assert.equal((await answer.json()).error.code, "not_finite");
      assert.equal((await fetch(`${url}/health`)).status, 200);
      const id = answer.headers.get("x-request-id");
      assert.ok(
        notes.some((note) => note.startsWith(`request ${id} failed: NumericError`)),
        notes.join("\n"),
      );
    });
  }
});

Deno.test("serve finishes what has begun when it is told to stop, with an exit code for each signal", async () => {
  using lab = await Lab.create();
  const options = { manifest: lab.manifest({ evaluation: { maxNewTokens: 200 } }), maxBatch: 2 };
  for (const [signal, code] of [["SIGTERM", 0], ["SIGINT", 130]] as const) {
    let begun: Promise<Response> | undefined, waiting: Promise<Response> | undefined;
    const exitCode = await withServer(options, async ({ embed, url, stop }) => {
      begun = embed({ input: TEXTS.slice(0, 3) });
      const page = async () => await (await fetch(`${url}/metrics`)).text();
      while (!/^grace_running_texts 2$/m.test(await page()));
      waiting = embed({ input: "late" });
      while (!/^grace_queue_texts 2$/m.test(await page()));
      stop(signal);
      await Promise.allSettled([begun, waiting]);
      await assert.rejects(fetch(`${url}/health`), "it listens no more");
    });
    assert.equal(exitCode, code);
    assert.equal((await (await begun!).json()).data.length, 3);
    assert.equal((await waiting!).status, 503);
    assert.equal((await (await waiting!).json()).error.code, "stopping");
  }
});

Deno.test("serve runs under its launcher, at the one address that it may use, until a signal", async () => {
  using lab = await Lab.create();
  const keys = lab.write("keys", "\nsecret-1\n");
  const args = ["serve", "--manifest", lab.manifest(), "--port", "0", "--json", "--api-key-file", keys];
  const child = new Deno.Command(launcher, {
    args,
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value } = await reader.read();
  const { url, model, schema } = JSON.parse(value!);
  assert.deepEqual([schema, model], ["grace-repro/serve/1", "llama-tied"]);
  const ask = (authorization: string) =>
    fetch(`${url}/v1/embeddings`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization },
      body: JSON.stringify({ model, input: "a cat" }),
    });
  const answer = await ask("Bearer secret-1");
  assert.deepEqual([answer.status, (await answer.json()).data[0].embedding.length], [200, 64]);
  const refused = await ask("Bearer secret-2");
  assert.deepEqual([refused.status, (await refused.json()).error.code], [401, "invalid_api_key"]);
  const taken = await launch(["serve", "--backbone", tinyModel, "--port", new URL(url).port]);
  assert.match(taken.stderr, /^error: cannot listen at "127\.0\.0\.1", port \d+: another program does\n/m);
  assert.equal(taken.code, 3);
  child.kill("SIGTERM");
  const stderr = await new Response(child.stderr).text();
  await reader.cancel();
  assert.equal((await child.status).code, 0, stderr);
  assert.match(stderr, /^listening at http:\/\/127\.0\.0\.1:\d+, loading the model\n/);
});

Deno.test("serve says what it cannot do, with the exit code of its cause", async () => {
  using lab = await Lab.create();
  const keys = (text: string) => lab.write("keys", text);
  const cases: [args: string[], code: number, message: RegExp][] = [
    [["--arm", "grace"], 2, /--arm "grace" without --run\n/],
    [["--max-queue", "10", "--max-texts", "11"], 2, /--max-texts 11 is more than the 10 texts that may wait/],
    [["--port", "65536"], 2, /Expected a whole number from 0 to 65535/],
    [["--host", "a,b"], 2, /--host "a,b" is no address\n/],
    [["--host", "203.0.113.7"], 3, /cannot listen at "203\.0\.113\.7", port 8080: /],
    [["--encoder", "onnx:x", "--run", "y"], 2, /cannot be used with/],
    [["--port", "0", "--backbone", "nowhere"], 3, /the backbone "nowhere" does not exist/],
    [["--port", "0", "--api-key-file", lab.path("none")], 3, /there is no file ".*" \(--api-key-file\)/],
    [["--port", "0", "--api-key-file", keys("\n \n")], 2, /holds no key/],
  ];
  for (const [args, code, message] of cases) {
    const outcome = await launch(["serve", ...args]);
    assert.match(outcome.stderr, message, args.join(" "));
    assert.equal(outcome.code, code, args.join(" "));
    assert.equal(outcome.stdout, "");
  }
  const bad = await launch(["serve", "--port", "0", "--api-key-file", keys("good\nbad key: hush\n")]);
  assert.match(bad.stderr, /line 2 of ".*" is no key/);
  assert.doesNotMatch(bad.stderr, /hush/);
});

Deno.test("serve warns where others than this machine reach it without a key", async () => {
  using lab = await Lab.create();
  const open = await launch(["serve", "--host", "0.0.0.0", "--port", "0", "--backbone", lab.path("none")]);
  assert.match(open.stderr, /^warning: whoever reaches http:\/\/0\.0\.0\.0:\d+ may use this server/m);
  const keys = lab.write("keys", "secret");
  const kept = await launch([
    ...["serve", "--host", "0.0.0.0", "--port", "0", "--backbone", lab.path("none"), "--api-key-file", keys],
  ]);
  assert.doesNotMatch(kept.stderr, /warning/);
});
