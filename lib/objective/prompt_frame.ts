/**
 * How many tokens of a templated prompt belong to the template: the prefix before the user's text, which pooling
 * leaves out (L_sys of paper Eq. 10-11), and the suffix behind it.
 *
 * The method is the released code's: put a dummy text into the template and look for its tokens. The released code
 * falls back to 0 when they are not found, and so pools the system prompt without a word; here that is an error,
 * and a second dummy must tell the same.
 *
 * @module
 */
import { UsageError } from "#errors";

/** Tokens that the chat template puts around the user's text. */
export interface PromptFrame {
  /** Tokens before the first token of the user's text (L_sys). */
  prefix: number;
  /** Tokens after its last one: end of turn, header of the assistant. */
  suffix: number;
}

/** The dummy text of the released code (grace.py), and a second one that shares neither its start nor its end. */
const DUMMIES = [
  "some_unique_string_for_testing_user_content",
  "quite another placeholder, number 42",
] as const;

/** First index of `needle` in `haystack`, or −1. */
function indexOfSequence(haystack: ArrayLike<number>, needle: ArrayLike<number>): number {
  for (let start = 0; start + needle.length <= haystack.length; start++) {
    let i = 0;
    while (i < needle.length && haystack[start + i] === needle[i]) i++;
    if (i === needle.length) return start;
  }
  return -1;
}

/**
 * Measures the template around the user's text.
 *
 * @param render the chat template, generation prompt included, for a user's text
 * @param encode the tokenizer, without added special tokens
 * @throws {UsageError} if the tokens of a dummy text are not found, if nothing stands before them, or if two
 * dummy texts do not have the same tokens around them: the template then has no fixed prefix to leave out
 */
export function promptFrame(
  render: (userText: string) => string,
  encode: (text: string) => ArrayLike<number>,
): PromptFrame {
  const measured = DUMMIES.map((dummy) => {
    const prompt = Array.from(encode(render(dummy)));
    const content = encode(dummy);
    const prefix = content.length === 0 ? -1 : indexOfSequence(prompt, content);
    if (prefix < 0) {
      throw new UsageError(
        `Tokens of the dummy text "${dummy}" are not found in the templated prompt`,
        "The chat template changes the user's text or merges with it; use a template that keeps it apart",
      );
    }
    if (prefix === 0) {
      throw new UsageError(
        "Chat template puts no token before the user's text, so there is no system prompt to leave out of pooling",
        "Check that the template renders the system message",
      );
    }
    return { before: prompt.slice(0, prefix), after: prompt.slice(prefix + content.length) };
  });
  const [first, second] = [measured[0]!, measured[1]!];
  if (first.before.join() !== second.before.join() || first.after.join() !== second.after.join()) {
    throw new UsageError(
      "Chat template puts different tokens around different user texts",
      "Pin what varies in the template (for example date_string), and keep the user's text apart from it",
    );
  }
  return { prefix: first.before.length, suffix: first.after.length };
}

/**
 * L_sys: number of leading tokens of a prompt that are not the user's text.
 *
 * @throws {UsageError} as {@linkcode promptFrame}; the result is never 0
 */
export function systemPrefixLength(
  render: (userText: string) => string,
  encode: (text: string) => ArrayLike<number>,
): number {
  return promptFrame(render, encode).prefix;
}
