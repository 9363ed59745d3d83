/**
 * A lock for tests.
 *
 * @module
 */
import { sha256Hex } from "./hash.ts";
import type { Lock } from "./lock.ts";

/** A new one each time, to be changed. */
export function exampleLock(): Lock {
  return {
    version: 1,
    tool: { version: "0.1.0", source: sha256Hex("source") },
    inputs: {
      "data/mini/train.jsonl.gz": { sha256: sha256Hex("data"), bytes: 4, rows: 2 },
      "backbone/model.safetensors": { sha256: sha256Hex("weights"), bytes: 7 },
    },
    prompt: {
      tokenizer: sha256Hex("tokenizer"),
      chatTemplate: sha256Hex("template"),
      system: sha256Hex("system"),
      systemTokens: 36,
      eosIds: [0, 2],
    },
    order: sha256Hex("order"),
    engine: { device: "cpu", runtime: "onnxruntime-node 1.30.0", threads: 2, cpu: "some CPU", deno: "2.9.6" },
  };
}
