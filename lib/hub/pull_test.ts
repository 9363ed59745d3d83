import { fileURLToPath } from "node:url";
import { assert } from "#test";
import { CheckFailedError, MissingError, UsageError } from "#errors";
import {
  gitOid,
  type HubServer,
  largeFile,
  refuse,
  type ServedRepo,
  serveHub,
  sha256Of,
  textFile,
} from "../../fixtures/hub_server.ts";
import { chooseBackboneFiles } from "./backbone_files.ts";
import { findSnapshot, RepoCache } from "./cache.ts";
import { HubConnection, type HubSettings } from "./connection.ts";
import { takeBlobLock } from "./blob_lock.ts";
import { pull, type PullOptions } from "./pull.ts";
import { readPullRecord } from "./pull_record.ts";
import { parseRepo } from "./repo.ts";

const OLD = "a".repeat(40), NEW = "b".repeat(40);
const shard1 = largeFile(300_000, 1), shard2 = largeFile(200_000, 2);
const index = textFile(
  JSON.stringify({ weight_map: { a: "model-1.safetensors", b: "model-2.safetensors" } }),
);
const small = {
  "config.json": textFile("{}"),
  "tokenizer.json": textFile('{"version":"1.0"}'),
  "generation_config.json": textFile('{"eos_token_id":1}'),
  "chat_template.jinja": textFile("{{ messages }}"),
};

const sharded: ServedRepo = {
  type: "model",
  id: "org/big",
  refs: { main: NEW },
  commits: {
    [OLD]: { ...small, "model.safetensors": shard2 },
    [NEW]: {
      ".gitattributes": textFile("*"),
      "README.md": textFile("# big"),
      ...small,
      "model-1.safetensors": shard1,
      "model-2.safetensors": shard2,
      "model.safetensors.index.json": index,
      "onnx/model.onnx": largeFile(1000, 3),
      "original/consolidated.00.pth": largeFile(1000, 4),
      "pytorch_model.bin": largeFile(1000, 5),
      "big-q4.gguf": largeFile(1000, 6),
      "consolidated.safetensors": largeFile(1000, 7),
    },
  },
};

/** A cache for one test. */
function scratch(): { path: string } & Disposable {
  const path = Deno.makeTempDirSync({ prefix: "hub cache " });
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}

function pulling(
  hub: HubServer,
  cache: string,
  text = "org/big",
  settings: Partial<HubSettings> = {},
  options: Partial<PullOptions> = {},
) {
  const connection = new HubConnection({ endpoint: hub.endpoint, attempts: 3, pauseMs: 1, ...settings });
  return pull(connection, parseRepo(text), { cache, choose: chooseBackboneFiles, ...options });
}

const contentRequests = (hub: HubServer) => hub.seen.filter(({ path }) => path.startsWith("/repos/"));

/** All files of a cache that are content, whole or not. */
const blobs = (cache: string) =>
  [...Deno.readDirSync(`${cache}/models--org--big/blobs`)].map(({ name }) => name).sort();

async function fails<E extends Error>(job: Promise<unknown>, kind: new (...args: never[]) => E): Promise<E> {
  const error = await job.then(() => assert.fail("nothing was thrown"), (error) => error);
  assert.ok(error instanceof kind, String(error));
  return error;
}

Deno.test("pull() lays a backbone out as huggingface_hub does, without the copies of its weights", async () => {
  await using hub = serveHub([sharded]);
  using cache = scratch();
  const pulled = await pulling(hub, cache.path, "org/big", { token: "hf_secret" });
  const expected = [
    ...Object.keys(small),
    "model-1.safetensors",
    "model-2.safetensors",
    "model.safetensors.index.json",
  ];
  assert.deepEqual(pulled.files.map(({ path }) => path), expected.sort());
  assert.deepEqual([...Deno.readDirSync(pulled.folder)].map(({ name }) => name).sort(), expected);
  const root = `${cache.path}/models--org--big`;
  assert.equal(pulled.folder, `${root}/snapshots/${NEW}`);
  assert.equal(Deno.readTextFileSync(`${root}/refs/main`), NEW);
  assert.equal(
    Deno.readLinkSync(`${pulled.folder}/model-1.safetensors`),
    `../../blobs/${sha256Of(shard1.content)}`,
  );
  assert.equal(
    Deno.readLinkSync(`${pulled.folder}/config.json`),
    `../../blobs/${gitOid(small["config.json"].content)}`,
  );
  assert.deepEqual(Deno.readFileSync(`${pulled.folder}/model-1.safetensors`), shard1.content);
  const record = readPullRecord(new RepoCache(cache.path, pulled.repo).record(NEW))!;
  assert.deepEqual(record.files, pulled.files);
  assert.equal(
    record.files.find(({ path }) => path === "config.json")!.sha256,
    sha256Of(small["config.json"].content),
  );
  // The token is the hub's own business.
  assert.ok(
    hub.seen.every(({ host, authorization }) =>
      authorization === (host === "hub" ? "Bearer hf_secret" : null)
    ),
  );
});

