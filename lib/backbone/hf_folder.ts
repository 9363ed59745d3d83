/**
 * The small files of a Hugging Face model folder.
 *
 * @module
 */
import { MissingError, UsageError } from "#errors";
import { readBytesIfThere } from "../files.ts";
import { ChatTemplate, chooseTemplate, type SpecialTokens } from "./chat_template.ts";
import { type GenerationIds, generationIdsFromHf } from "./generation_config.ts";
import { isObject, type JsonObject, parseJsonObject } from "./json.ts";
import { Tokenizer } from "./tokenizer.ts";

/** Names of the files that are read; the first two must exist. */
export const HF_FILES = {
  config: "config.json",
  tokenizer: "tokenizer.json",
  tokenizerConfig: "tokenizer_config.json",
  specialTokens: "special_tokens_map.json",
  generation: "generation_config.json",
  template: "chat_template.jinja",
} as const;

/** What a tokenizer comes with, from either format. */
export interface Conversation {
  /** Text to token ids and back. */
  readonly tokenizer: Tokenizer;
  /** Messages to prompt text. */
  readonly chatTemplate: ChatTemplate;
  /** Ids that begin and end a generation. */
  readonly generation: GenerationIds;
  /** Files from which transformers loads the same tokenizer: name to content. */
  readonly tokenizerFiles: ReadonlyMap<string, Uint8Array>;
}

/**
 * Reads a file that the model cannot do without.
 *
 * @throws {MissingError} when it is not there
 */
export function readHfJson(folder: string, name: string): JsonObject {
  const path = `${folder}/${name}`;
  const bytes = readBytesIfThere(path);
  if (!bytes) throw new MissingError(`there is no ${path}`, `download ${name} of the model into its folder`);
  return parseJsonObject(bytes, path);
}

/**
 * Reads tokenizer, chat template and generation ids of a Hugging Face folder.
 *
 * @param config its parsed `config.json`
 * @throws {MissingError} when it has no `tokenizer.json` or no chat template
 * @throws {UsageError} when one of them is not usable
 */
export async function readHfConversation(folder: string, config: JsonObject): Promise<Conversation> {
  const tokenizerConfig = optionalJson(folder, HF_FILES.tokenizerConfig);
  const specialTokens = specialTokensOf({
    ...optionalJson(folder, HF_FILES.specialTokens),
    ...tokenizerConfig,
  });
  const extraTokens = tokenizerConfig?.["added_tokens_decoder"];
  const tokenizer = await Tokenizer.create(
    readHfJson(folder, HF_FILES.tokenizer),
    isObject(extraTokens) ? extraTokens : {},
    `${folder}/${HF_FILES.tokenizer}`,
  );
  const file = readBytesIfThere(`${folder}/${HF_FILES.template}`);
  const template = chooseTemplate(
    tokenizerConfig?.["chat_template"],
    file ? utf8(file, folder) : null,
    folder,
  );
  const files = [HF_FILES.tokenizer, HF_FILES.tokenizerConfig, HF_FILES.specialTokens];
  return {
    tokenizer,
    chatTemplate: await ChatTemplate.create(template, specialTokens, folder),
    generation: generationIdsFromHf(
      { generationConfig: optionalJson(folder, HF_FILES.generation), config, specialTokens },
      tokenizer,
      folder,
    ),
    tokenizerFiles: new Map(
      files.map((name) => [name, readBytesIfThere(`${folder}/${name}`)] as const)
        .filter((pair): pair is readonly [typeof pair[0], Uint8Array<ArrayBuffer>] => pair[1] !== undefined),
    ),
  };
}

function optionalJson(folder: string, name: string): JsonObject | null {
  const bytes = readBytesIfThere(`${folder}/${name}`);
  return bytes === undefined ? null : parseJsonObject(bytes, `${folder}/${name}`);
}

/** `"bos_token": "<s>"` or `"bos_token": {"content": "<s>", …}`. */
function specialTokensOf(config: JsonObject): SpecialTokens {
  const tokens: Record<string, string> = {};
  for (const name of ["bos", "eos", "unk", "pad", "sep", "cls", "mask"]) {
    const value = config[`${name}_token`];
    const text = isObject(value) ? value["content"] : value;
    if (typeof text === "string") tokens[`${name}_token`] = text;
  }
  return tokens;
}

function utf8(bytes: Uint8Array, folder: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new UsageError(`${folder}/${HF_FILES.template} is not UTF-8`, "download the file again", { cause });
  }
}
