/**
 * Whether stored embeddings are of all the texts that some tasks need: told at once, not at the first that is missing.
 *
 * @module
 */
import { MissingError } from "#errors";
import type { EncoderPrompts } from "./encoder.ts";
import { MissingInputs } from "./inputs.ts";
import type { ResolvedTask } from "./suite.ts";
import type { TextOrKey } from "./texts.ts";

/** Something that knows which texts it has embeddings of. */
export interface Covering {
  readonly prompts?: EncoderPrompts;
  /** Distinct texts, each counted once for every prompt. */
  readonly size: number;
  /** Whether there is an embedding of this text behind this prompt. */
  has(text: TextOrKey, prompt?: string): boolean;
}

/** How many texts the tasks need, and how many there are that none of them does. */
export interface Coverage {
  readonly needed: number;
  readonly extra: number;
}

/**
 * Compares what tasks need with what there is.
 *
 * @param place what the embeddings are in, for errors
 * @throws MissingError with the number of missing texts and the first of them
 */
export async function requireCoverage(
  tasks: readonly ResolvedTask[],
  found: Covering,
  place: string,
): Promise<Coverage> {
  const inputs = new MissingInputs(tasks, found.prompts, (text, prompt) => found.has(text, prompt));
  const { needed, missing } = inputs;
  if (missing === 0) return { needed, extra: found.size - needed };
  throw new MissingError(
    `"${place}" lacks ${await inputs.told()}`,
    "embed them too, or choose tasks whose texts are there with --tasks",
  );
}
