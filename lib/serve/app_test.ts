import { assert } from "#test";
import { DeviceError, NumericError, UsageError } from "#errors";
import type { EmbeddedText } from "../rollout/embed.ts";
import { FakeEngine, fakeResult } from "./_fake_engine.ts";
import { serverApp, type ServerAppOptions, type ServerState } from "./app.ts";
import { ServerMetrics } from "./metrics.ts";
import { TextQueue } from "./text_queue.ts";

const READY: ServerState = {
  phase: "ready",
  model: { id: "org/fake", dimension: 2, rationales: true },
  about: { encoder: "0123" },
};

/** An app before an engine that answers at once. */
function setUp(options: Partial<ServerAppOptions> & { engine?: FakeEngine; waiting?: number } = {}) {
  const { engine = new FakeEngine((batch) => batch.end()), waiting = 100, ...others } = options;
  const failures: unknown[] = [];
  const app = serverApp({
    state: () => READY,
    queue: new TextQueue<EmbeddedText>(engine, { batch: 8, waiting }),
    metrics: new ServerMetrics(),
    mostTexts: 5,
    mostBytes: 1000,
    keys: [],
    onFailure: (_, error) => failures.push(error),
    ...others,
  });
  const post = (fields: object | string, init: RequestInit = {}) =>
    app.request("/v1/embeddings", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: typeof fields === "string" ? fields : JSON.stringify({ model: "org/fake", ...fields }),
      ...init,
    });
  return { app, post, failures };
}

/** Fails unless an answer is an error in OpenAI's shape. */
async function assertError(answer: Response, status: number, code: string | null, message: RegExp) {
  const { error, ...others } = await answer.json();
  assert.deepEqual([answer.status, error.code, Object.keys(others)], [status, code, []]);
  assert.deepEqual(Object.keys(error), ["message", "type", "param", "code"]);
  assert.match(error.message, message);
  assert.ok(answer.headers.get("x-request-id"));
}

Deno.test("POST /v1/embeddings answers in OpenAI's form, with nothing of ours", async () => {
  const { post } = setUp();
  const answer = await post({ input: ["a cat", "dog"] });
  assert.equal(answer.headers.get("grace-truncated-texts"), null);
  const embedding = (text: string) => [...fakeResult(text).embedding];
  assert.deepEqual(await answer.json(), {
    object: "list",
    data: [
      { object: "embedding", index: 0, embedding: embedding("a cat") },
      { object: "embedding", index: 1, embedding: embedding("dog") },
    ],
    model: "org/fake",
    usage: { prompt_tokens: 8, total_tokens: 12 },
  });
});

Deno.test("POST /v1/embeddings gives base64 of little-endian float32, and rationales, if it is asked to", async () => {
  const { post } = setUp();
  const text = "a text of more than twenty characters";
  const answer = await post({ input: text, encoding_format: "base64", rationales: true });
  const { data: [{ embedding, ...others }] } = await answer.json();
  const view = new DataView(Uint8Array.fromBase64(embedding).buffer);
  assert.deepEqual(
    [view.getFloat32(0, true), view.getFloat32(4, true), view.byteLength],
    [...fakeResult(text).embedding, 8],
  );
  assert.deepEqual(others, {
    object: "embedding",
    index: 0,
    rationales: [`about ${text}`],
    rationale_tokens: 2,
    truncated_rationales: 1,
    prompt_tokens: text.length,
    truncated_text: true,
  });
  assert.equal(answer.headers.get("grace-truncated-texts"), "1");
});

Deno.test("the server refuses with the status that says why", async () => {
  const { app, post } = setUp();
  await assertError(await post({ input: 7 }), 400, "tokens_not_supported", /made of tokens/);
  await assertError(await post({ input: "a", model: "b" }), 404, "model_not_found", /no model "b"/);
  await assertError(await post({ input: "x".repeat(2000) }), 413, "body_too_large", /more than 1000 bytes/);
  const stream = new Blob(["x".repeat(2000)]).stream();
  await assertError(await post("", { body: stream }), 413, "body_too_large", /more than 1000 bytes/);
  const form = { headers: { "content-type": "text/plain" } };
  await assertError(await post({ input: "a" }, form), 415, "unsupported_media_type", /"text\/plain"/);
  await assertError(await app.request("/v1/embeddings"), 405, "method_not_allowed", /use POST/);
  assert.equal((await app.request("/v1/embeddings")).headers.get("allow"), "POST");
  await assertError(await app.request("/metrics", { method: "POST" }), 405, "method_not_allowed", /use GET/);
  await assertError(await app.request("/v1/chat/completions"), 404, "not_found", /see \/v1\/embeddings/);
  await assertError(await app.request("/v1/models/other"), 404, "model_not_found", /no model "other"/);
});

Deno.test("the server asks to come back when its queue is full", async () => {
  const engine = new FakeEngine(), { post } = setUp({ engine, waiting: 1 });
  const first = post({ input: "a" });
  const batch = await engine.batch(0);
  const second = post({ input: "b" });
  while (engine.batches.length === 1 && (await post({ input: "c" })).status !== 429);
  const refused = await post({ input: "c" });
  assert.equal(refused.headers.get("retry-after"), "1");
  await assertError(refused, 429, "queue_full", /1 texts are waiting/);
  batch.end();
  (await engine.batch(1)).end();
  assert.deepEqual([(await first).status, (await second).status], [200, 200]);
});

