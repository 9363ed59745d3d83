import { assert, testWith } from "#test";
import { GraceError, MissingError, UsageError } from "#errors";
import { digestFile } from "../manifest/hash.ts";
import { editJson, GOLDEN, SMOLLM2, withCopy, withFile } from "./_golden.ts";
import { openBackbone } from "./open.ts";

for (const name of ["llama", "qwen2", "qwen3"]) {
  Deno.test(`openBackbone() opens the Hugging Face folder of a ${name} model`, async () => {
    const backbone = await openBackbone(`${GOLDEN}/${name}/`);
    assert.deepEqual([backbone.name, backbone.format, backbone.config.architecture], [name, "hf", name]);
    assert.deepEqual([backbone.eosIds, backbone.bosId, backbone.unusedTensors], [[2, 0], 0, []]);
    const prompt = backbone.chatTemplate.render([{ role: "user", content: "hi" }]);
    assert.ok(backbone.tokenizer.encode(prompt).includes(backbone.tokenizer.tokenToId("<|im_end|>")!));
    const names = [...Deno.readDirSync(`${GOLDEN}/${name}`)].map((entry) => entry.name).sort();
    assert.deepEqual(backbone.files.map((file) => file.name).sort(), names);
    for (const file of backbone.files) {
      assert.deepEqual({ name: file.name, ...digestFile(`${GOLDEN}/${name}/${file.name}`) }, file);
    }
    backbone.close();
  });
}

Deno.test("openBackbone() opens the built-in backbone by its id, and says what to restore where it is missing", async () => {
  const folder = `${GOLDEN}/llama`;
  const backbone = await openBackbone("tiny", folder);
  assert.deepEqual([backbone.name, backbone.path], ["tiny", folder]);
  backbone.close();
  await assert.rejects(
    openBackbone("tiny", `${GOLDEN}/nowhere`),
    (error) =>
      error instanceof MissingError && error.message.includes("nowhere") &&
      error.cure.startsWith("restore fixtures/tiny/backbone"),
  );
});

Deno.test("openBackbone() opens a GGUF file", async () => {
  const backbone = await openBackbone(`${GOLDEN}/llama.gguf`);
  assert.deepEqual([backbone.name, backbone.format, backbone.eosIds, backbone.bosId], ["llama", "gguf", [
    2,
    0,
  ], 0]);
  assert.deepEqual(backbone.files, [{ name: "llama.gguf", ...digestFile(`${GOLDEN}/llama.gguf`) }]);
  assert.deepEqual(backbone.tokenizer.encode("<|im_end|>"), [2]);
  assert.equal(backbone.tensors.read("model.norm.weight").length, 32);
  backbone.close();
});

testWith(SMOLLM2, "openBackbone() opens SmolLM2", async (path) => {
  const backbone = await openBackbone(path);
  backbone.close();
  assert.deepEqual([backbone.eosIds, backbone.bosId, backbone.tokenizer.vocabSize], [[2], 1, 49152]);
  assert.equal(backbone.files[0]!.sha256, "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53");
});

Deno.test("openBackbone() says what it would accept when the path does not exist", async () => {
  await assert.rejects(openBackbone(`${GOLDEN}/nowhere`), (error) => {
    assert.ok(error instanceof MissingError);
    assert.match(error.message, /nowhere" does not exist/);
    assert.match(error.cure, /\.gguf file, a folder with config\.json/);
    return true;
  });
});

Deno.test("openBackbone() refuses a file that is not GGUF by name", () =>
  withFile(new Uint8Array(8), (path) => assert.rejects(openBackbone(path), UsageError)));

type Damage = [string, (folder: string) => void, new (...args: never[]) => GraceError, RegExp];
const damages: Damage[] = [
  [
    "there is no config.json",
    (f) => Deno.removeSync(`${f}/config.json`),
    MissingError,
    /there is no .*config\.json/,
  ],
  [
    "there is no tokenizer",
    (f) => Deno.removeSync(`${f}/tokenizer.json`),
    MissingError,
    /there is no .*tokenizer\.json/,
  ],
  [
    "there is no chat template",
    (f) => editJson(`${f}/tokenizer_config.json`, { chat_template: null }),
    MissingError,
    /has no chat template/,
  ],
  [
    "there are no weights",
    (f) => Deno.removeSync(`${f}/model.safetensors`),
    MissingError,
    /has neither model\.safetensors/,
  ],
  [
    "a JSON file is damaged",
    (f) => Deno.writeTextFileSync(`${f}/config.json`, "{"),
    UsageError,
    /config\.json is not valid JSON/,
  ],
  [
    "layers are missing",
    (f) => editJson(`${f}/config.json`, { num_hidden_layers: 3 }),
    UsageError,
    /is missing model\.layers\.2/,
  ],
  [
    "layers are left over",
    (f) => editJson(`${f}/config.json`, { num_hidden_layers: 1 }),
    UsageError,
    /does not use: model\.layers\.1/,
  ],
  [
    "config and weights disagree",
    (f) => editJson(`${f}/config.json`, { intermediate_size: 13 }),
    UsageError,
    /the wrong shape for model\.layers\.0\.mlp/,
  ],
  [
    "the tokenizer does not fit the embedding",
    (f) => editJson(`${f}/tokenizer.json`, { added_tokens: [{ id: 5000, content: "<x>", special: true }] }),
    UsageError,
    /has ids up to 5000, the embedding has 347 rows/,
  ],
];
for (const [when, damage, kind, message] of damages) {
  Deno.test(`openBackbone() fails when ${when}`, () =>
    withCopy("qwen2", async (folder) => {
      damage(folder);
      await assert.rejects(openBackbone(folder), (error) => {
        assert.ok(error instanceof kind, String(error));
        assert.match(error.message, message);
        return true;
      });
    }));
}

Deno.test("openBackbone() prefers chat_template.jinja", () =>
  withCopy("qwen2", async (folder) => {
    Deno.writeTextFileSync(
      `${folder}/chat_template.jinja`,
      "{{ bos_token }}{{ messages[0].content }}{{ eos_token }}",
    );
    const backbone = await openBackbone(folder);
    backbone.close();
    const text = backbone.chatTemplate.render([{ role: "user", content: "hi" }]);
    assert.equal(text, "<|endoftext|>hi<|im_end|>");
  }));
