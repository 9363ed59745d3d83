/**
 * The tokens that a chat template puts around every text, for libraries that know no chat template: they stand before and behind
 * the text's own tokens, whatever the text is.
 *
 * @module
 */
import { UsageError } from "#errors";
import type { Tokenizer } from "../backbone/tokenizer.ts";
import type { Prompter } from "../rollout/prompt.ts";

/** Token ids around a text. */
export interface PromptTokens {
  /** Before it: system message and opening of the user's turn. */
  readonly before: readonly number[];
  /** Behind it: end of the user's turn and opening of the assistant's. */
  readonly behind: readonly number[];
}

/** Beginnings and ends at which a tokenizer may merge what the template puts there with the text. */
const PROBES: readonly string[] = [
  "plain words",
  "7 days, 8",
  "(a) first. (b)",
  "'s own 's",
  "“quoted”",
  "-- dashes --",
  "\u0301accent e",
  "漢字かな",
  "🙂 done 🙂",
  "two\n\nlines",
];

/**
 * The tokens around a text, if they are the same around every kind of text and the text's own are those that it has alone.
 *
 * @throws {UsageError} if the tokenizer merges the template with some text: no fixed tokens then stand around it
 */
export function promptTokens(
  prompter: Pick<Prompter, "frame" | "render">,
  tokenizer: Tokenizer,
): PromptTokens {
  const { prefix, suffix } = prompter.frame;
  const split = (text: string) => {
    const ids = tokenizer.encode(prompter.render(text)), end = ids.length - suffix;
    return { before: ids.slice(0, prefix), own: ids.slice(prefix, end), behind: ids.slice(end) };
  };
  const { before, behind } = split(PROBES[0]!);
  for (const text of PROBES) {
    const found = split(text), alone = tokenizer.encode(text);
    if (
      found.before.join() === before.join() && found.behind.join() === behind.join() &&
      found.own.join() === alone.join()
    ) continue;
    throw new UsageError(
      `the chat template and the text ${JSON.stringify(text)} are tokenised into each other`,
      "export the arm as hf, whose users render the template themselves",
    );
  }
  return { before, behind };
}
