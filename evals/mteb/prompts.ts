/**
 * Which of a model's prompts stands before a text, by mteb's rule.
 *
 * Reference: `Wrapper.get_prompt_name` of mteb 1.38.33, and `SentenceTransformer.encode`, which takes the default prompt
 * where no name is given. Departure: a prompt named "document", as sentence-transformers 5 and mteb 2 call it, is taken for
 * "passage"; mteb 1.38.33 ignores all prompts of a model of which it does not know one by its name.
 *
 * @module
 */
import { type Category, TYPE_NAMES } from "../category.ts";
import type { EncoderPrompts } from "../encoder.ts";
import type { TextRole } from "../score.ts";

/** A task as prompts are named after it. */
export interface PromptedTask {
  /** Name of the whole task, such as "SciFact". */
  readonly baseTask: string;
  readonly category: Category;
}

/**
 * The prompt of a text: that of the task and role, the task, the type and role, the type, or the role, whichever is there
 * first; else the model's standard one.
 *
 * @param prompts undefined for a model without; then ""
 */
export function promptOf(
  prompts: EncoderPrompts | undefined,
  { baseTask, category }: PromptedTask,
  role: TextRole | undefined,
): string {
  if (prompts === undefined) return "";
  const roles = role === "passage" ? ["passage", "document"] : role === undefined ? [] : [role];
  const names = [baseTask, TYPE_NAMES[category]].flatMap((name) => [
    ...roles.map((one) => `${name}-${one}`),
    name,
  ]);
  const name = [...names, ...roles].find((one) => Object.hasOwn(prompts.named, one));
  return name === undefined ? prompts.standard : prompts.named[name]!;
}
