/**
 * Whether a backbone has room for what the settings ask of it: prompt and rationale share its positions.
 *
 * @module
 */
import { UsageError } from "#errors";
import type { Manifest } from "./schema.ts";

/** Sections that say how long a rationale may become: in training, and when texts are embedded. */
export type RationaleSection = "sampling" | "evaluation";

/**
 * Fails unless the longest prompt and the longest rationale fit together. To be asked before any text is read, because
 * otherwise only the first long text would show it, hours into a run.
 *
 * @param maxPositions positions of the backbone, in tokens
 * @param sections the sections that will be used
 * @throws {UsageError} naming both settings and the limit
 */
export function requirePositions(
  manifest: Pick<Manifest, "prompt" | RationaleSection>,
  maxPositions: number,
  sections: readonly RationaleSection[],
): void {
  const { promptTokens } = manifest.prompt;
  for (const section of sections) {
    const { maxNewTokens } = manifest[section];
    if (promptTokens + maxNewTokens <= maxPositions) continue;
    throw new UsageError(
      `prompt.promptTokens is ${promptTokens} and ${section}.maxNewTokens is ${maxNewTokens}: ` +
        `together more than the ${maxPositions} positions of the backbone`,
      "lower one of them, or choose another backbone",
    );
  }
}