Deno.test("the server tells whose fault a failure is, and logs its own", async () => {
  const cases: [error: Error, status: number, code: string | null, message: RegExp, retry: string | null][] =
    [
      [new UsageError("no beginning fits", "raise it"), 400, null, /no beginning fits: raise it/, null],
      [new NumericError("not finite", "check weights"), 500, "not_finite", /not finite/, "false"],
      [new DeviceError("lost", "restart"), 500, "engine_lost", /lost/, null],
      [new TypeError("secret detail"), 500, null, /^an error inside the server/, null],
    ];
  for (const [error, status, code, message, retry] of cases) {
    const { post, failures } = setUp({ engine: new FakeEngine((batch) => batch.fail(error)) });
    const answer = await post({ input: "a" });
    assert.equal(answer.headers.get("x-should-retry"), retry);
    await assertError(answer, status, code, message);
    assert.deepEqual(failures, status === 500 ? [error] : []);
  }
});

Deno.test("the server drops the texts of a client that goes away, and counts it", async () => {
  const engine = new FakeEngine(), metrics = new ServerMetrics(), { app, post } = setUp({ engine, metrics });
  const client = new AbortController();
  const answer = post({ input: "a" }, { signal: client.signal });
  const batch = await engine.batch(0);
  client.abort();
  assert.equal((await answer).status, 499);
  assert.ok(batch.signal.aborted);
  assert.match(await (await app.request("/metrics")).text(), /^grace_requests_total\{status="499"\} 1$/m);
});

Deno.test("GET /health says how far the server is, and nothing is embedded before it is ready", async () => {
  let state: ServerState = { phase: "loading" };
  const { app, post } = setUp({ state: () => state });
  const health = async () => {
    const answer = await app.request("/health");
    return [answer.status, await answer.json()];
  };
  assert.deepEqual(await health(), [503, { status: "loading" }]);
  const early = await post({ input: "a" });
  assert.equal(early.headers.get("retry-after"), "1");
  await assertError(early, 503, "loading", /being loaded/);
  state = READY;
  assert.deepEqual(await health(), [200, {
    status: "ready",
    model: "org/fake",
    dimension: 2,
    encoder: "0123",
  }]);
  state = { phase: "stopping" };
  assert.deepEqual(await health(), [503, { status: "stopping" }]);
  await assertError(await post({ input: "a" }), 503, "stopping", /stopping/);
});

Deno.test("GET /v1/models lists the one model, whose name may have a slash", async () => {
  const { app } = setUp();
  const { object, data } = await (await app.request("/v1/models")).json();
  assert.equal(object, "list");
  assert.deepEqual([data.length, data[0].id, data[0].object], [1, "org/fake", "model"]);
  assert.deepEqual(await (await app.request("/v1/models/org/fake")).json(), data[0]);
});

Deno.test("the server wants one of its keys for everything but its health", async () => {
  const { app, post } = setUp({ keys: ["first", "second"] });
  const withKey = (authorization: string) =>
    post({ input: "a" }, { headers: { "content-type": "application/json", authorization } });
  assert.equal((await withKey("Bearer first")).status, 200);
  assert.equal((await withKey("bearer second")).status, 200);
  const refused = await withKey("Bearer third");
  assert.equal(refused.headers.get("www-authenticate"), "Bearer");
  await assertError(refused, 401, "invalid_api_key", /not one of/);
  await assertError(await withKey("Basic Zmlyc3Q="), 401, "invalid_api_key", /not of the form/);
  await assertError(await post({ input: "a" }), 401, "invalid_api_key", /no key/);
  for (const path of ["/v1/models", "/metrics", "/elsewhere"]) {
    assert.equal((await app.request(path)).status, 401, path);
  }
  assert.equal((await app.request("/health")).status, 200);
});

Deno.test("GET /metrics counts requests, texts, tokens and time", async () => {
  const { app, post } = setUp();
  await post({ input: ["a", "b".repeat(30)] });
  await post({ input: "" });
  const page = await app.request("/metrics");
  assert.equal(page.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  const text = await page.text();
  for (
    const line of [
      'grace_requests_total{status="200"} 1',
      'grace_requests_total{status="400"} 1',
      'grace_request_seconds_bucket{le="300"} 1',
      'grace_request_seconds_bucket{le="+Inf"} 1',
      "grace_request_seconds_count 1",
      "grace_texts_total 2",
      "grace_prompt_tokens_total 31",
      "grace_rationale_tokens_total 4",
      "grace_truncated_texts_total 1",
      "grace_truncated_rationales_total 2",
      "grace_batches_total 1",
      "grace_queue_texts 0",
      "grace_running_texts 0",
    ]
  ) assert.ok(text.includes(`\n${line}\n`), line);
  // Every metric has a type, and every line is one that Prometheus reads.
  for (const line of text.trimEnd().split("\n")) {
    assert.match(line, /^# (HELP|TYPE) grace_\w+ .+$|^grace_\w+(\{\w+="[^"]+"\})? [\d.e+-]+$/);
  }
});
