/**
 * Hugging Face `config.json` to and from {@linkcode DecoderConfig}.
 *
 * Both spellings of RoPE are read: `rope_theta` + `rope_scaling` (transformers 4) and `rope_parameters`
 * (transformers 5). The older one is written, because both versions load it.
 *
 * @module
 */
import { UsageError } from "#errors";
import {
  type Architecture,
  checkDecoderConfig,
  type DecoderConfig,
  type Llama3RopeScaling,
} from "./config.ts";
import { describe, Fields, isObject, type JsonObject } from "./json.ts";

const ARCHITECTURES: Readonly<Record<string, Architecture>> = {
  LlamaForCausalLM: "llama",
  Qwen2ForCausalLM: "qwen2",
  Qwen3ForCausalLM: "qwen3",
};

/** Values that transformers assumes for an absent key, where they differ between the architectures. */
const DEFAULT_HEAD_DIM: Readonly<Record<Architecture, (hidden: number, heads: number) => number>> = {
  llama: (hidden, heads) => hidden / heads,
  qwen2: (hidden, heads) => hidden / heads,
  qwen3: () => 128,
};

/**
 * Reads the decoder of a `config.json`.
 *
 * @param json the parsed file
 * @param origin its path, for messages
 * @throws {UsageError} for another architecture, or a feature that would silently change the numbers
 */
export function decoderConfigFromHf(json: JsonObject, origin: string): DecoderConfig {
  const config = new Fields(json, origin);
  const architecture = architectureOf(config);
  refuseUnsupported(config, architecture);
  const hiddenSize = config.number("hidden_size");
  const heads = config.number("num_attention_heads");
  return checkDecoderConfig({
    architecture,
    hiddenSize,
    layers: config.number("num_hidden_layers"),
    heads,
    kvHeads: config.number("num_key_value_heads", heads),
    headDim: config.number("head_dim", DEFAULT_HEAD_DIM[architecture](hiddenSize, heads)),
    intermediateSize: config.number("intermediate_size"),
    vocabSize: config.number("vocab_size"),
    rmsNormEps: config.number("rms_norm_eps", 1e-6),
    ...rope(config),
    tiedEmbeddings: config.boolean("tie_word_embeddings", false),
    qkvBias: architecture === "qwen2",
    qkNorm: architecture === "qwen3",
    maxPositions: config.number("max_position_embeddings"),
  }, origin);
}

/** The `config.json` from which transformers rebuilds this decoder. */
export function decoderConfigToHf(config: DecoderConfig, dtype: "float32" | "bfloat16"): JsonObject {
  const name = Object.keys(ARCHITECTURES).find((key) => ARCHITECTURES[key] === config.architecture)!;
  const scaling = config.ropeScaling;
  return {
    architectures: [name],
    model_type: config.architecture,
    hidden_act: "silu",
    hidden_size: config.hiddenSize,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    num_key_value_heads: config.kvHeads,
    head_dim: config.headDim,
    intermediate_size: config.intermediateSize,
    vocab_size: config.vocabSize,
    rms_norm_eps: config.rmsNormEps,
    rope_theta: config.ropeTheta,
    rope_scaling: scaling && {
      rope_type: "llama3",
      factor: scaling.factor,
      low_freq_factor: scaling.lowFreqFactor,
      high_freq_factor: scaling.highFreqFactor,
      original_max_position_embeddings: scaling.originalMaxPositions,
    },
    max_position_embeddings: config.maxPositions,
    tie_word_embeddings: config.tiedEmbeddings,
    // Qwen2 has its bias built in and ignores the key; for the others it says what is not there.
    attention_bias: config.qkvBias,
    torch_dtype: dtype,
  };
}

function architectureOf(config: Fields): Architecture {
  const names = config.object["architectures"];
  const name = Array.isArray(names) && names.length === 1 ? String(names[0]) : "";
  const architecture = Object.hasOwn(ARCHITECTURES, name) ? ARCHITECTURES[name] : undefined;
  if (architecture) return architecture;
  throw new UsageError(
    `${config.origin}: architectures is ${describe(names)}`,
    `use a model whose architecture is one of ${Object.keys(ARCHITECTURES).join(", ")}`,
  );
}

function refuseUnsupported(config: Fields, architecture: Architecture): void {
  if (config.string("hidden_act", "silu") !== "silu") config.refuse("hidden_act", 'use a model with "silu"');
  if (architecture !== "qwen2" && config.boolean("attention_bias", false)) {
    config.refuse("attention_bias", `use a ${architecture} model without attention biases`);
  }
  if (config.boolean("mlp_bias", false)) config.refuse("mlp_bias", "use a model without biases in its MLP");
  if (config.boolean("use_sliding_window", false)) {
    config.refuse("use_sliding_window", "use a model with full attention in every layer");
  }
  const layerTypes = config.object["layer_types"];
  if (Array.isArray(layerTypes) && layerTypes.some((type) => type !== "full_attention")) {
    config.refuse("layer_types", "use a model with full attention in every layer");
  }
  if (config.number("partial_rotary_factor", 1) !== 1) {
    config.refuse("partial_rotary_factor", "use a model that rotates the whole head");
  }
  if (config.has("quantization_config")) {
    config.refuse("quantization_config", "use the unquantised checkpoint (F32, F16 or BF16) or a GGUF file");
  }
}

function rope(config: Fields): Pick<DecoderConfig, "ropeTheta" | "ropeScaling"> {
  if (config.has("rope_parameters")) {
    const parameters = config.fields("rope_parameters");
    if (Object.values(parameters.object).some(isObject)) {
      config.refuse("rope_parameters", "use a model with the same RoPE in every layer");
    }
    return {
      ropeTheta: parameters.number("rope_theta", config.number("rope_theta", 10000)),
      ropeScaling: ropeScaling(parameters, config),
    };
  }
  return {
    ropeTheta: config.number("rope_theta", 10000),
    ropeScaling: config.has("rope_scaling") ? ropeScaling(config.fields("rope_scaling"), config) : null,
  };
}

function ropeScaling(parameters: Fields, config: Fields): Llama3RopeScaling | null {
  if (parameters.number("partial_rotary_factor", 1) !== 1) {
    parameters.refuse("partial_rotary_factor", "use a model that rotates the whole head");
  }
  // "type" is the oldest spelling.
  const key = parameters.has("rope_type") || !parameters.has("type") ? "rope_type" : "type";
  const type = parameters.string(key, "default");
  if (type === "default") return null;
  if (type !== "llama3") parameters.refuse(key, 'use a model whose RoPE is "default" or "llama3"');
  return {
    type: "llama3",
    factor: parameters.number("factor"),
    lowFreqFactor: parameters.number("low_freq_factor"),
    highFreqFactor: parameters.number("high_freq_factor"),
    originalMaxPositions: parameters.number(
      "original_max_position_embeddings",
      config.number("original_max_position_embeddings", config.number("max_position_embeddings")),
    ),
  };
}
