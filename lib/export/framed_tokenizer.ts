/**
 * The files of a tokenizer that puts fixed tokens around every text, as transformers loads them.
 *
 * @module
 */
import type { JsonObject } from "../backbone/json.ts";
import type { PromptTokens } from "./prompt_tokens.ts";

/** A tokenizer as it is in a Hugging Face folder. */
export interface TokenizerFiles {
  /** Content of `tokenizer.json`. */
  readonly tokenizer: JsonObject;
  /** Content of `tokenizer_config.json`, with what `special_tokens_map.json` has besides. */
  readonly config: JsonObject;
  /** What fills short texts of a batch where the tokenizer has no token for it; it is masked, so any will do. */
  readonly padToken: string;
}

/** What is kept of `tokenizer_config.json`: the rest is for templates, which are built in now, or for classes in Python. */
const KEPT = [
  "bos_token",
  "eos_token",
  "unk_token",
  "additional_special_tokens",
  "added_tokens_decoder",
] as const;

/**
 * The same tokenizer with tokens around every text that are not asked for with `add_special_tokens=False`.
 *
 * @param around ids that are put around; those that the vocabulary lacks need a row of the embedding
 * @param longest tokens of the longest text, `around` included
 */
export function framedTokenizer(
  { tokenizer, config, padToken }: TokenizerFiles,
  around: PromptTokens,
  longest: number,
): Pick<TokenizerFiles, "tokenizer" | "config"> {
  const special: Record<string, JsonObject> = {};
  const piece = (id: string, ids: readonly number[]) => {
    if (ids.length === 0) return [];
    special[id] = { id, ids, tokens: ids.map((_, i) => `<${id} ${i}>`) };
    return [{ SpecialToken: { id, type_id: 0 } }];
  };
  const before = piece("template", around.before), behind = piece("turn", around.behind);
  const text = (id: "A" | "B") => ({ Sequence: { id, type_id: 0 } });
  return {
    tokenizer: {
      ...tokenizer,
      truncation: null,
      padding: null,
      post_processor: {
        type: "TemplateProcessing",
        single: [...before, text("A"), ...behind],
        pair: [...before, text("A"), text("B"), ...behind],
        special_tokens: special,
      },
    },
    config: {
      // Loads tokenizer.json as it is; other classes put a post-processor of their own into its place.
      tokenizer_class: "PreTrainedTokenizerFast",
      ...Object.fromEntries(KEPT.flatMap((key) => config[key] == null ? [] : [[key, config[key]]])),
      pad_token: config["pad_token"] ?? padToken,
      clean_up_tokenization_spaces: false,
      model_input_names: ["input_ids", "attention_mask"],
      model_max_length: longest,
      padding_side: "right",
      truncation_side: "right",
    },
  };
}
