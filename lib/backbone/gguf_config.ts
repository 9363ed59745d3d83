/**
 * GGUF metadata to {@linkcode DecoderConfig}.
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
import type { GgufHeader } from "./gguf_header.ts";
import { GgufMetadata } from "./gguf_metadata.ts";
import { llama3FrequencyFactors } from "./rope_scaling.ts";

const ARCHITECTURES: readonly string[] = ["llama", "qwen2", "qwen3"] satisfies Architecture[];

/**
 * Reads the decoder that a GGUF file holds.
 *
 * @param ropeFactors the tensor `rope_freqs.weight` [headDim / 2] (divisors of the rotary frequencies), if there is one
 * @throws {UsageError} for another architecture, or a feature that would silently change the numbers
 */
export function decoderConfigFromGguf(header: GgufHeader, ropeFactors: Float32Array | null): DecoderConfig {
  const metadata = new GgufMetadata(header);
  const name = metadata.string("general.architecture");
  if (!ARCHITECTURES.includes(name)) {
    metadata.refuse(
      "general.architecture",
      `use a model whose architecture is one of ${ARCHITECTURES.join(", ")}`,
    );
  }
  const architecture = name as Architecture;
  const key = (suffix: string) => `${architecture}.${suffix}`;
  const hiddenSize = metadata.number(key("embedding_length"));
  const heads = metadata.number(key("attention.head_count"));
  const headDim = metadata.number(key("attention.key_length"), hiddenSize / heads);
  refuseUnsupported(metadata, key, headDim);
  const config: Omit<DecoderConfig, "ropeScaling"> = {
    architecture,
    hiddenSize,
    layers: metadata.number(key("block_count")),
    heads,
    kvHeads: metadata.number(key("attention.head_count_kv"), heads),
    headDim,
    intermediateSize: metadata.number(key("feed_forward_length")),
    // The table of tensors knows best: `vocab_size` is optional, and checked against it with all other shapes.
    vocabSize: metadata.number(key("vocab_size"), header.tensors.get("token_embd.weight")?.shape[0] ?? 0),
    rmsNormEps: decimal(metadata.number(key("attention.layer_norm_rms_epsilon"))),
    ropeTheta: decimal(metadata.number(key("rope.freq_base"), 10000)),
    tiedEmbeddings: !header.tensors.has("output.weight"),
    qkvBias: architecture === "qwen2",
    qkNorm: architecture === "qwen3",
    maxPositions: metadata.number(key("context_length")),
  };
  checkDecoderConfig({ ...config, ropeScaling: null }, header.path);
  if (!ropeFactors) return { ...config, ropeScaling: null };
  const original = metadata.number(key("rope.scaling.original_context_length"), 8192);
  return { ...config, ropeScaling: ropeScalingOf(ropeFactors, config, original, header.path) };
}

/** The short decimal that was rounded to this f32 (1e-5 for 9.999999747378752e-6), as config.json has it. */
function decimal(f32: number): number {
  const short = Number(f32.toPrecision(7));
  return Math.fround(short) === f32 ? short : f32;
}

function refuseUnsupported(metadata: GgufMetadata, key: (suffix: string) => string, headDim: number): void {
  if (metadata.string(key("rope.scaling.type"), "none") !== "none") {
    metadata.refuse(key("rope.scaling.type"), "use a model without RoPE scaling, or with that of Llama 3");
  }
  if (metadata.number(key("rope.dimension_count"), headDim) !== headDim) {
    metadata.refuse(key("rope.dimension_count"), `use a model that rotates the whole head (${headDim})`);
  }
  if (metadata.number(key("attention.value_length"), headDim) !== headDim) {
    metadata.refuse(
      key("attention.value_length"),
      `use a model whose keys and values are as wide (${headDim})`,
    );
  }
  if (metadata.number(key("expert_count"), 0) !== 0) {
    metadata.refuse(key("expert_count"), "use a dense model");
  }
  if (metadata.number(key("attention.sliding_window"), 0) !== 0) {
    metadata.refuse(key("attention.sliding_window"), "use a model with full attention in every layer");
  }
}

/**
 * llama.cpp stores the scaling of Llama 3 only as its effect on each frequency. All published models use the same
 * low and high factors (1 and 4) and 8,192 original positions, so the stretch is the only unknown; it is the largest
 * factor, and the whole tensor must follow from it.
 */
function ropeScalingOf(
  factors: Float32Array,
  config: Pick<DecoderConfig, "headDim" | "ropeTheta">,
  originalMaxPositions: number,
  path: string,
): Llama3RopeScaling {
  const factor = factors.reduce((a, b) => Math.max(a, b), 1);
  const scaling: Llama3RopeScaling = {
    type: "llama3",
    factor,
    lowFreqFactor: 1,
    highFreqFactor: 4,
    originalMaxPositions,
  };
  const expected = llama3FrequencyFactors(scaling, config.headDim, config.ropeTheta);
  const same = factors.length === expected.length &&
    factors.every((value, i) => Math.abs(value - expected[i]!) <= 1e-4 * expected[i]!);
  if (same) return scaling;
  throw new UsageError(
    `${path}: rope_freqs.weight [${factors.length}] is not the RoPE scaling of Llama 3 ` +
      `(factor ${factor}, ${originalMaxPositions} original positions)`,
    "use the Hugging Face folder of this model, whose config.json says what its scaling is",
  );
}