Deno.test("pull() downloads nothing twice, and repairs what has been damaged since", async () => {
  await using hub = serveHub([sharded]);
  using cache = scratch();
  const first = await pulling(hub, cache.path);
  hub.seen.length = 0;
  const second = await pulling(hub, cache.path);
  assert.equal(second.received, 0);
  assert.deepEqual(second.files, first.files);
  assert.ok(hub.seen.every(({ path }) => path.startsWith("/api/")));
  const path = Deno.realPathSync(`${first.folder}/model-2.safetensors`), bytes = Deno.readFileSync(path);
  bytes[77]! ^= 1;
  Deno.writeFileSync(path, bytes);
  const notes: string[] = [];
  const third = await pulling(hub, cache.path, "org/big", {}, { onNote: (text) => notes.push(text) });
  assert.equal(third.received, shard2.content.length);
  assert.deepEqual(notes, ['"model-2.safetensors" in the cache is damaged; downloading it again']);
  assert.deepEqual(Deno.readFileSync(path), shard2.content);
});

Deno.test("pull() takes the revision that is asked for, and leaves the others alone", async () => {
  await using hub = serveHub([sharded]);
  using cache = scratch();
  const old = await pulling(hub, cache.path, `org/big@${OLD}`);
  assert.equal(old.commit, OLD);
  assert.equal(findSnapshot(parseRepo("org/big"), cache.path), undefined);
  await pulling(hub, cache.path);
  assert.equal(findSnapshot(parseRepo("org/big"), cache.path)!.commit, NEW);
  assert.equal(findSnapshot(parseRepo(`org/big@${OLD}`), cache.path)!.folder, old.folder);
  const error = await fails(pulling(hub, cache.path, "org/big@v9"), MissingError);
  assert.match(error.message, /"org\/big" has no revision "v9"/);
});

Deno.test("pull() continues where a connection broke off, and gives the same bytes", async () => {
  await using hub = serveHub([sharded]);
  using cache = scratch();
  let cuts = 0;
  hub.fault = ({ host }) => host === "cdn" && cuts++ < 2 ? { cutAfter: 100_000 } : undefined;
  const { folder, received } = await pulling(hub, cache.path);
  assert.deepEqual(Deno.readFileSync(`${folder}/model-1.safetensors`), shard1.content);
  const ranges = contentRequests(hub).map(({ range }) => range).slice(0, 3);
  assert.equal(ranges[0], null);
  assert.match(ranges[1]!, /^bytes=\d+-$/);
  assert.ok(Number(/\d+/.exec(ranges[2]!)![0]) > Number(/\d+/.exec(ranges[1]!)![0]));
  const total = Object.values(small).reduce((sum, { content }) => sum + content.length, 0) +
    index.content.length;
  assert.equal(received, shard1.content.length + shard2.content.length + total);
});

Deno.test("pull() continues what an earlier process left, also from a server without ranges", async () => {
  await using hub = serveHub([sharded]);
  for (const ranges of [true, false]) {
    using cache = scratch();
    hub.fault = ({ host }) => host === "cdn" ? { cutAfter: 50_000 } : undefined;
    const stop = new AbortController();
    const first = pulling(hub, cache.path, "org/big", { signal: stop.signal }, {
      signal: stop.signal,
      onProgress: (done) => done > 20_000 && stop.abort(),
    });
    assert.equal((await fails(first, DOMException)).name, "AbortError");
    const oid = sha256Of(shard1.content);
    const left = Deno.statSync(`${cache.path}/models--org--big/blobs/${oid}.incomplete`).size;
    assert.ok(left > 0 && left < shard1.content.length);
    hub.seen.length = 0;
    hub.fault = ({ host, range }) =>
      !ranges && host === "cdn" && range ? new Response(shard1.content) : undefined;
    const { folder, received } = await pulling(hub, cache.path);
    assert.equal(contentRequests(hub)[0]!.range, `bytes=${left}-`);
    assert.deepEqual(Deno.readFileSync(`${folder}/model-1.safetensors`), shard1.content);
    assert.ok(ranges ? received < shard1.content.length + shard2.content.length : received === 500_000);
    assert.ok(blobs(cache.path).every((name) => !name.endsWith(".incomplete")));
  }
});

