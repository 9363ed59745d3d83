/**
 * Answers of one arm that stand for another's: arms with the same weights answer the general benchmarks alike, and programs end
 * as they ended, whatever else the machine did meanwhile.
 *
 * @module
 */
import { join } from "node:path";
import { isThere, readBytesIfThere } from "../lib/files.ts";
import { writeFileAtomic } from "../lib/journal/atomic.ts";

/** Files of a folder of scores that hold them, as `evals/generation_store.ts` and `evals/general/execution_store.ts` write them. */
const FILES = ["generations.jsonl", "executions.jsonl"];

/**
 * Copies answers and endings from one folder of scores to another, each file whole or not at all. Does nothing where there are
 * none (a suite without general benchmarks) and where the other folder has its own already.
 */
export function takeOverAnswers(from: string, to: string): void {
  for (const name of FILES) {
    if (isThere(join(to, name))) continue;
    const content = readBytesIfThere(join(from, name));
    if (content === undefined) continue;
    Deno.mkdirSync(to, { recursive: true });
    writeFileAtomic(join(to, name), content);
  }
}
