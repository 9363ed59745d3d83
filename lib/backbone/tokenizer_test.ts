import { assert, testWith } from "#test";
import { UsageError } from "#errors";
import { golden, SMOLLM2 } from "./_golden.ts";
import type { GgufValue } from "./gguf_cursor.ts";
import { GgufMetadata } from "./gguf_metadata.ts";
import { tokenizerJsonFromGguf } from "./gguf_tokenizer.ts";
import type { JsonObject } from "./json.ts";
import { openBackbone } from "./open.ts";
import { Tokenizer } from "./tokenizer.ts";

interface Answer {
  text: string;
  ids: number[];
  decoded: string;
  skipped: string;
}
interface Golden {
  tokens: string[];
  types: number[];
  merges: string[];
  byPre: Record<string, Answer[]>;
  folders: { name: string; json: JsonObject; cases: Answer[] }[];
}
const data = golden<Golden>("tokenizer.json");

function metadata(pre: string, changes: Record<string, GgufValue> = {}): GgufMetadata {
  const values = {
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.pre": pre,
    "tokenizer.ggml.tokens": data.tokens,
    "tokenizer.ggml.token_type": data.types,
    "tokenizer.ggml.merges": data.merges,
    ...changes,
  };
  return new GgufMetadata({ path: "x.gguf", metadata: new Map(Object.entries(values)), tensors: new Map() });
}

const fromPre = (pre: string) => Tokenizer.create(tokenizerJsonFromGguf(metadata(pre)), {}, "x.gguf");

function assertAnswers(tokenizer: Tokenizer, answers: readonly Answer[]): void {
  for (const { text, ids, decoded, skipped } of answers) {
    assert.deepEqual(tokenizer.encode(text), ids, `ids of ${JSON.stringify(text)}`);
    assert.equal(tokenizer.decode(ids), decoded);
    assert.equal(tokenizer.decode(ids, { skipSpecial: true }), skipped);
  }
}

for (const pre of Object.keys(data.byPre)) {
  Deno.test(`Tokenizer gives the ids and texts of the Python library for the GGUF pre-tokenizer ${pre}`, async () => {
    assertAnswers(await fromPre(pre), data.byPre[pre]!);
  });
}

for (const { name, json, cases } of data.folders) {
  Deno.test(`Tokenizer gives the ids and texts of the Python library for a tokenizer.json with ${name}`, async () => {
    const { model } = tokenizerJsonFromGguf(metadata("gpt-2"));
    assertAnswers(await Tokenizer.create({ ...json, model }, {}, name), cases);
  });
}

testWith(SMOLLM2, "Tokenizer gives the ids and texts of the Python library for SmolLM2", async (path) => {
  const backbone = await openBackbone(path);
  backbone.close();
  assertAnswers(backbone.tokenizer, golden<{ tokens: Answer[] }>("smollm2.json").tokens);
});

Deno.test("Tokenizer knows its tokens by name and by id", async () => {
  const tokenizer = await fromPre("smollm");
  assert.equal(tokenizer.tokenToId("<|im_end|>"), 2);
  assert.equal(tokenizer.idToToken(2), "<|im_end|>");
  assert.equal(tokenizer.tokenToId("no such token"), null);
  assert.equal(tokenizer.idToToken(1e6), null);
  assert.deepEqual([2, 3].map((id) => tokenizer.isSpecial(id)), [true, false]);
});

Deno.test("Tokenizer.vocabSize does not count the unused ids that pad a GGUF vocabulary", async () => {
  assert.equal(data.tokens.at(-1), "[PAD3]");
  assert.equal((await fromPre("smollm")).vocabSize, data.tokens.length - 1);
});

Deno.test("Tokenizer.checkFits() fails when the embedding has too few rows", async () => {
  const tokenizer = await fromPre("smollm");
  tokenizer.checkFits(tokenizer.vocabSize);
  assert.throws(() => tokenizer.checkFits(tokenizer.vocabSize - 1), {
    name: "UsageError",
    message: /x\.gguf has ids/,
  });
});

Deno.test("Tokenizer.decode() fails for an id that is not a token", async () => {
  const tokenizer = await fromPre("smollm");
  for (const id of [-1, 1e6, 1.5]) assert.throws(() => tokenizer.decode([id]), UsageError);
});

Deno.test("Tokenizer.create() adds the tokens that only tokenizer_config.json lists", async () => {
  const json = tokenizerJsonFromGguf(metadata("smollm"));
  const extra = {
    "400": { content: "<|pad|>", special: true },
    "2": { content: "<|im_end|>", special: true },
  };
  const tokenizer = await Tokenizer.create(json, extra, "x");
  assert.deepEqual(tokenizer.encode("<|pad|><|im_end|>"), [400, 2]);
  assert.equal(tokenizer.vocabSize, 401);
});

const refused: [string, JsonObject, RegExp][] = [
  ["the model is not BPE", { model: { type: "Unigram", vocab: [] } }, /type is "Unigram"/],
  ["there is no model", { model: null }, /no "model"/],
  ["a token has no id", { model: { vocab: { a: -1 }, merges: [] } }, /vocab is/],
  [
    "a split is not supported",
    { pre_tokenizer: { type: "Split", pattern: {}, behavior: "MergedWithNext" } },
    /behavior/,
  ],
  ["a pre-tokenizer is unknown", { pre_tokenizer: { type: "UnicodeScripts" } }, /type is "UnicodeScripts"/],
  [
    "an added token needs word boundaries",
    { added_tokens: [{ id: 0, content: "a", single_word: true }] },
    /single_word/,
  ],
  ["a normalizer is unknown", { normalizer: { type: "Nmt" } }, /not a usable tokenizer/],
];
for (const [when, change, message] of refused) {
  Deno.test(`Tokenizer.create() refuses a pipeline when ${when}`, async () => {
    const json = { ...tokenizerJsonFromGguf(metadata("gpt-2")), ...change };
    await assert.rejects(Tokenizer.create(json, {}, "t.json"), { name: "UsageError", message });
  });
}

Deno.test("tokenizerJsonFromGguf() refuses to guess an unknown pre-tokenizer", () => {
  assert.throws(() => tokenizerJsonFromGguf(metadata("tekken")), {
    name: "UsageError",
    message: /tokenizer\.ggml\.pre is "tekken"/,
  });
});

Deno.test("tokenizerJsonFromGguf() refuses other tokenizers and lists of unequal length", () => {
  const wrong = { "tokenizer.ggml.model": "llama" };
  assert.throws(() => tokenizerJsonFromGguf(metadata("gpt-2", wrong)), {
    message: /tokenizer\.ggml\.model is "llama"/,
  });
  const short = { "tokenizer.ggml.token_type": [1, 2] };
  assert.throws(() => tokenizerJsonFromGguf(metadata("gpt-2", short)), { message: /token_type is \[1,2\]/ });
});
