/**
 * Texts as an encoder reads them: cut to its limit, between its special tokens.
 *
 * @module
 */
import { UsageError } from "#errors";
import type { JsonObject } from "../backbone/json.ts";
import { Tokenizer } from "../backbone/tokenizer.ts";
import { pythonStrip } from "../data/python_strip.ts";
import { type TokenFrame, tokenFrame } from "./special_tokens.ts";

/** A text in tokens. */
export interface TextTokens {
  /** With special tokens. */
  readonly ids: readonly number[];
  /** What the input `token_type_ids` is given, one for each id. */
  readonly types: readonly number[];
  /** Whether the text had more tokens than fit. */
  readonly truncated: boolean;
}

/** How texts are read. */
export interface TextTokensOptions {
  /** Parsed `tokenizer.json`; its own padding and truncation are not applied. */
  readonly tokenizer: JsonObject;
  /** Parsed `added_tokens_decoder` of `tokenizer_config.json`. */
  readonly extraTokens: JsonObject;
  /** Path of `tokenizer.json`, for messages. */
  readonly origin: string;
  /** Most tokens of a text, special tokens included. */
  readonly maxTokens: number;
  /** Lower texts before they are tokenised (`do_lower_case` of `sentence_bert_config.json`). */
  readonly lowercase: boolean;
}

/** Tokenises as sentence-transformers 4.1 does: strip, lower if asked for, tokenise, cut on the right, frame. */
export class TextTokenizer {
  private constructor(
    private readonly tokenizer: Tokenizer,
    private readonly frame: TokenFrame,
    private readonly room: number,
    private readonly lowercase: boolean,
  ) {}

  /**
   * Builds it.
   *
   * @throws UsageError when a part of the tokenizer is not supported, or no token of a text fits
   */
  static async create(options: TextTokensOptions): Promise<TextTokenizer> {
    const { origin, maxTokens } = options;
    const tokenizer = await Tokenizer.create(options.tokenizer, options.extraTokens, origin);
    const frame = tokenFrame(options.tokenizer, origin);
    const room = maxTokens - frame.before.length - frame.after.length;
    if (room < 1) {
      throw new UsageError(
        `at most ${maxTokens} tokens leave no room between ${
          frame.before.length + frame.after.length
        } special tokens`,
        "correct max_seq_length in sentence_bert_config.json",
      );
    }
    return new TextTokenizer(tokenizer, frame, room, options.lowercase);
  }

  /** Largest id plus one. */
  get vocabSize(): number {
    const ids = [...this.frame.before, ...this.frame.after].map(({ id }) => id);
    return Math.max(this.tokenizer.vocabSize, ...ids.map((id) => id + 1));
  }

  /** Tokens of a text; an empty text has only special tokens. */
  encode(text: string): TextTokens {
    const { before, after, type } = this.frame;
    const own = this.#ownTokens(text);
    const kept = own.slice(0, this.room);
    return {
      ids: [...before.map(({ id }) => id), ...kept, ...after.map(({ id }) => id)],
      types: [...before.map(({ type }) => type), ...kept.map(() => type), ...after.map(({ type }) => type)],
      truncated: own.length > kept.length,
    };
  }

  /** Tokens that a prompt takes at the beginning, with the special tokens there. */
  promptLength(prompt: string): number {
    return this.frame.before.length + Math.min(this.#ownTokens(prompt).length, this.room);
  }

  #ownTokens(text: string): number[] {
    const stripped = pythonStrip(text);
    return this.tokenizer.encode(this.lowercase ? stripped.toLowerCase() : stripped);
  }
}
