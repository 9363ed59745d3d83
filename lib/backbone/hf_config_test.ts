import { assert } from "#test";
import { UsageError } from "#errors";
import { golden } from "./_golden.ts";
import { decoderConfigFromHf, decoderConfigToHf } from "./hf_config.ts";
import type { JsonObject } from "./json.ts";

const llama32: JsonObject = {
  architectures: ["LlamaForCausalLM"],
  hidden_act: "silu",
  hidden_size: 3072,
  intermediate_size: 8192,
  max_position_embeddings: 131072,
  num_attention_heads: 24,
  num_hidden_layers: 28,
  num_key_value_heads: 8,
  head_dim: 128,
  rms_norm_eps: 1e-5,
  rope_theta: 500000,
  rope_scaling: {
    rope_type: "llama3",
    factor: 32,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 8192,
  },
  tie_word_embeddings: true,
  vocab_size: 128256,
};

Deno.test("decoderConfigFromHf() reads the keys of transformers 4", () => {
  assert.deepEqual(decoderConfigFromHf(llama32, "x"), {
    architecture: "llama",
    hiddenSize: 3072,
    layers: 28,
    heads: 24,
    kvHeads: 8,
    headDim: 128,
    intermediateSize: 8192,
    vocabSize: 128256,
    rmsNormEps: 1e-5,
    ropeTheta: 500000,
    ropeScaling: {
      type: "llama3",
      factor: 32,
      lowFreqFactor: 1,
      highFreqFactor: 4,
      originalMaxPositions: 8192,
    },
    tiedEmbeddings: true,
    qkvBias: false,
    qkNorm: false,
    maxPositions: 131072,
  });
});

Deno.test("decoderConfigFromHf() reads the rope_parameters of transformers 5", () => {
  const { rope_theta, rope_scaling, ...rest } = llama32;
  const modern = { ...rest, rope_parameters: { rope_theta, ...(rope_scaling as JsonObject) } };
  assert.deepEqual(decoderConfigFromHf(modern, "x"), decoderConfigFromHf(llama32, "x"));
  const plain = decoderConfigFromHf(
    { ...rest, rope_parameters: { rope_theta: 7, rope_type: "default" } },
    "x",
  );
  assert.deepEqual([plain.ropeTheta, plain.ropeScaling], [7, null]);
});

Deno.test("decoderConfigFromHf() reads what transformers saves", () => {
  const llama = decoderConfigFromHf(golden("llama/config.json"), "x");
  assert.deepEqual(
    [
      llama.architecture,
      llama.headDim,
      llama.tiedEmbeddings,
      llama.ropeTheta,
      llama.ropeScaling?.originalMaxPositions,
    ],
    ["llama", 4, false, 5e5, 64],
  );
  const qwen2 = decoderConfigFromHf(golden("qwen2/config.json"), "x");
  assert.deepEqual([qwen2.architecture, qwen2.qkvBias, qwen2.qkNorm, qwen2.tiedEmbeddings], [
    "qwen2",
    true,
    false,
    true,
  ]);
  const qwen3 = decoderConfigFromHf(golden("qwen3/config.json"), "x");
  assert.deepEqual([qwen3.architecture, qwen3.qkvBias, qwen3.qkNorm, qwen3.headDim], [
    "qwen3",
    false,
    true,
    8,
  ]);
});

Deno.test("decoderConfigFromHf() fills absent keys as transformers does", () => {
  const {
    head_dim: _1,
    num_key_value_heads: _2,
    rms_norm_eps: _3,
    rope_theta: _4,
    rope_scaling: _5,
    ...rest
  } = llama32;
  const { tie_word_embeddings: _6, ...bare } = rest;
  const config = decoderConfigFromHf(bare, "x");
  assert.deepEqual(
    [
      config.headDim,
      config.kvHeads,
      config.rmsNormEps,
      config.ropeTheta,
      config.ropeScaling,
      config.tiedEmbeddings,
    ],
    [128, 24, 1e-6, 10000, null, false],
  );
  const qwen3 = decoderConfigFromHf({ ...bare, hidden_size: 1024, architectures: ["Qwen3ForCausalLM"] }, "x");
  assert.equal(qwen3.headDim, 128);
});

const refused: [string, JsonObject, RegExp][] = [
  [
    "the architecture is unknown",
    { architectures: ["MistralForCausalLM"] },
    /architectures is \["MistralForCausalLM"\]/,
  ],
  ["there is no architecture", { architectures: null }, /architectures is null/],
  ["a number is missing", { hidden_size: undefined }, /no "hidden_size"/],
  ["a number is a string", { hidden_size: "3072" }, /hidden_size is "3072"/],
  ["RoPE is of another type", { rope_scaling: { rope_type: "yarn", factor: 4 } }, /rope_type is "yarn"/],
  [
    "RoPE is of another type, in old spelling",
    { rope_scaling: { type: "linear", factor: 4 } },
    /type is "linear"/,
  ],
  ["RoPE differs between layers", { rope_parameters: { full_attention: {} } }, /rope_parameters is/],
  ["only a part of the head is rotated", { partial_rotary_factor: 0.5 }, /partial_rotary_factor is 0\.5/],
  ["attention has biases", { attention_bias: true }, /attention_bias is true/],
  ["the MLP has biases", { mlp_bias: true }, /mlp_bias is true/],
  ["the activation is another", { hidden_act: "gelu" }, /hidden_act is "gelu"/],
  ["a sliding window is in use", { use_sliding_window: true }, /use_sliding_window is true/],
  [
    "a layer has a sliding window",
    { layer_types: ["full_attention", "sliding_attention"] },
    /layer_types is/,
  ],
  ["weights are quantised", { quantization_config: { bits: 4 } }, /quantization_config is/],
  ["the head width is odd", { head_dim: 63 }, /headDim is 63/],
];
for (const [when, change, message] of refused) {
  Deno.test(`decoderConfigFromHf() refuses the model when ${when}`, () => {
    assert.throws(() => decoderConfigFromHf({ ...llama32, ...change }, "x/config.json"), (error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, message);
      assert.match(error.message, /^x\/config\.json/);
      return true;
    });
  });
}

Deno.test("decoderConfigFromHf() accepts a sliding window that is not in use", () => {
  const config = {
    ...llama32,
    architectures: ["Qwen2ForCausalLM"],
    sliding_window: 32768,
    use_sliding_window: false,
  };
  assert.equal(decoderConfigFromHf(config, "x").architecture, "qwen2");
});

Deno.test("decoderConfigToHf() writes what decoderConfigFromHf() reads", () => {
  for (const name of ["llama", "qwen2", "qwen3"]) {
    const config = decoderConfigFromHf(golden(`${name}/config.json`), "x");
    assert.deepEqual(decoderConfigFromHf(decoderConfigToHf(config, "float32"), "x"), config);
  }
});
