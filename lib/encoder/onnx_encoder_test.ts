import { join } from "node:path";
import { MissingError, NumericError, UsageError } from "#errors";
import { assert, assertClose, assertSameBits } from "#test";
import { type Change, expectedOf, modulesWith, TINY, tiny, tinyJson, withTiny } from "./_tiny.ts";
import { OnnxEncoder } from "./onnx_encoder.ts";

for (const wanted of tiny.cases) {
  Deno.test(`OnnxEncoder.encode() gives the vectors of sentence-transformers for ${wanted.name}`, async () => {
    const changes = { "1_Pooling/config.json": wanted.pooling, "modules.json": modulesWith(wanted.steps) };
    await withTiny(changes, async (folder) => {
      using encoder = await OnnxEncoder.open(folder);
      assert.equal(encoder.dimension, wanted.dimension);
      const encoded = await encoder.encode(tiny.texts, { prompt: wanted.prompt });
      for (const [i, expected] of expectedOf(wanted).entries()) {
        assertClose(encoded[i]!.embedding, expected, 2e-6, tiny.texts[i]);
      }
    });
  });
}

Deno.test("OnnxEncoder.encode() takes the vectors of a graph that pools by itself as they are", async () => {
  using encoder = await OnnxEncoder.open(join(TINY, "onnx/model_pooled.onnx"));
  using other = await OnnxEncoder.open(TINY);
  assert.equal(encoder.name, "tiny-bert-model_pooled");
  const pooled = await encoder.encode(tiny.texts), expected = await other.encode(tiny.texts);
  for (const [i, { embedding }] of pooled.entries()) {
    assertClose(embedding, expected[i]!.embedding, 1e-6, tiny.texts[i]);
  }
});

Deno.test("OnnxEncoder.encode() gives a text the same bits alone, in any company and order", async () => {
  using encoder = await OnnxEncoder.open(TINY);
  assert.equal(encoder.together, true);
  const texts = [...tiny.texts, ...tiny.texts.map((text) => `${text} a cat`), "a dog", "the cat", "dog a"];
  const among = await encoder.encode(texts.toReversed());
  for (const [i, text] of texts.entries()) {
    const [alone] = await encoder.encode([text]);
    assertSameBits(alone!.embedding, among.at(-1 - i)!.embedding, text);
  }
});

Deno.test("OnnxEncoder runs each text by itself where a graph scales a whole batch", async () => {
  // Dynamic quantisation: the scale of the activations is that of the largest in the batch.
  using encoder = await OnnxEncoder.open(join(TINY, "onnx/model_qint8.onnx"));
  assert.equal(encoder.together, false);
  const among = await encoder.encode(["a cat", "a dog", "the dog"]);
  assertSameBits((await encoder.encode(["a dog"]))[0]!.embedding, among[1]!.embedding);
});

Deno.test("OnnxEncoder.encode() tells which texts were cut", async () => {
  using encoder = await OnnxEncoder.open(TINY);
  const encoded = await encoder.encode(tiny.texts);
  const cut = tiny.texts.filter((_, i) => encoded[i]!.truncated);
  assert.deepEqual(cut, tiny.texts.filter((text) => text.startsWith("one two")));
  assert.equal(cut.length, 1);
  // Golden: 24 tokens with [CLS] and [SEP], which the cut keeps.
  assert.ok(tiny.ids.some((ids) => ids.length === 24));
});

Deno.test("OnnxEncoder.encode() reports each text once with its tokens, and stops when it is aborted", async () => {
  using encoder = await OnnxEncoder.open(TINY);
  const seen: number[] = [];
  let tokens = 0;
  const onTokens = (count: number) => void (tokens += count);
  const results = await encoder.encode(tiny.texts, {
    onTokens,
    onDone: (i, text) => {
      seen.push(i);
      assert.ok(text.embedding.length > 0);
    },
  });
  assert.deepEqual(seen.sort((a, b) => a - b), results.map((_, i) => i));
  assert.equal(tokens, tiny.ids.reduce((sum, ids) => sum + ids.length, 0));
  const controller = new AbortController();
  const aborted = encoder.encode(tiny.texts, {
    signal: controller.signal,
    onDone: () => controller.abort(new Error("enough")),
  });
  await assert.rejects(aborted, /enough/);
});

const merged = (name: string, changes: object) => ({ [name]: { ...tinyJson(name), ...changes } });
const noModules = { "modules.json": null };
const tokens = tinyJson("tokenizer.json");
const more = {
  ...tokens["model"] as object,
  vocab: { ...(tokens["model"] as { vocab: object }).vocab, extra: 999 },
};

