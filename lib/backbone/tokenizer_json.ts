/**
 * `tokenizer.json` as it is handed to npm `@huggingface/tokenizers`: the same pipeline, spelled so that this library
 * does what the original (Rust) `tokenizers` does, and refused where it cannot.
 *
 * Rewritten (version 0.2.0; each can go once the golden test passes without it):
 * - `ByteLevel` with its own regex and `Digits` use JavaScript's `\s` and ASCII `\d`; the library translates the
 *   expressions of `Split` to the Unicode classes of the original, so both become a `Split`.
 * - `Lowercase` lets JavaScript turn a final Σ into ς; the original lowers each character alone, so Σ becomes σ before.
 * - `NFC` follows the Unicode version of the JavaScript engine, that of the original is Unicode 9 (nfc.ts).
 *
 * Known differences, in characters of which a text hardly ever has one: NFD, NFKC, NFKD and StripAccents also follow
 * the engine's Unicode; and of the characters that are numbers since Unicode 17 (U+11DE0 to U+11DE9, U+16FF4 to
 * U+16FF6), `Digits` of tokenizers 0.23 does not know that they are.
 *
 * - `BertNormalizer` and `BertPreTokenizer` (wordpiece.ts).
 *
 * Refused, because the library would ignore them: added tokens with `single_word`, `Split` behaviours other than
 * Isolated, `Punctuation`, models other than BPE and WordPiece, a BPE's `continuing_subword_prefix`, dropout.
 *
 * @module
 */
import { UsageError } from "#errors";
import { describe, Fields, isObject, type JsonObject } from "./json.ts";
import { NFC_STEP } from "./nfc.ts";
import { bertNormalizer, bertPreTokenizer, LOWERCASE_STEPS } from "./wordpiece.ts";

/** The regex of GPT-2, which `ByteLevel` applies when `use_regex` is true. */
export const GPT2_PATTERN: string =
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/**
 * Checks a parsed `tokenizer.json` and rewrites it for the library.
 *
 * @param extraTokens `added_tokens_decoder` of `tokenizer_config.json` ({id: token}), which transformers adds to
 *   those of `tokenizer.json`
 * @throws {UsageError} naming the part that is not supported
 */
export function pipelineForLibrary(json: JsonObject, extraTokens: JsonObject, origin: string): JsonObject {
  const fields = new Fields(json, origin);
  const model = checkModel(fields.fields("model"));
  return {
    decoder: null,
    ...json,
    normalizer: fields.has("normalizer") ? normalizer(fields.fields("normalizer")) : null,
    model,
    pre_tokenizer: fields.has("pre_tokenizer") ? preTokenizer(fields.fields("pre_tokenizer")) : null,
    // Special tokens come from the chat template, never from here.
    post_processor: null,
    added_tokens: addedTokens(json["added_tokens"] ?? [], extraTokens, origin),
  };
}

/** The model with what the library needs to know of it. The oldest files do not name the type of a BPE. */
function checkModel(model: Fields): JsonObject {
  const type = model.string("type", "BPE");
  if (type !== "BPE" && type !== "WordPiece") {
    model.refuse("type", "use a model whose tokenizer is BPE or WordPiece");
  }
  const { vocab, merges } = model.object;
  if (!isObject(vocab) || !Object.values(vocab).every(isId)) {
    model.refuse("vocab", "it must map tokens to ids");
  }
  if (type === "WordPiece") {
    const unknown = model.string("unk_token");
    if (!Object.hasOwn(vocab, unknown)) model.refuse("unk_token", "name a token of the vocabulary");
    return { continuing_subword_prefix: "##", ...model.object };
  }
  for (const key of ["continuing_subword_prefix", "end_of_word_suffix"]) {
    if (model.string(key, "") !== "") model.refuse(key, "use a byte-level BPE tokenizer");
  }
  if (model.number("dropout", 0) !== 0) model.refuse("dropout", "set dropout to null");
  if (!Array.isArray(merges)) model.refuse("merges", "it must be a list");
  return { type, ...model.object };
}

