/**
 * Tokenizer, chat template and generation ids from the metadata of a GGUF file.
 *
 * @module
 */
import { ChatTemplate, chooseTemplate, type SpecialTokens } from "./chat_template.ts";
import { generationIdsFromGguf } from "./generation_config.ts";
import type { GgufHeader } from "./gguf_header.ts";
import { GgufMetadata } from "./gguf_metadata.ts";
import { tokenizerJsonFromGguf } from "./gguf_tokenizer.ts";
import { type Conversation, HF_FILES } from "./hf_folder.ts";
import type { JsonObject } from "./json.ts";
import { Tokenizer } from "./tokenizer.ts";

/** llama.cpp's names of special tokens and those of `tokenizer_config.json`. */
const SPECIAL_TOKENS = {
  bos: "bos_token",
  eos: "eos_token",
  unknown: "unk_token",
  padding: "pad_token",
} as const;

/**
 * Reads what a GGUF file says about text.
 *
 * @throws {MissingError} when it has no chat template
 * @throws {UsageError} when its tokenizer is not supported
 */
export async function readGgufConversation(header: GgufHeader): Promise<Conversation> {
  const metadata = new GgufMetadata(header);
  const json = tokenizerJsonFromGguf(metadata);
  const tokenizer = await Tokenizer.create(json, {}, header.path);
  const specialTokens = specialTokensOf(metadata, tokenizer);
  const template = chooseTemplate(header.metadata.get("tokenizer.chat_template"), null, header.path);
  const tokenizerConfig = {
    tokenizer_class: "PreTrainedTokenizerFast",
    ...specialTokens,
    clean_up_tokenization_spaces: false,
  };
  return {
    tokenizer,
    chatTemplate: await ChatTemplate.create(template, specialTokens, header.path),
    generation: generationIdsFromGguf(metadata, tokenizer, header.path),
    tokenizerFiles: new Map([
      [HF_FILES.tokenizer, jsonBytes(json)],
      [HF_FILES.tokenizerConfig, jsonBytes(tokenizerConfig)],
    ]),
  };
}

function specialTokensOf(metadata: GgufMetadata, tokenizer: Tokenizer): SpecialTokens {
  const tokens: Record<string, string> = {};
  for (const [name, key] of Object.entries(SPECIAL_TOKENS)) {
    const idKey = `tokenizer.ggml.${name}_token_id`;
    if (!metadata.has(idKey)) continue;
    const text = tokenizer.idToToken(metadata.number(idKey));
    if (text === null) metadata.refuse(idKey, `use an id below ${tokenizer.vocabSize}`);
    tokens[key] = text;
  }
  return tokens;
}

function jsonBytes(value: JsonObject): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value, null, 1) + "\n");
}
