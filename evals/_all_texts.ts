/**
 * Texts of tasks read whole, for tests on small ones.
 *
 * @module
 */
import type { EncoderPrompts } from "./encoder.ts";
import { MissingInputs, type PromptedText } from "./inputs.ts";
import type { MtebData } from "./mteb/load.ts";
import { usesOf } from "./mteb/score_task.ts";
import type { KeyedVectors } from "./score.ts";
import type { ResolvedTask } from "./suite.ts";
import { keyOf } from "./texts.ts";

/** The texts of a task, with repeats. */
export async function textsOf(data: MtebData): Promise<string[]> {
  const all: string[] = [];
  for (const { texts } of usesOf(data)) await texts.read((text) => void all.push(text));
  return all;
}

/** The inputs that tasks need. */
export async function inputsOf(
  tasks: readonly Pick<ResolvedTask, "data" | "baseTask" | "category">[],
  prompts?: EncoderPrompts,
): Promise<PromptedText[]> {
  const all: PromptedText[] = [];
  await new MissingInputs(tasks, prompts, () => false).read((input) => void all.push(input));
  return all;
}

/** Vectors made from the texts of a task; of another text there is none, and to ask for it is an error. */
export async function vectorsFrom(
  data: MtebData,
  embed: (text: string) => Float32Array,
): Promise<KeyedVectors> {
  const byKey = new Map<string, Float32Array>();
  for (const text of new Set(await textsOf(data))) byKey.set(keyOf(text), embed(text));
  return (text) => {
    const vector = byKey.get(keyOf(text));
    if (vector === undefined) throw new Error(`${JSON.stringify(text)} is no text of the task`);
    return vector;
  };
}
