import { assert } from "#test";
import { describeLockDifference, diffLocks } from "./diff_locks.ts";
import { sha256Hex } from "./hash.ts";
import type { Lock } from "./lock.ts";

const lock = (): Lock => ({
  version: 1,
  tool: { version: "0.1.0", source: sha256Hex("source") },
  inputs: {
    "backbone/model.safetensors": { sha256: sha256Hex("weights"), bytes: 7 },
    "data/train.jsonl": { sha256: sha256Hex("data"), bytes: 4, rows: 2 },
  },
  prompt: {
    tokenizer: sha256Hex("tokenizer"),
    chatTemplate: sha256Hex("template"),
    system: sha256Hex("system"),
    systemTokens: 36,
    eosIds: [0, 2],
  },
  order: sha256Hex("order"),
  engine: { device: "cpu", runtime: "onnxruntime 1.30.0", threads: 2, cpu: "some CPU", deno: "2.9.6" },
});

Deno.test("diffLocks() finds nothing in equal locks, whatever the order of their keys", () => {
  const shuffled = Object.fromEntries(Object.entries(lock()).reverse()) as Lock;
  const [data] = Object.entries(shuffled.inputs).reverse();
  shuffled.inputs = { [data![0]]: { rows: 2, bytes: 4, sha256: sha256Hex("data") }, ...lock().inputs };
  assert.deepEqual(diffLocks(lock(), shuffled), []);
});

Deno.test("diffLocks() names files by content, and fields of every section", () => {
  const other = lock();
  other.inputs["data/train.jsonl"]!.sha256 = sha256Hex("other");
  delete other.inputs["backbone/model.safetensors"];
  other.inputs["backbone/x.gguf"] = { sha256: sha256Hex("gguf"), bytes: 9 };
  other.prompt.eosIds = [2];
  other.order = sha256Hex("another order");
  other.tool.version = "0.2.0";
  other.engine.threads = 3;
  assert.deepEqual(diffLocks(lock(), other).map(describeLockDifference), [
    `input backbone/model.safetensors: 7 bytes, SHA-256 ${sha256Hex("weights").slice(0, 12)}… -> not there`,
    `input backbone/x.gguf: not there -> 9 bytes, SHA-256 ${sha256Hex("gguf").slice(0, 12)}…`,
    `input data/train.jsonl: 4 bytes, 2 rows, SHA-256 ${sha256Hex("data").slice(0, 12)}… -> ` +
    `4 bytes, 2 rows, SHA-256 ${sha256Hex("other").slice(0, 12)}…`,
    "prompt eosIds: [0,2] -> [2]",
    `order of examples: ${sha256Hex("order").slice(0, 12)}… -> ${sha256Hex("another order").slice(0, 12)}…`,
    'tool version: "0.1.0" -> "0.2.0"',
    "engine threads: 2 -> 3",
  ]);
});
