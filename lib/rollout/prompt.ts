/**
 * From a text to the tokens of its prompt: system message, text, opening of the assistant's turn. One template for
 * every role in training and evaluation, as in the paper.
 *
 * A text that does not fit loses its end; the template around it stays whole, and the result says so. (The released
 * code cuts the templated prompt instead, which loses the assistant's header, and in evaluation all special tokens: B9.)
 *
 * @module
 */
import { UsageError } from "#errors";
import type { Backbone } from "../backbone/open.ts";
import { type PromptFrame, promptFrame } from "../objective/prompt_frame.ts";

/** Settings of every prompt (section `prompt` of the manifest). */
export interface PromptOptions {
  /** System message. */
  readonly system: string;
  /** ISO date for templates that print today's. */
  readonly dateString: string;
  /** Longest prompt in tokens, template included. */
  readonly promptTokens: number;
}

/** A templated text. */
export interface Prompt {
  readonly ids: Int32Array;
  /** The text that is in the prompt: shorter than what was given if it was cut. */
  readonly content: string;
  readonly truncated: boolean;
}

/** Makes prompts for one backbone. */
export class Prompter {
  /** Tokens around the text, the same for every text: `prefix` is L_sys. */
  readonly frame: PromptFrame;
  readonly #backbone: Backbone;
  readonly #options: PromptOptions;

  /**
   * @throws {UsageError} if the template does not keep the text apart, or leaves no room for one
   */
  constructor(backbone: Backbone, options: PromptOptions) {
    this.#backbone = backbone;
    this.#options = options;
    this.frame = promptFrame((text) => this.render(text), (text) => backbone.tokenizer.encode(text));
    if (this.frame.prefix + this.frame.suffix >= options.promptTokens) {
      throw new UsageError(
        `the prompt's template has ${
          this.frame.prefix + this.frame.suffix
        } tokens, the limit is ${options.promptTokens}`,
        "raise prompt.promptTokens, or shorten prompt.system",
      );
    }
    if (options.promptTokens > backbone.config.maxPositions) {
      throw new UsageError(
        `prompt.promptTokens is ${options.promptTokens}, the backbone has ${backbone.config.maxPositions} positions`,
        "lower prompt.promptTokens, or choose another backbone",
      );
    }
  }

  /** The templated text before tokenisation. */
  render(text: string): string {
    const { system, dateString } = this.#options;
    return this.#backbone.chatTemplate.render(
      [{ role: "system", content: system }, { role: "user", content: text }],
      { addGenerationPrompt: true, date: dateString },
    );
  }

  /**
   * Tokens of the prompt of a text.
   *
   * @throws {UsageError} for an empty text: it has no embedding
   */
  prompt(text: string): Prompt {
    if (text.trim() === "") {
      throw new UsageError("empty text", "drop it from the input: a text without content has no embedding");
    }
    const { tokenizer } = this.#backbone;
    const limit = this.#options.promptTokens;
    const whole = tokenizer.encode(this.render(text));
    if (whole.length <= limit) return { ids: Int32Array.from(whole), content: text, truncated: false };
    const content = tokenizer.encode(text);
    // Cutting between tokens can change how the rest is tokenised, so the cut text is templated anew until it fits.
    for (let keep = limit - this.frame.prefix - this.frame.suffix; keep > 0; keep--) {
      const cut = tokenizer.decode(content.slice(0, keep)).replace(/\uFFFD+$/u, "");
      const ids = tokenizer.encode(this.render(cut));
      if (cut.trim() !== "" && ids.length <= limit) {
        return { ids: Int32Array.from(ids), content: cut, truncated: true };
      }
    }
    throw new UsageError(
      `no beginning of the text fits into ${limit} tokens: ${JSON.stringify(text.slice(0, 40))}`,
      "raise prompt.promptTokens",
    );
  }
}