const refused: [what: string, changes: Record<string, Change>, error: RegExp, kind: typeof MissingError][] = [
  [
    "there is no graph",
    { "onnx/model.onnx": null },
    /neither model\.onnx nor onnx\/model\.onnx/,
    MissingError,
  ],
  ["two graphs could be meant", { "model.onnx": new Uint8Array() }, /both model\.onnx and onnx/, UsageError],
  ["the graph is none", { "onnx/model.onnx": new Uint8Array(9) }, /cannot load ".*model\.onnx"/, UsageError],
  ["there is no tokenizer", { "tokenizer.json": null }, /there is no .*tokenizer\.json/, MissingError],
  ["there is no config", { "config.json": null }, /there is no .*config\.json/, MissingError],
  ["nothing says how to pool", noModules, /no modules\.json/, UsageError],
  ["there is no pooling", { "1_Pooling/config.json": null }, /no .*1_Pooling\/config\.json/, MissingError],
  [
    "the tokenizer is another model's",
    merged("tokenizer.json", { model: more }),
    /ids up to 999/,
    UsageError,
  ],
  [
    "pooling is for another width",
    merged("1_Pooling/config.json", { word_embedding_dimension: 8 }),
    /of 8,/,
    UsageError,
  ],
  [
    "more tokens are asked for than there are positions",
    merged("sentence_bert_config.json", { max_seq_length: 33 }),
    /is 33, but the model has 32/,
    UsageError,
  ],
  [
    "no token of a text fits",
    merged("sentence_bert_config.json", { max_seq_length: 2 }),
    /leave no room/,
    UsageError,
  ],
  [
    "similarity is not the cosine",
    merged("config_sentence_transformers.json", { similarity_fn_name: "euclidean" }),
    /"euclidean"/,
    UsageError,
  ],
  [
    "the default prompt is none of its prompts",
    merged("config_sentence_transformers.json", { default_prompt_name: "x" }),
    /"x"/,
    UsageError,
  ],
  [
    "texts are cut on the left",
    merged("tokenizer_config.json", { truncation_side: "left" }),
    /"left"/,
    UsageError,
  ],
  [
    "a dense layer has no weights",
    { "modules.json": modulesWith(["Dense"]), "2_Dense/model.safetensors": null },
    /no .*2_Dense\/model\.safetensors/,
    MissingError,
  ],
  [
    "a dense layer is for another width",
    { "modules.json": modulesWith(["Dense"]), ...merged("2_Dense/config.json", { in_features: 3 }) },
    /takes 3 features/,
    UsageError,
  ],
  [
    "a dense layer has weights of another shape",
    { "modules.json": modulesWith(["Dense"]), ...merged("2_Dense/config.json", { out_features: 3 }) },
    /"linear\.weight" is \[8,16\]/,
    UsageError,
  ],
];

for (const [what, changes, message, kind] of refused) {
  Deno.test(`OnnxEncoder.open() refuses a folder where ${what}`, async () => {
    await withTiny(changes, async (folder) => {
      await assert.rejects(OnnxEncoder.open(folder), (error) => {
        assert.ok(error instanceof kind, String(error));
        assert.match(error.message, message);
        assert.ok(error.cure.length > 0);
        return true;
      });
    });
  });
}

Deno.test("OnnxEncoder.open() needs no modules.json where the graph pools by itself", async () => {
  await withTiny(noModules, async (folder) => {
    using encoder = await OnnxEncoder.open(join(folder, "onnx/model_pooled.onnx"));
    assert.equal(encoder.dimension, 16);
  });
});

Deno.test("OnnxEncoder.open() refuses to pool a prompt that is not to be pooled", async () => {
  await withTiny(merged("1_Pooling/config.json", { include_prompt: false }), async (folder) => {
    await assert.rejects(OnnxEncoder.open(join(folder, "onnx/model_pooled.onnx")), /pools by itself/);
  });
});

Deno.test("OnnxEncoder.encode() names the text whose vector is not finite", async () => {
  const graph = Deno.readFileSync(join(TINY, "onnx/model.onnx"));
  await withTiny({ "onnx/model.onnx": withBrokenRow(graph) }, async (folder) => {
    using encoder = await OnnxEncoder.open(folder);
    const [fine] = await encoder.encode(["a cat"]);
    assert.ok(fine!.embedding.every(Number.isFinite));
    await assert.rejects(encoder.encode(["a cat", "the dog runs"]), (error) => {
      assert.ok(error instanceof NumericError);
      assert.match(error.message, /"the dog runs" is not finite/);
      return true;
    });
  });
});

/** The graph with a number that is none in the row that the embedding has for "dog". */
function withBrokenRow(graph: Uint8Array<ArrayBuffer>): Uint8Array {
  const name = new TextEncoder().encode("embeddings.word_embeddings.weight");
  const found = graph.findIndex((_, at) =>
    name.every((byte, i) => graph[at + i] === byte) && graph[at + name.length] === 0x4a
  );
  // Behind the name of a tensor stand its data: a tag, and their length in groups of seven bits.
  let start = found + name.length + 1;
  while (graph[start]! >= 0x80) start++;
  const { vocab } = tokens["model"] as { vocab: Record<string, number> };
  new DataView(graph.buffer).setFloat32(start + 1 + 4 * 16 * vocab["dog"]!, NaN, true);
  return graph;
}
