import { assert } from "#test";
import { describeLockDifference, diffLocks } from "./diff_locks.ts";
import { exampleLock as lock } from "./_example_lock.ts";
import { sha256Hex } from "./hash.ts";

Deno.test("diffLocks() finds nothing in equal locks, whatever the order of their keys", () => {
  const reversed = <T extends object>(value: T) => Object.fromEntries(Object.entries(value).reverse()) as T;
  const shuffled = reversed(lock());
  shuffled.inputs = reversed(lock().inputs);
  for (const [name, input] of Object.entries(shuffled.inputs)) shuffled.inputs[name] = reversed(input);
  assert.deepEqual(diffLocks(lock(), shuffled), []);
});

Deno.test("diffLocks() names files by content, and fields of every section", () => {
  const other = lock();
  other.inputs["data/mini/train.jsonl.gz"]!.sha256 = sha256Hex("other");
  delete other.inputs["backbone/model.safetensors"];
  other.inputs["backbone/x.gguf"] = { sha256: sha256Hex("gguf"), bytes: 9 };
  other.prompt.eosIds = [2];
  other.order = sha256Hex("another order");
  other.tool.version = "0.2.0";
  other.engine.threads = 3;
  assert.deepEqual(diffLocks(lock(), other).map(describeLockDifference), [
    `input backbone/model.safetensors: 7 bytes, SHA-256 ${sha256Hex("weights").slice(0, 12)}… -> not there`,
    `input backbone/x.gguf: not there -> 9 bytes, SHA-256 ${sha256Hex("gguf").slice(0, 12)}…`,
    `input data/mini/train.jsonl.gz: 4 bytes, 2 rows, SHA-256 ${sha256Hex("data").slice(0, 12)}… -> ` +
    `4 bytes, 2 rows, SHA-256 ${sha256Hex("other").slice(0, 12)}…`,
    "prompt eosIds: [0,2] -> [2]",
    `order of examples: ${sha256Hex("order").slice(0, 12)}… -> ${sha256Hex("another order").slice(0, 12)}…`,
    'tool version: "0.1.0" -> "0.2.0"',
    "engine threads: 2 -> 3",
  ]);
});