function addedTokens(list: unknown, extra: JsonObject, origin: string): JsonObject[] {
  if (!Array.isArray(list)) {
    throw new UsageError(`${origin}: added_tokens is ${describe(list)}`, "use a list");
  }
  const known = new Set(list.map((token) => isObject(token) ? token["content"] : undefined));
  const tokens: unknown[] = [...list];
  for (const [id, token] of Object.entries(extra)) {
    if (isObject(token) && !known.has(token["content"])) tokens.push({ ...token, id: Number(id) });
  }
  return tokens.map((token) => {
    if (
      !isObject(token) || typeof token["content"] !== "string" || token["content"] === "" ||
      !isId(token["id"])
    ) {
      throw new UsageError(`${origin}: added_tokens has ${describe(token)}`, "give it a content and an id");
    }
    if (token["single_word"] === true) {
      throw new UsageError(
        `${origin}: the added token ${describe(token["content"])} has "single_word": true`,
        "use a tokenizer without such tokens",
      );
    }
    return token;
  });
}

function normalizer(step: Fields): JsonObject {
  const type = step.string("type");
  if (type === "Sequence") {
    const steps = step.object["normalizers"];
    if (!Array.isArray(steps) || !steps.every(isObject)) step.refuse("normalizers", "it must be a list");
    return { type, normalizers: steps.map((inner) => normalizer(new Fields(inner, step.origin))) };
  }
  if (type === "NFC") return NFC_STEP;
  if (type === "BertNormalizer") return bertNormalizer(step);
  return type === "Lowercase" ? { type: "Sequence", normalizers: LOWERCASE_STEPS } : step.object;
}

function preTokenizer(step: Fields): JsonObject {
  const type = step.string("type");
  switch (type) {
    case "Sequence": {
      const steps = step.object["pretokenizers"];
      if (!Array.isArray(steps) || !steps.every(isObject)) step.refuse("pretokenizers", "it must be a list");
      return { type, pretokenizers: steps.map((inner) => preTokenizer(new Fields(inner, step.origin))) };
    }
    case "ByteLevel":
      return byteLevel(step);
    case "Digits":
      return split(step.boolean("individual_digits", false) ? "\\p{N}" : "\\p{N}+");
    case "Split": {
      if (step.string("behavior") !== "Isolated") {
        step.refuse("behavior", 'use a tokenizer whose Split is "Isolated"');
      }
      // Isolated keeps both the matches and what is between them, so inverting it changes nothing.
      return { ...step.object, invert: false };
    }
    case "BertPreTokenizer":
      return bertPreTokenizer();
    case "Metaspace":
    case "WhitespaceSplit":
      return step.object;
    default:
      return step.refuse(
        "type",
        "use a tokenizer that splits text with Split, Digits, ByteLevel, Metaspace or BertPreTokenizer",
      );
  }
}

function byteLevel(step: Fields): JsonObject {
  const prefixed = step.boolean("add_prefix_space", true);
  const encode = { type: "ByteLevel", add_prefix_space: prefixed, use_regex: false };
  if (!step.boolean("use_regex", true)) return encode;
  if (!prefixed) return { type: "Sequence", pretokenizers: [split(GPT2_PATTERN), encode] };
  // The space goes before the text that arrives here, then the regex splits. The library replaces with JavaScript's
  // replaceAll, where $& is the match; an empty match would also be found inside surrogate pairs.
  const prefix = { type: "Replace", pattern: { Regex: "\\A[^ ]" }, content: " $&" };
  const bytes = { ...encode, add_prefix_space: false };
  return { type: "Sequence", pretokenizers: [prefix, split(GPT2_PATTERN), bytes] };
}

function split(regex: string): JsonObject {
  return { type: "Split", pattern: { Regex: regex }, behavior: "Isolated", invert: false };
}

function isId(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0;
}
