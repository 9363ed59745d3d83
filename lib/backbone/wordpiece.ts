/**
 * BERT's normalisation and splitting into words, as steps of npm `@huggingface/tokenizers` that do what the original
 * (Rust) `tokenizers` does. The library's own `BertNormalizer` and `BertPreTokenizer` (version 0.2.0) differ from it:
 *
 * - they follow the Unicode version of the JavaScript engine (unicode_8.ts);
 * - ideographs beyond U+FFFF are not set apart;
 * - a final Σ is lowered to ς, where the original lowers each character alone, and accents are stripped after letters
 *   are lowered, not before;
 * - text between words is split at U+FEFF and not at U+0085.
 *
 * Known difference: about 30 letters that can be decomposed since Unicode 9 (in Kannada, Tulu-Tigalari and other scripts
 * of which BERT's vocabularies have no letter) are decomposed here before accents are stripped.
 *
 * @module
 */
import type { Fields, JsonObject } from "./json.ts";
import { ACCENT, BERT_PUNCTUATION, BERT_REMOVED } from "./unicode_8.ts";

/** The ideographs that are set apart, each a word of its own, by the table of the original (0x2b920 too). */
const IDEOGRAPH = "[\\u3400-\\u4dbf\\u4e00-\\u9fff\\uf900-\\ufaff\\u{20000}-\\u{2a6df}\\u{2a700}-\\u{2b81f}" +
  "\\u{2b920}-\\u{2ceaf}\\u{2f800}-\\u{2fa1f}]";

/** Lowers each letter alone: JavaScript would make a final Σ a ς. */
export const LOWERCASE_STEPS: readonly JsonObject[] = [
  { type: "Replace", pattern: { String: "Σ" }, content: "σ" },
  { type: "Lowercase" },
];

/** `BertNormalizer` in steps. */
export function bertNormalizer(step: Fields): JsonObject {
  const lowercase = step.boolean("lowercase", true);
  const steps: JsonObject[] = [];
  if (step.boolean("clean_text", true)) {
    steps.push(replace(BERT_REMOVED, ""), replace("\\p{White_Space}", " "));
  }
  // The library replaces with JavaScript's replaceAll, where $& is the match.
  if (step.boolean("handle_chinese_chars", true)) steps.push(replace(IDEOGRAPH, " $& "));
  if (step.boolean("strip_accents", lowercase)) steps.push({ type: "NFD" }, replace(ACCENT, ""));
  if (lowercase) steps.push(...LOWERCASE_STEPS);
  return { type: "Sequence", normalizers: steps };
}

/** `BertPreTokenizer` in steps: blanks separate words and vanish, punctuation stands alone. */
export function bertPreTokenizer(): JsonObject {
  return {
    type: "Sequence",
    pretokenizers: [split("\\p{White_Space}+", "Removed"), split(BERT_PUNCTUATION, "Isolated")],
  };
}

function replace(regex: string, content: string): JsonObject {
  return { type: "Replace", pattern: { Regex: regex }, content };
}

function split(regex: string, behavior: "Removed" | "Isolated"): JsonObject {
  return { type: "Split", pattern: { Regex: regex }, behavior, invert: false };
}
