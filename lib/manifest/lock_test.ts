import { assert } from "#test";
import { CheckFailedError, MissingError, UsageError } from "#errors";
import { exampleLock } from "./_example_lock.ts";
import { sha256Hex } from "./hash.ts";
import { manifestHash, resolvedText, runFolderName } from "./identity.ts";
import { loadLock, type Lock, lockText, parseLock } from "./lock.ts";
import { presetManifest } from "./presets.ts";
import { resolveManifest } from "./resolve.ts";
import { requireLock, verifyLock } from "./verify.ts";

Deno.test("lockText() sorts keys at every depth and parseLock() reads it back", () => {
  const lock = exampleLock();
  const text = lockText(lock);
  assert.deepEqual(parseLock(text, "grace.lock.json"), lock);
  assert.deepEqual(Object.keys(JSON.parse(text)), ["engine", "inputs", "order", "prompt", "tool", "version"]);
  assert.ok(text.indexOf('"backbone/model') < text.indexOf('"data/mini'));
  assert.ok(text.endsWith("}\n"));
  const shuffled = Object.fromEntries(Object.entries(lock).reverse()) as Lock;
  assert.equal(lockText(shuffled), text);
});

Deno.test("lockText() refuses names that point outside a root or name a place on this machine", () => {
  for (
    const name of ["/data/a", "C:\\data", "c:/data", "../a", "a/../../b", "a/..", "..", "\\\\host\\a", ""]
  ) {
    const lock = exampleLock();
    lock.inputs[name] = { sha256: sha256Hex("x"), bytes: 1 };
    assert.throws(() => lockText(lock), UsageError, name);
  }
  for (const name of ["data/a..b/c", "backbone/..x", "backbone/a b.json"]) {
    const lock = exampleLock();
    lock.inputs[name] = { sha256: sha256Hex("x"), bytes: 1 };
    lockText(lock);
  }
});

Deno.test("parseLock() refuses what is not a lock", () => {
  const bad = (edit: (lock: Record<string, unknown>) => void) => {
    const lock = structuredClone(exampleLock()) as unknown as Record<string, unknown>;
    edit(lock);
    assert.throws(() => parseLock(JSON.stringify(lock), "grace.lock.json"), UsageError);
  };
  bad((lock) => lock.version = 2);
  bad((lock) => lock.order = "ABC");
  bad((lock) => delete lock.prompt);
  bad((lock) => lock.date = "today");
  bad((lock) => (lock.prompt as Lock["prompt"]).systemTokens = 0);
  bad((lock) => (lock.prompt as Lock["prompt"]).eosIds = []);
  assert.throws(() => parseLock("{", "grace.lock.json"), UsageError);
  assert.throws(() => loadLock("no-such.lock.json"), MissingError);
});

Deno.test("verifyLock() finds nothing when nothing changed", () => {
  assert.deepEqual(verifyLock(exampleLock(), exampleLock()), []);
  requireLock(exampleLock(), exampleLock());
});

Deno.test("verifyLock() describes every change in a sentence", () => {
  const now = exampleLock();
  now.inputs["data/mini/train.jsonl.gz"] = { sha256: sha256Hex("other"), bytes: 5, rows: 2 };
  delete now.inputs["backbone/model.safetensors"];
  now.inputs["backbone/new.safetensors"] = { sha256: sha256Hex("w"), bytes: 1 };
  now.prompt.systemTokens = 35;
  now.prompt.eosIds = [2];
  now.tool.version = "0.2.0";
  now.engine.threads = 4;
  now.order = sha256Hex("another order");
  assert.deepEqual(verifyLock(exampleLock(), now), [
    'input "backbone/model.safetensors" is in the lock but is not used any more',
    'input "backbone/new.safetensors" is not in the lock',
    'input "data/mini/train.jsonl.gz" has other content: 5 bytes with SHA-256 ' +
    `${sha256Hex("other").slice(0, 12)}…, the lock has 4 bytes with ${sha256Hex("data").slice(0, 12)}…`,
    "prompt.systemTokens is 35, the lock has 36",
    "prompt.eosIds is [2], the lock has [0,2]",
    'tool.version is "0.2.0", the lock has "0.1.0"',
    "engine.threads is 4, the lock has 2",
    "training examples are drawn in another order: " +
    `${sha256Hex("another order").slice(0, 12)}…, the lock has ${sha256Hex("order").slice(0, 12)}…`,
  ]);
  assert.throws(() => requireLock(exampleLock(), now), CheckFailedError);
});

Deno.test("verifyLock() notices a file that is read as another number of rows", () => {
  const now = exampleLock();
  now.inputs["data/mini/train.jsonl.gz"]!.rows = 1;
  assert.deepEqual(verifyLock(exampleLock(), now), [
    'input "data/mini/train.jsonl.gz" is read as 1 rows, the lock has 2',
  ]);
});

Deno.test("manifestHash() depends neither on where things lie nor on how settings were given", () => {
  const here = resolveManifest({ preset: "fixed", backbone: "/here/model.gguf", device: "cpu" }).manifest;
  const there = presetManifest("fixed");
  there.backbone = "../there/copy.gguf";
  there.data.train = "moved/train.jsonl";
  assert.equal(manifestHash(here, exampleLock()), manifestHash(there, exampleLock()));
  assert.match(manifestHash(here, exampleLock()), /^[0-9a-f]{64}$/);
  const asCode = resolveManifest({ ...presetManifest("fixed"), preset: "code" }).manifest;
  assert.equal(manifestHash(asCode, exampleLock()), manifestHash(here, exampleLock()));
});

Deno.test("manifestHash() changes with every setting that matters and with the lock", () => {
  const base = presetManifest("fixed");
  const seen = new Set([manifestHash(base, exampleLock())]);
  const edits = [{ seed: 2 }, { arms: ["base"] }, { train: { steps: 11 } }, { prompt: { system: "x" } }, {
    reward: { grouping: "prompt" },
  }];
  for (const edit of edits) {
    seen.add(manifestHash(resolveManifest({ preset: "fixed", ...edit }).manifest, exampleLock()));
  }
  const other = exampleLock();
  other.inputs["data/mini/train.jsonl.gz"]!.sha256 = sha256Hex("other");
  seen.add(manifestHash(base, other));
  assert.equal(seen.size, edits.length + 2);
});

Deno.test("runFolderName() joins the model's own name and twelve digits", () => {
  const identity = "0123456789abcdef".repeat(4);
  assert.equal(runFolderName("tiny", identity), "tiny-0123456789ab");
  assert.equal(runFolderName("Qwen/Qwen2.5-1.5B-Instruct", identity), "Qwen2.5-1.5B-Instruct-0123456789ab");
  assert.equal(runFolderName("../models/SmolLM2 135M.F16.gguf", identity), "SmolLM2-135M.F16-0123456789ab");
  assert.equal(runFolderName("C:\\models\\m\\", identity), "m-0123456789ab");
  assert.equal(runFolderName("..", identity), "run-0123456789ab");
});

Deno.test("resolvedText() holds the identity, the settings and their origins", () => {
  const resolved = resolveManifest({ seed: 3 });
  const parsed = JSON.parse(resolvedText(resolved, "ab"));
  assert.deepEqual(parsed, { identity: "ab", manifest: resolved.manifest, provenance: resolved.provenance });
});
