/**
 * Answers of one arm that stand for another's: arms with the same weights answer the general benchmarks alike.
 *
 * @module
 */
import { join } from "node:path";
import { writeFileAtomic } from "../lib/journal/atomic.ts";

/** File of the answers in a folder of scores, as `evals/generation_store.ts` writes it. */
const ANSWERS = "generations.jsonl";

/**
 * Copies the answers from one folder of scores to another, whole or not at all. Does nothing where there are none (a
 * suite without general benchmarks) and where the other folder has its own already.
 */
export function takeOverAnswers(from: string, to: string): void {
  if (readIfThere(join(to, ANSWERS)) !== undefined) return;
  const answers = readIfThere(join(from, ANSWERS));
  if (answers === undefined) return;
  Deno.mkdirSync(to, { recursive: true });
  writeFileAtomic(join(to, ANSWERS), answers);
}

/** Only what is not there is absent: what cannot be read is an error, not a reason to replace it. */
function readIfThere(path: string): Uint8Array | undefined {
  try {
    return Deno.readFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