Deno.test("pull() keeps nothing of a file whose hash is not the hub's", async () => {
  await using hub = serveHub([sharded]);
  const wrong = Uint8Array.from(shard1.content, (byte, i) => i === 1234 ? byte ^ 4 : byte);
  const long = new Uint8Array([...shard1.content, 1]);
  for (const content of [wrong, long]) {
    using cache = scratch();
    hub.fault = ({ host }) => host === "cdn" ? new Response(content) : undefined;
    const error = await fails(pulling(hub, cache.path), CheckFailedError);
    assert.match(error.message, /"model-1.safetensors"/);
    assert.ok(blobs(cache.path).every((name) => !name.startsWith(sha256Of(shard1.content))));
    // The branch is written last: nothing will take the pull for a whole one.
    assert.equal(findSnapshot(parseRepo("org/big"), cache.path), undefined);
  }
  using cache = scratch();
  hub.fault = ({ path }) =>
    path.endsWith("resolve-file/" + NEW + "/config.json") ? new Response("[]") : undefined;
  assert.match(
    (await fails(pulling(hub, cache.path), CheckFailedError)).message,
    /"config.json" arrived with the hash/,
  );
});

Deno.test("pull() says what opens a gated repository, and what is not there", async () => {
  const gated = { ...sharded, id: "org/gated", gatedTo: ["hf_friend"] };
  await using hub = serveHub([sharded, gated]);
  const cases: [text: string, token: string | undefined, message: RegExp, cure: RegExp][] = [
    [
      "org/gated",
      undefined,
      /"org\/gated" is gated/,
      /accept the terms on http.*\/org\/gated .*set HF_TOKEN/,
    ],
    [
      "org/gated",
      "hf_stranger",
      /the token in use may not read "org\/gated" \(status 403, GatedRepo\)/,
      /accept/,
    ],
    ["org/none", undefined, /no "org\/none", or does not show it without a token \(status 401\)/, /HF_TOKEN/],
    ["org/none", "hf_friend", /the hub has no "org\/none" \(status 404\)/, /check the spelling/],
  ];
  for (const [text, token, message, cure] of cases) {
    using cache = scratch();
    const error = await fails(pulling(hub, cache.path, text, { token }), MissingError);
    assert.match(error.message, message);
    assert.match(error.cure, cure);
  }
  using cache = scratch();
  assert.equal((await pulling(hub, cache.path, "org/gated", { token: "hf_friend" })).commit, NEW);
});

Deno.test("pull() waits as long as a busy hub asks, and gives up in the end", async () => {
  await using hub = serveHub([sharded]);
  using cache = scratch();
  const notes: string[] = [];
  const onNote = (text: string) => notes.push(text);
  let busy = 0;
  hub.fault = () => {
    busy++;
    if (busy === 1) return refuse(429, "TooManyRequests", { "retry-after": "1" });
    return busy % 4 === 0 ? refuse(503, "Unavailable") : undefined;
  };
  const before = performance.now();
  await pulling(hub, cache.path, "org/big", { onNote });
  assert.ok(performance.now() - before >= 1000);
  assert.match(notes[0]!, /answered 429 .*; trying again in 1 s/);
  assert.match(notes[1]!, /answered 503/);
  hub.fault = () => refuse(500, "Internal");
  const error = await fails(pulling(hub, cache.path), MissingError);
  assert.match(error.message, /the hub answered 500 for "org\/big"/);
  assert.match(error.cure, /same command continues/);
  hub.fault = () => refuse(429, "TooManyRequests", { "retry-after": "3600" });
  assert.match((await fails(pulling(hub, cache.path), MissingError)).message, /asks to wait 60 minutes/);
});

Deno.test("pull() gives up on a connection that never gets further, is silent, or is not there", async () => {
  await using hub = serveHub([sharded]);
  using cache = scratch();
  hub.fault = ({ host }) => host === "cdn" ? { cutAfter: 0 } : undefined;
  const broken = await fails(pulling(hub, cache.path), MissingError);
  assert.match(broken.message, /"model-1.safetensors" broke off 3 times at byte 0 of 300000/);
  hub.fault = ({ host }) => host === "cdn" ? new Response(new ReadableStream()) : undefined;
  const silent = await fails(pulling(hub, cache.path, "org/big", { stallMs: 60 }), MissingError);
  assert.match(silent.message, /broke off 3 times/);
  const endpoint = "http://127.0.0.1:9";
  const absent = await fails(pulling(hub, cache.path, "org/big", { endpoint, stallMs: 500 }), MissingError);
  assert.match(absent.message, /^cannot reach http:\/\/127\.0\.0\.1:9, tried 3 times/);
  assert.match(absent.cure, /HF_ENDPOINT/);
  // Tests may reach this machine only, as commands other than pull may reach nothing.
  const denied = await fails(
    pulling(hub, cache.path, "org/big", { endpoint: "http://hub.invalid" }),
    MissingError,
  );
  assert.match(denied.message, /no permission for the network/);
});

