/**
 * What a GGUF file says about a model besides its weights, under the keys that llama.cpp reads.
 *
 * @module
 */
import { UsageError } from "#errors";
import type { DecoderConfig } from "../backbone/config.ts";
import { GGUF_TOKEN_TYPES, preTokenizerName } from "../backbone/gguf_tokenizer.ts";
import type { GgufTyped } from "../backbone/gguf_writer.ts";
import { HF_FILES } from "../backbone/hf_folder.ts";
import { type JsonObject, parseJsonObject } from "../backbone/json.ts";
import type { Backbone } from "../backbone/open.ts";

/** The parts of a model that are told. */
export type DescribedModel = Pick<
  Backbone,
  "config" | "tokenizerFiles" | "chatTemplate" | "eosIds" | "bosId"
>;

/** An added token of a `tokenizer.json`. */
interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
  readonly single_word?: boolean;
  readonly lstrip?: boolean;
  readonly rstrip?: boolean;
}

const CURE = "export it as hf, which keeps the tokenizer as it is";

/**
 * Metadata of a model whose tensors are all F32.
 *
 * @param name what the model is called
 * @throws {UsageError} if the tokenizer is none that llama.cpp has a name for
 */
export function ggufMetadata(model: DescribedModel, name: string): Map<string, GgufTyped> {
  return new Map([
    ["general.architecture", { string: model.config.architecture }],
    ["general.type", { string: "model" }],
    ["general.name", { string: name }],
    ["general.file_type", { u32: 0 }],
    ...decoderPairs(model.config),
    ...tokenizerPairs(model),
  ]);
}

function decoderPairs(config: DecoderConfig): [string, GgufTyped][] {
  const key = (suffix: string) => `${config.architecture}.${suffix}`;
  return [
    [key("vocab_size"), { u32: config.vocabSize }],
    [key("context_length"), { u32: config.maxPositions }],
    [key("embedding_length"), { u32: config.hiddenSize }],
    [key("block_count"), { u32: config.layers }],
    [key("feed_forward_length"), { u32: config.intermediateSize }],
    [key("attention.head_count"), { u32: config.heads }],
    [key("attention.head_count_kv"), { u32: config.kvHeads }],
    [key("attention.key_length"), { u32: config.headDim }],
    [key("attention.value_length"), { u32: config.headDim }],
    [key("attention.layer_norm_rms_epsilon"), { f32: config.rmsNormEps }],
    [key("rope.dimension_count"), { u32: config.headDim }],
    [key("rope.freq_base"), { f32: config.ropeTheta }],
  ];
}

function tokenizerPairs(
  { config, tokenizerFiles, chatTemplate, eosIds, bosId }: DescribedModel,
): [string, GgufTyped][] {
  const json = parseJsonObject(tokenizerFiles.get(HF_FILES.tokenizer)!, HF_FILES.tokenizer);
  const { tokens, types } = vocabularyOf(json, config.vocabSize);
  // End of sequence, of turn and of message: to llama.cpp, each of them ends a generation.
  const [eos, eot, eom, ...others] = eosIds;
  if (others.length > 0) {
    throw new UsageError(`${eosIds.length} tokens end a generation, GGUF names three`, CURE);
  }
  const ids = { bos: bosId, eos, eot, eom };
  return [
    ["tokenizer.ggml.model", { string: "gpt2" }],
    ["tokenizer.ggml.pre", { string: preTokenizerOf(json) }],
    ["tokenizer.ggml.tokens", { strings: tokens }],
    ["tokenizer.ggml.token_type", { i32s: types }],
    ["tokenizer.ggml.merges", { strings: mergesOf(json) }],
    ...Object.entries(ids).flatMap(([kind, id]): [string, GgufTyped][] =>
      id == null ? [] : [[`tokenizer.ggml.${kind}_token_id`, { u32: id }]]
    ),
    // Where a template begins with such a token, it writes it itself.
    ["tokenizer.ggml.add_bos_token", { bool: false }],
    ["tokenizer.chat_template", { string: chatTemplate.source }],
  ];
}

function preTokenizerOf(json: JsonObject): string {
  const model = json["model"] as JsonObject;
  const pre = model["type"] === "BPE" && !model["byte_fallback"] ? preTokenizerName(json) : undefined;
  if (pre !== undefined) return pre;
  throw new UsageError(
    "llama.cpp has no name for the tokenizer of this model, or none that is known here",
    CURE,
  );
}

/** Tokens by id, and their types; ids without a token are padding of the embedding. */
function vocabularyOf(json: JsonObject, rows: number): { tokens: string[]; types: number[] } {
  const { normal, control, userDefined, unused } = GGUF_TOKEN_TYPES;
  const tokens = Array.from({ length: rows }, (_, id) => `[PAD${id}]`),
    types = tokens.map(() => unused as number);
  const put = (id: number, token: string, type: number) => {
    tokens[id] = token;
    types[id] = type;
  };
  const { vocab } = json["model"] as { vocab: Record<string, number> };
  for (const [token, id] of Object.entries(vocab)) put(id, token, normal);
  for (const token of (json["added_tokens"] ?? []) as AddedToken[]) {
    if (token.lstrip || token.rstrip || token.single_word) {
      throw new UsageError(
        `the token "${token.content}" takes in white space, or is of whole words only`,
        CURE,
      );
    }
    put(token.id, token.content, token.special ? control : userDefined);
  }
  return { tokens, types };
}

/** Merges as "a b", which older files have as well; byte-level tokens have no blanks. */
function mergesOf(json: JsonObject): string[] {
  const { merges } = json["model"] as { merges: (string | [string, string])[] };
  return merges.map((pair) => typeof pair === "string" ? pair : pair.join(" "));
}
