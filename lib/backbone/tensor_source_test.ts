import { assert } from "#test";
import { UsageError } from "#errors";
import { golden } from "./_golden.ts";
import { decoderConfigFromHf } from "./hf_config.ts";
import { checkTensors, expectedTensors, type TensorSource } from "./tensor_source.ts";

type Tensors = Record<string, { shape: number[] }>;
const { models } = golden<{ models: Record<string, Tensors> }>("tensors.json");
const configOf = (name: string) => decoderConfigFromHf(golden(`${name}/config.json`), name);

function source(shapes: Record<string, readonly number[]>): TensorSource {
  const never = () => assert.fail("no weight is to be read");
  return {
    names: () => Object.keys(shapes),
    shape: (name) => shapes[name]!,
    dtype: never,
    read: never,
    close() {},
  };
}
const valid = () =>
  Object.fromEntries(expectedTensors(configOf("qwen2"))) as Record<string, readonly number[]>;

for (const [name, tensors] of Object.entries(models)) {
  Deno.test(`expectedTensors() are the tensors of transformers for ${name}`, () => {
    const shapes = Object.entries(tensors).map(([tensor, { shape }]) => [tensor, shape] as const).sort();
    assert.deepEqual([...expectedTensors(configOf(name))].sort(), shapes);
  });
}

Deno.test("checkTensors() returns what the decoder does not use", () => {
  const extra = { ...valid(), "lm_head.weight": [1], "model.layers.0.self_attn.rotary_emb.inv_freq": [4] };
  assert.deepEqual(checkTensors(source(extra), configOf("qwen2"), "x"), [
    "lm_head.weight",
    "model.layers.0.self_attn.rotary_emb.inv_freq",
  ]);
});

Deno.test("checkTensors() names the first missing tensors and counts the others", () => {
  const shapes = Object.fromEntries(Object.entries(valid()).filter(([name]) => !name.includes("mlp")));
  assert.throws(() => checkTensors(source(shapes), configOf("qwen2"), "x"), {
    name: "UsageError",
    message:
      /x is missing model\.layers\.0\.mlp\.gate_proj\.weight, .*up_proj.*, .*down_proj\.weight and 3 more/,
  });
});

Deno.test("checkTensors() names a tensor of the wrong shape", () => {
  const shapes = { ...valid(), "model.norm.weight": [9] };
  assert.throws(() => checkTensors(source(shapes), configOf("qwen2"), "x"), {
    message: /model\.norm\.weight \[9\] instead of \[8\]/,
  });
});

Deno.test("checkTensors() refuses layer weights that would not be used", () => {
  for (const name of ["model.layers.0.mlp.up_proj.bias", "model.layers.2.input_layernorm.weight"]) {
    assert.throws(
      () => checkTensors(source({ ...valid(), [name]: [8] }), configOf("qwen2"), "x"),
      UsageError,
    );
  }
});