Deno.test("pull() downloads each file once when several processes want it", async () => {
  await using hub = serveHub([sharded]);
  using cache = scratch();
  const jobs = await Promise.all([1, 2, 3].map(() => pulling(hub, cache.path)));
  assert.ok(jobs.every(({ folder }) => folder === jobs[0]!.folder));
  assert.equal(contentRequests(hub).length, 2);
  // Held by somebody else: told, and waited for.
  const oid = sha256Of(shard1.content), paths = new RepoCache(cache.path, parseRepo("org/big"));
  Deno.removeSync(paths.blob(oid));
  const held = await takeBlobLock(paths.lock(oid));
  const notes: string[] = [];
  const waiting = pulling(hub, cache.path, "org/big", {}, { onNote: (text) => notes.push(text) });
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(contentRequests(hub).length, 2);
  held[Symbol.dispose]();
  await waiting;
  assert.deepEqual(notes, ['another process is downloading "model-1.safetensors"; waiting for it']);
  assert.equal(contentRequests(hub).length, 3);
});

Deno.test("pull() names the folder and the way out when the disk is full or may not be written", async () => {
  await using hub = serveHub([sharded]);
  using cache = scratch();
  const paths = new RepoCache(cache.path, parseRepo("org/big")), oid = sha256Of(shard1.content);
  Deno.mkdirSync(`${paths.folder}/blobs`, { recursive: true });
  Deno.symlinkSync("/dev/full", `${paths.blob(oid)}.incomplete`);
  // A device that is always full can be opened with all permissions only: in a process of its own.
  const module = (name: string) => JSON.stringify(new URL(name, import.meta.url).href);
  const script = `
    import { pull } from ${module("./pull.ts")};
    import { HubConnection } from ${module("./connection.ts")};
    import { chooseBackboneFiles } from ${module("./backbone_files.ts")};
    const connection = new HubConnection({ endpoint: ${JSON.stringify(hub.endpoint)} });
    const options = { cache: ${JSON.stringify(cache.path)}, choose: chooseBackboneFiles };
    await pull(connection, { type: "model", id: "org/big" }, options).catch((error) => console.log(error.message, error.cure));
  `;
  Deno.writeTextFileSync(`${cache.path}/full.ts`, script);
  const config = fileURLToPath(new URL("../../deno.json", import.meta.url));
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "--no-check", "--frozen", "--config", config, `${cache.path}/full.ts`],
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assert.match(
    text(stdout),
    /^cannot write ".*\.incomplete": No space left on device.* HF_HOME/,
    text(stderr),
  );
  Deno.writeTextFileSync(`${cache.path}/file`, "");
  const denied = await fails(pulling(hub, `${cache.path}/file/cache`), MissingError);
  assert.match(denied.message, /cannot write ".*file\/cache"/);
});

Deno.test("pull() refuses what is no backbone before it downloads weights", async () => {
  const repo = (id: string, files: ServedRepo["commits"][string]): ServedRepo => ({
    type: "model",
    id,
    refs: { main: NEW },
    commits: { [NEW]: files },
  });
  await using hub = serveHub([
    repo("org/gguf", { "config.json": small["config.json"], "m.gguf": shard1 }),
    repo("org/torn", {
      ...small,
      "model.safetensors.index.json": index,
      "model-1.safetensors": shard1,
    }),
    repo("org/evil", { ...small, "../../../escape": textFile("x"), "model.safetensors": shard1 }),
  ]);
  const cases: [id: string, message: RegExp][] = [
    ["org/gguf", /has no tokenizer.json, no model.safetensors/],
    ["org/torn", /lists model-2.safetensors in model.safetensors.index.json/],
    ["org/evil", /"\.\.\/\.\.\/\.\.\/escape", which would lie outside/],
  ];
  for (const [id, message] of cases) {
    using cache = scratch();
    assert.match((await fails(pulling(hub, cache.path, id), UsageError)).message, message);
  }
  assert.equal(contentRequests(hub).length, 0);
});
