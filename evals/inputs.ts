/**
 * What a model is given of the texts of tasks: each text once for every prompt that stands before it.
 *
 * @module
 */
import type { EncoderPrompts } from "./encoder.ts";
import { isGeneral } from "./general/general_task.ts";
import { promptOf } from "./mteb/prompts.ts";
import { usesOf } from "./mteb/score_task.ts";
import type { ResolvedTask } from "./suite.ts";

/** A text with what stands before it. */
export interface PromptedText {
  readonly text: string;
  /** "" for nothing. */
  readonly prompt: string;
}

/** The distinct inputs that the scores of tasks need, in the order of the tasks, those of one prompt together. */
export function distinctInputs(
  tasks: readonly Pick<ResolvedTask, "data" | "baseTask" | "category">[],
  prompts: EncoderPrompts | undefined,
): PromptedText[] {
  const byPrompt = new Map<string, Set<string>>();
  for (const task of tasks) {
    if (isGeneral(task.data)) continue;
    for (const { text, role } of usesOf(task.data)) {
      const prompt = promptOf(prompts, task, role);
      let texts = byPrompt.get(prompt);
      if (texts === undefined) byPrompt.set(prompt, texts = new Set());
      texts.add(text);
    }
  }
  return [...byPrompt].flatMap(([prompt, texts]) => [...texts].map((text) => ({ text, prompt })));
}
