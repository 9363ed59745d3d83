/**
 * A `tokenizer.json` from the metadata of a GGUF file.
 *
 * GGUF keeps the vocabulary and the merges but only the name of the pre-tokenizer (`tokenizer.ggml.pre`). What the names
 * stand for is written here as in the models' own tokenizer.json. An unknown name is an error: guessing would give
 * other ids for the same text without anything looking wrong.
 *
 * @module
 */
import type { GgufMetadata } from "./gguf_metadata.ts";
import type { JsonObject } from "./json.ts";

/** What a name of `tokenizer.ggml.pre` stands for. */
interface Pipeline {
  readonly normalizer: JsonObject | null;
  readonly preTokenizer: JsonObject;
  /** Take a whole word from the vocabulary even where the merges would not build it. */
  readonly ignoreMerges: boolean;
}

const BYTES = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false };
const GPT2 = { ...BYTES, use_regex: true };

const gpt2: Pipeline = { normalizer: null, preTokenizer: GPT2, ignoreMerges: false };
const singleDigits: Pipeline = {
  normalizer: null,
  preTokenizer: sequence({ type: "Digits", individual_digits: true }, GPT2),
  ignoreMerges: false,
};
const llama3: Pipeline = {
  normalizer: null,
  preTokenizer: sequence(split(cl100k("\\p{N}{1,3}")), BYTES),
  ignoreMerges: true,
};
const qwen2: Pipeline = {
  normalizer: { type: "NFC" },
  preTokenizer: sequence(split(cl100k("\\p{N}")), BYTES),
  ignoreMerges: false,
};

const PIPELINES: Readonly<Record<string, Pipeline>> = {
  "gpt-2": gpt2,
  "smollm": singleDigits,
  "starcoder": singleDigits,
  "refact": singleDigits,
  "llama3": llama3,
  "llama-v3": llama3,
  "llama-bpe": llama3,
  "qwen2": qwen2,
  "deepseek-r1-qwen": qwen2,
};

/** Values of `tokenizer.ggml.token_type`. */
export const GGUF_TOKEN_TYPES = { normal: 1, control: 3, userDefined: 4, unused: 5 } as const;
const { control: CONTROL, userDefined: USER_DEFINED, unused: UNUSED } = GGUF_TOKEN_TYPES;

/**
 * The name of `tokenizer.ggml.pre` that stands for what a `tokenizer.json` does before its merges; undefined if there is none.
 *
 * @param json a byte-level BPE tokenizer
 */
export function preTokenizerName(json: JsonObject): string | undefined {
  // Offsets are no part of the ids, and an absent key is the default of the format.
  const text = (pipeline: readonly unknown[]) =>
    JSON.stringify(pipeline, (key, value) => key === "trim_offsets" ? undefined : value ?? null);
  const model = json["model"] as JsonObject;
  const own = text([
    json["normalizer"] ?? null,
    json["pre_tokenizer"] ?? null,
    model["ignore_merges"] ?? false,
  ]);
  return Object.entries(PIPELINES).find(([, { normalizer, preTokenizer, ignoreMerges }]) =>
    text([normalizer, preTokenizer, ignoreMerges]) === own
  )?.[0];
}

/**
 * The `tokenizer.json` that transformers would load for this model.
 *
 * @throws {UsageError} for a tokenizer that is not byte-level BPE, or an unknown pre-tokenizer
 */
export function tokenizerJsonFromGguf(metadata: GgufMetadata): JsonObject {
  if (metadata.string("tokenizer.ggml.model") !== "gpt2") {
    metadata.refuse("tokenizer.ggml.model", 'use a model with a byte-level BPE tokenizer ("gpt2")');
  }
  const pre = metadata.string("tokenizer.ggml.pre");
  const pipeline = Object.hasOwn(PIPELINES, pre) ? PIPELINES[pre] : undefined;
  if (!pipeline) {
    metadata.refuse(
      "tokenizer.ggml.pre",
      `use the Hugging Face folder of the model, or one of ${Object.keys(PIPELINES)}`,
    );
  }
  const tokens = metadata.strings("tokenizer.ggml.tokens");
  const types = metadata.numbers("tokenizer.ggml.token_type");
  if (types.length !== tokens.length) {
    metadata.refuse(
      "tokenizer.ggml.token_type",
      `it must have one entry for each of the ${tokens.length} tokens`,
    );
  }
  const ids = tokens.map((content, id) => ({ content, id, type: types[id]! }));
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: ids.filter(({ type }) => type === CONTROL || type === USER_DEFINED).map(addedToken),
    normalizer: pipeline.normalizer,
    pre_tokenizer: pipeline.preTokenizer,
    post_processor: null,
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: pipeline.ignoreMerges,
      // Unused ids are padding of the embedding ("[PAD151936]"), which no text may reach.
      vocab: Object.fromEntries(
        ids.filter(({ type }) => type !== UNUSED).map(({ content, id }) => [content, id]),
      ),
      merges: metadata.strings("tokenizer.ggml.merges"),
    },
  };
}

function addedToken({ content, id, type }: { content: string; id: number; type: number }): JsonObject {
  return {
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: type === CONTROL,
  };
}

/** The regex of OpenAI's cl100k, which Llama 3 and Qwen 2 share but for the length of a group of digits. */
function cl100k(digits: string): string {
  return "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" + digits +
    "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
}

function split(regex: string): JsonObject {
  return { type: "Split", pattern: { Regex: regex }, behavior: "Isolated", invert: false };
}

function sequence(...pretokenizers: readonly JsonObject[]): JsonObject {
  return { type: "Sequence", pretokenizers };
}
