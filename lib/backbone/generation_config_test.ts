import { assert } from "#test";
import { UsageError } from "#errors";
import { GOLDEN } from "./_golden.ts";
import { generationIdsFromGguf, generationIdsFromHf } from "./generation_config.ts";
import type { GgufValue } from "./gguf_cursor.ts";
import { GgufMetadata } from "./gguf_metadata.ts";
import { readHfJson } from "./hf_folder.ts";
import { Tokenizer } from "./tokenizer.ts";

const tokenizer = await Tokenizer.create(readHfJson(`${GOLDEN}/qwen2`, "tokenizer.json"), {}, "t");
const sources = {
  generationConfig: { eos_token_id: [2, 1, 2], bos_token_id: 0 },
  config: { eos_token_id: 5, bos_token_id: 6 },
  specialTokens: { eos_token: "<|im_end|>" },
};

Deno.test("generationIdsFromHf() takes all end ids of generation_config.json", () => {
  assert.deepEqual(generationIdsFromHf(sources, tokenizer, "x"), { eosIds: [2, 1], bosId: 0 });
});

Deno.test("generationIdsFromHf() falls back to config.json, then to the tokenizer", () => {
  const noFile = { ...sources, generationConfig: null };
  assert.deepEqual(generationIdsFromHf(noFile, tokenizer, "x"), { eosIds: [5], bosId: 6 });
  assert.deepEqual(generationIdsFromHf({ ...noFile, config: {} }, tokenizer, "x"), {
    eosIds: [2],
    bosId: null,
  });
});

Deno.test("generationIdsFromHf() fails when nothing ends a generation, or an id is not a token", () => {
  const none = { generationConfig: null, config: {}, specialTokens: {} };
  assert.throws(() => generationIdsFromHf(none, tokenizer, "x"), { message: /names no token that ends/ });
  for (const config of [{ eos_token_id: 1e6 }, { eos_token_id: "2" }, { eos_token_id: [2, null] }]) {
    assert.throws(() => generationIdsFromHf({ ...none, config }, tokenizer, "x"), UsageError);
  }
  const bos = { ...none, config: { eos_token_id: 2, bos_token_id: 1e6 } };
  assert.throws(() => generationIdsFromHf(bos, tokenizer, "x"), { message: /bos_token_id is 1000000/ });
});

Deno.test("generationIdsFromGguf() takes the end of text, of turn and of message", () => {
  const metadata = (values: Record<string, GgufValue>) =>
    new GgufMetadata({ path: "x", metadata: new Map(Object.entries(values)), tensors: new Map() });
  const all = {
    "tokenizer.ggml.eos_token_id": 2,
    "tokenizer.ggml.eot_token_id": 2,
    "tokenizer.ggml.eom_token_id": 1,
    "tokenizer.ggml.bos_token_id": 0,
  };
  assert.deepEqual(generationIdsFromGguf(metadata(all), tokenizer, "x"), { eosIds: [2, 1], bosId: 0 });
  assert.throws(() => generationIdsFromGguf(metadata({}), tokenizer, "x"), UsageError);
});
