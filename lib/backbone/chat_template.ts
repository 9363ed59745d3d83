/**
 * Messages to prompt text, through the model's own chat template.
 *
 * Some templates (Llama 3.2) write today's date into the prompt, so that the same input gives other tokens tomorrow.
 * Here the date is an argument with a fixed default; nothing in this module asks for the time.
 *
 * @module
 */
import { MissingError, UsageError } from "#errors";
import type * as Jinja from "@huggingface/jinja";
import { describe, isObject } from "./json.ts";
import { strftime } from "./strftime.ts";

/** One turn of a conversation. */
export interface Message {
  /** Who speaks. */
  readonly role: "system" | "user" | "assistant";
  /** What is said. */
  readonly content: string;
}

/** The date that Llama 3.2's template itself falls back to. */
export const DEFAULT_DATE = "2024-07-26";

/** How to render. */
export interface RenderOptions {
  /** End with the opening of the assistant's turn. Default true. */
  readonly addGenerationPrompt?: boolean;
  /** ISO date for `date_string` and `strftime_now`. Default {@linkcode DEFAULT_DATE}. */
  readonly date?: string;
  /** Further variables of the template, such as `enable_thinking`. */
  readonly variables?: Readonly<Record<string, unknown>>;
}

/** Names and texts of special tokens that templates may use: `bos_token`, `eos_token`, … */
export type SpecialTokens = Readonly<Record<string, string>>;

/** What Jinja and transformers define in every template. */
const CONSTANTS = {
  true: true,
  True: true,
  false: false,
  False: false,
  none: null,
  None: null,
  raise_exception: (reason: string) => {
    throw new Error(reason);
  },
  range: (first: number, second?: number, step = 1) => {
    const [start, stop] = second === undefined ? [0, first] : [first, second];
    return Array.from({ length: Math.max(0, Math.ceil((stop - start) / step)) }, (_, i) => start + i * step);
  },
};

/** A compiled chat template. */
export class ChatTemplate {
  readonly #jinja: typeof Jinja;
  readonly #program: ReturnType<typeof Jinja.parse>;

  private constructor(
    jinja: typeof Jinja,
    readonly source: string,
    readonly specialTokens: SpecialTokens,
    readonly origin: string,
  ) {
    this.#jinja = jinja;
    this.#program = new jinja.Template(source).parsed;
  }

  /**
   * Compiles a template.
   *
   * @param source Jinja text
   * @param origin file it comes from, for messages
   * @throws {UsageError} when it is not valid Jinja
   */
  static async create(source: string, specialTokens: SpecialTokens, origin: string): Promise<ChatTemplate> {
    const jinja = await import("@huggingface/jinja");
    try {
      return new ChatTemplate(jinja, source, specialTokens, origin);
    } catch (cause) {
      throw new UsageError(
        `the chat template of ${origin} cannot be compiled: ${reasonOf(cause)}`,
        "use a template that transformers can render",
        { cause },
      );
    }
  }

  /**
   * Renders a conversation.
   *
   * @throws {UsageError} when the template rejects it, with the template's own reason
   */
  render(messages: readonly Message[], options: RenderOptions = {}): string {
    const date = options.date ?? DEFAULT_DATE;
    const { Environment, Interpreter } = this.#jinja;
    // Not Template.render(): it binds strftime_now to the clock and refuses another binding.
    const environment = new Environment();
    const variables = {
      ...CONSTANTS,
      // As transformers passes them.
      tools: null,
      documents: null,
      ...this.specialTokens,
      date_string: strftime(date, "%d %b %Y"),
      strftime_now: (format: string) => strftime(date, format),
      ...options.variables,
      messages: messages.map(({ role, content }) => ({ role, content })),
      add_generation_prompt: options.addGenerationPrompt ?? true,
    };
    try {
      for (const [name, value] of Object.entries(variables)) environment.set(name, value);
      return String(new Interpreter(environment).run(this.#program).value);
    } catch (cause) {
      if (cause instanceof UsageError) throw cause;
      throw new UsageError(
        `the chat template of ${this.origin} rejects the messages (${
          messages.map((m) => m.role).join(", ")
        }): ` +
          reasonOf(cause),
        "use the roles that the template accepts",
        { cause },
      );
    }
  }
}

/**
 * Picks the template out of what a model comes with.
 *
 * @param configured `chat_template` of `tokenizer_config.json` or `tokenizer.chat_template`: one template, or a list
 *   of named ones, of which "default" is taken
 * @param file text of `chat_template.jinja`, which wins
 * @throws {MissingError} when there is none
 */
export function chooseTemplate(configured: unknown, file: string | null, origin: string): string {
  if (file !== null) return file;
  if (typeof configured === "string") return configured;
  const named = Array.isArray(configured) ? configured.filter(isObject) : [];
  const template = named.find(({ name }) => name === "default")?.["template"];
  if (typeof template === "string") return template;
  if (configured !== undefined && configured !== null) {
    throw new UsageError(
      `${origin}: chat_template is ${describe(configured)}`,
      'give it a template named "default"',
    );
  }
  throw new MissingError(
    `${origin} has no chat template`,
    "use an instruct model, or put the template of its family into chat_template.jinja beside config.json",
  );
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
