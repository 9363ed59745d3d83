/**
 * The token ids that begin and end a generation.
 *
 * A chat model often stops at several ids (`<|eot_id|>` and `<|end_of_text|>`), and only `generation_config.json`
 * lists them all; knowing one alone lets a rationale run on past its end.
 *
 * @module
 */
import { UsageError } from "#errors";
import type { GgufMetadata } from "./gguf_metadata.ts";
import { describe, type JsonObject } from "./json.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** Ids that generation needs. */
export interface GenerationIds {
  /** Any of these ends a sequence; at least one, without repetition, the model's first choice first. */
  readonly eosIds: readonly number[];
  /** Begins a text, for models that have such a token. */
  readonly bosId: number | null;
}

/** Where a Hugging Face folder says it, in order of precedence. */
export interface HfGenerationSources {
  /** The parsed `generation_config.json`, if there is one. */
  readonly generationConfig: JsonObject | null;
  /** The parsed `config.json`. */
  readonly config: JsonObject;
  /** Texts of the special tokens of `tokenizer_config.json`. */
  readonly specialTokens: Readonly<Record<string, string>>;
}

/**
 * Reads the ids of a Hugging Face folder: `generation_config.json`, else `config.json`, else the tokenizer.
 *
 * @throws {UsageError} when there is no end id, or one is not a token
 */
export function generationIdsFromHf(
  sources: HfGenerationSources,
  tokenizer: Tokenizer,
  origin: string,
): GenerationIds {
  const pick = (key: "eos_token_id" | "bos_token_id", token: "eos_token" | "bos_token"): unknown => {
    const text = sources.specialTokens[token];
    return sources.generationConfig?.[key] ?? sources.config[key] ??
      (text === undefined ? null : tokenizer.tokenToId(text));
  };
  return check(pick("eos_token_id", "eos_token"), pick("bos_token_id", "bos_token"), tokenizer, origin);
}

/** Keys of llama.cpp whose ids end a generation. */
const GGUF_EOS_KEYS = ["eos", "eot", "eom"].map((name) => `tokenizer.ggml.${name}_token_id`);

/**
 * Reads the ids of a GGUF file.
 *
 * @throws {UsageError} when there is no end id, or one is not a token
 */
export function generationIdsFromGguf(
  metadata: GgufMetadata,
  tokenizer: Tokenizer,
  origin: string,
): GenerationIds {
  const eos = GGUF_EOS_KEYS.filter((key) => metadata.has(key)).map((key) => metadata.number(key));
  const bosKey = "tokenizer.ggml.bos_token_id";
  return check(eos, metadata.has(bosKey) ? metadata.number(bosKey) : null, tokenizer, origin);
}

function check(eos: unknown, bos: unknown, tokenizer: Tokenizer, origin: string): GenerationIds {
  const isToken = (id: unknown): id is number => typeof id === "number" && tokenizer.idToToken(id) !== null;
  const eosIds = [...new Set<unknown>(Array.isArray(eos) ? eos : eos === null ? [] : [eos])];
  if (eosIds.length === 0) {
    throw new UsageError(
      `${origin} names no token that ends a generation`,
      "add eos_token_id to generation_config.json",
    );
  }
  if (!eosIds.every(isToken)) {
    throw new UsageError(`${origin}: eos_token_id is ${describe(eos)}`, `use ids of ${tokenizer.origin}`);
  }
  if (bos !== null && !isToken(bos)) {
    throw new UsageError(
      `${origin}: bos_token_id is ${describe(bos)}`,
      `use an id of ${tokenizer.origin}, or null`,
    );
  }
  return { eosIds, bosId: bos };
}
