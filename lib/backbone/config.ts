/**
 * The shape of a decoder: the numbers that fix every tensor and every equation of Llama, Qwen2 and Qwen3, whatever
 * file they were read from (`hf_config.ts`, `gguf_config.ts`).
 *
 * @module
 */
import { UsageError } from "#errors";

/** The decoders that are implemented. They differ in {@linkcode DecoderConfig.qkvBias} and {@linkcode DecoderConfig.qkNorm}. */
export type Architecture = "llama" | "qwen2" | "qwen3";

/**
 * Frequency-dependent stretching of RoPE, introduced with Llama 3.1: wavelengths above
 * `originalMaxPositions / lowFreqFactor` are stretched by `factor`, those below
 * `originalMaxPositions / highFreqFactor` are kept, those between are interpolated.
 */
export interface Llama3RopeScaling {
  /** Tells the kinds of scaling apart. */
  readonly type: "llama3";
  /** Stretch of the longest wavelengths. */
  readonly factor: number;
  /** Rotations within the original context below which a frequency is fully stretched. */
  readonly lowFreqFactor: number;
  /** Rotations within the original context above which a frequency is kept. */
  readonly highFreqFactor: number;
  /** Context length in tokens that the model was trained with before stretching. */
  readonly originalMaxPositions: number;
}

/** Everything about a decoder that is not a weight. Sizes are counts of scalars unless said otherwise. */
export interface DecoderConfig {
  /** Which of the implemented decoders. */
  readonly architecture: Architecture;
  /** Width of the residual stream. */
  readonly hiddenSize: number;
  /** Transformer blocks. */
  readonly layers: number;
  /** Query heads. */
  readonly heads: number;
  /** Key and value heads; divides {@linkcode heads} (grouped-query attention). */
  readonly kvHeads: number;
  /** Width of one head; even (RoPE rotates pairs); `heads * headDim` may differ from {@linkcode hiddenSize} (Qwen3). */
  readonly headDim: number;
  /** Width of the SwiGLU block. */
  readonly intermediateSize: number;
  /** Rows of the embedding; at least the number of tokens of the tokenizer. */
  readonly vocabSize: number;
  /** Added to the mean square under the root of RMSNorm. */
  readonly rmsNormEps: number;
  /** Base of the rotary frequencies θ^(−2i/headDim). */
  readonly ropeTheta: number;
  /** Stretching of the rotary frequencies, if any. */
  readonly ropeScaling: Llama3RopeScaling | null;
  /** The LM head is the embedding matrix. */
  readonly tiedEmbeddings: boolean;
  /** Query, key and value projections have a bias (Qwen2). */
  readonly qkvBias: boolean;
  /** Queries and keys are RMS-normalised per head before RoPE (Qwen3). */
  readonly qkNorm: boolean;
  /** Longest sequence in tokens that the model was made for. */
  readonly maxPositions: number;
}

/** Keeps a lying header from making us enumerate tensors for minutes; the deepest published decoder has 126 layers. */
const MAX_LAYERS = 1024;
/** Above this a size is a lie, and products of two sizes stop being exact integers. */
const MAX_SIZE = 2 ** 26;

/**
 * Checks that the numbers of a decoder fit together.
 *
 * @param origin file that the numbers came from, for the message
 * @returns the same object
 * @throws {UsageError} that names the key, its value and what would be accepted
 */
export function checkDecoderConfig(config: DecoderConfig, origin: string): DecoderConfig {
  const sizes = [
    "hiddenSize",
    "layers",
    "heads",
    "kvHeads",
    "headDim",
    "intermediateSize",
    "vocabSize",
    "maxPositions",
  ] as const;
  for (const key of sizes) {
    const limit = key === "layers" ? MAX_LAYERS : MAX_SIZE;
    if (!Number.isInteger(config[key]) || config[key] < 1 || config[key] > limit) {
      refuse(origin, key, config[key], `use a whole number from 1 to ${limit}`);
    }
  }
  if (config.heads % config.kvHeads !== 0) {
    refuse(origin, "kvHeads", config.kvHeads, `use a divisor of the ${config.heads} query heads`);
  }
  if (config.headDim % 2 !== 0) {
    refuse(origin, "headDim", config.headDim, "use an even width: RoPE rotates pairs");
  }
  if (!(config.rmsNormEps > 0 && config.rmsNormEps < 1)) {
    refuse(origin, "rmsNormEps", config.rmsNormEps, "use a number between 0 and 1, such as 1e-5");
  }
  if (!(config.ropeTheta > 0 && Number.isFinite(config.ropeTheta))) {
    refuse(origin, "ropeTheta", config.ropeTheta, "use a positive number, such as 10000");
  }
  if (config.ropeScaling) checkRopeScaling(config.ropeScaling, origin);
  return config;
}

function checkRopeScaling(scaling: Llama3RopeScaling, origin: string): void {
  for (const key of ["factor", "lowFreqFactor", "highFreqFactor", "originalMaxPositions"] as const) {
    if (!(scaling[key] > 0 && Number.isFinite(scaling[key]))) {
      refuse(origin, `ropeScaling.${key}`, scaling[key], "use a positive number");
    }
  }
  if (scaling.highFreqFactor <= scaling.lowFreqFactor) {
    refuse(
      origin,
      "ropeScaling.highFreqFactor",
      scaling.highFreqFactor,
      `use a number above lowFreqFactor (${scaling.lowFreqFactor})`,
    );
  }
}

function refuse(origin: string, key: string, value: unknown, cure: string): never {
  throw new UsageError(`${origin}: ${key} is ${JSON.stringify(value)}`, cure);
}
