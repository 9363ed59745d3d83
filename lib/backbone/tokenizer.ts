/**
 * Text to token ids and back, exactly as transformers does it with `add_special_tokens=False`.
 *
 * @module
 */
import { UsageError } from "#errors";
import type { Tokenizer as Library } from "@huggingface/tokenizers";
import { describe, type JsonObject } from "./json.ts";
import { pipelineForLibrary } from "./tokenizer_json.ts";

/** A byte-level (or byte-fallback) BPE tokenizer, or a WordPiece tokenizer. */
export class Tokenizer {
  readonly #library: Library;
  readonly #special: ReadonlySet<number>;

  /** Largest id plus one: the fewest rows that the embedding must have. */
  readonly vocabSize: number;

  private constructor(
    library: Library,
    specialIds: Iterable<number>,
    vocabSize: number,
    readonly origin: string,
  ) {
    this.#library = library;
    this.#special = new Set(specialIds);
    this.vocabSize = vocabSize;
  }

  /**
   * Builds a tokenizer.
   *
   * @param json the content of a `tokenizer.json`
   * @param extraTokens `added_tokens_decoder` of `tokenizer_config.json`
   * @param origin file it comes from, for messages
   * @throws {UsageError} when a part of the pipeline is not supported
   */
  static async create(json: JsonObject, extraTokens: JsonObject, origin: string): Promise<Tokenizer> {
    const pipeline = pipelineForLibrary(json, extraTokens, origin);
    const { Tokenizer: LibraryTokenizer } = await import("@huggingface/tokenizers");
    let library: Library;
    try {
      library = new LibraryTokenizer(pipeline, {});
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new UsageError(`${origin} is not a usable tokenizer: ${reason}`, "download the tokenizer again", {
        cause,
      });
    }
    const added = [...library.get_added_tokens_decoder()];
    const special = added.filter(([, token]) => token.special).map(([id]) => id);
    const { vocab } = pipeline["model"] as { vocab: Record<string, number> };
    let largest = -1;
    for (const id of Object.values(vocab)) largest = Math.max(largest, id);
    for (const [id] of added) largest = Math.max(largest, id);
    return new Tokenizer(library, special, largest + 1, origin);
  }

  /**
   * Token ids of a text. Special tokens that are written in the text are recognised; none are added.
   *
   * The input should be well-formed Unicode; a lone surrogate becomes U+FFFD.
   */
  encode(text: string): number[] {
    if (text === "") return [];
    return this.#library.encode(text.toWellFormed(), { add_special_tokens: false }).ids;
  }

  /**
   * Text of token ids: their bytes, with U+FFFD for what is not UTF-8. Spaces before punctuation are never
   * "cleaned up": that would make the text differ from its tokens.
   *
   * @param options.skipSpecial leave special tokens out
   * @throws {UsageError} for an id that is not a token
   */
  decode(ids: readonly number[], options: { skipSpecial?: boolean } = {}): string {
    const kept = options.skipSpecial ? ids.filter((id) => !this.#special.has(id)) : ids;
    for (const id of kept) {
      if (this.#library.id_to_token(id) === undefined) {
        throw new UsageError(
          `${describe(id)} is not a token of ${this.origin}`,
          `use ids below ${this.vocabSize}`,
        );
      }
    }
    if (kept.length === 0) return "";
    return this.#library.decode([...kept], {
      skip_special_tokens: false,
      clean_up_tokenization_spaces: false,
    });
  }

  /** Id of a token written as in the vocabulary ("Ġthe", "<|im_end|>"); null when there is none. */
  tokenToId(token: string): number | null {
    return this.#library.token_to_id(token) ?? null;
  }

  /** The token of an id, written as in the vocabulary; null when there is none. */
  idToToken(id: number): string | null {
    return this.#library.id_to_token(id) ?? null;
  }

  /** True for tokens such as `<|im_end|>`, which {@linkcode decode} leaves out on request. */
  isSpecial(id: number): boolean {
    return this.#special.has(id);
  }

  /**
   * Checks that every id has a row in the embedding.
   *
   * @throws {UsageError} when the tokenizer has more tokens than the embedding has rows
   */
  checkFits(embeddingRows: number): void {
    if (this.vocabSize <= embeddingRows) return;
    throw new UsageError(
      `${this.origin} has ids up to ${this.vocabSize - 1}, the embedding has ${embeddingRows} rows`,
      "use the tokenizer that belongs to these weights",
    );
  }
}
