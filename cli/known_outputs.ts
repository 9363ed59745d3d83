/**
 * What models returned in runs that are finished: it may stand for what the same model would return in another run, read in the
 * same way over the same data. Untrained arms are the same in all cells of a sweep.
 *
 * @module
 */
import { join } from "node:path";
import { isThere, namesIfThere, readBytesIfThere, readTextIfThere } from "../lib/files.ts";
import { writeFileAtomic } from "../lib/journal/atomic.ts";
import { RunDocument, scoresPath } from "../lib/journal/layout.ts";
import { journalRecords } from "../lib/journal/read.ts";
import { canonicalHash } from "../lib/manifest/canonical.ts";
import { type Lock, parseLock } from "../lib/manifest/lock.ts";
import { takeOverAnswers } from "./take_over_answers.ts";

/** Files of embeddings as `evals/embedding_store.ts` writes them; the records last, as they say which rows count. */
const EMBEDDINGS = ["embeddings.f32", "rationales.jsonl"];

/** Folders of scores by what made them. */
export class KnownOutputs {
  /** Folder by digest of data and model. */
  readonly #folders = new Map<string, string>();

  /** Adds all evaluations of a finished run. */
  add(run: string): void {
    const text = readTextIfThere(join(run, RunDocument.lock));
    if (text === undefined) return;
    const lock = parseLock(text, join(run, RunDocument.lock));
    for (const arm of namesIfThere(scoresPath(run))) {
      const folder = join(scoresPath(run), arm);
      for (const [file, key] of [["rationales.jsonl", "encoder"], ["generations.jsonl", "generator"]]) {
        const digest = headOf(join(folder, file!))?.[key!];
        if (typeof digest === "string" && !this.#folders.has(keyOf(lock, digest))) {
          this.#folders.set(keyOf(lock, digest), folder);
        }
      }
    }
  }

  /**
   * Copies what these models returned into a folder of scores, each file whole or not at all, as far as it is known and not there
   * yet.
   *
   * @param lock of the run that the folder belongs to
   */
  takeOver(to: string, lock: Lock, encoder: string, generator: string): void {
    const answers = this.#folders.get(keyOf(lock, generator)),
      embedded = this.#folders.get(keyOf(lock, encoder));
    if (answers !== undefined) takeOverAnswers(answers, to);
    if (embedded === undefined || EMBEDDINGS.some((name) => isThere(join(to, name)))) return;
    Deno.mkdirSync(to, { recursive: true });
    for (const name of EMBEDDINGS) {
      const content = readBytesIfThere(join(embedded, name));
      if (content !== undefined) writeFileAtomic(join(to, name), content);
    }
  }
}

/** The same model over the same inputs. Training data count, too: a lock does not tell them from what is evaluated. */
function keyOf({ inputs }: Lock, digest: string): string {
  return `${canonicalHash(inputs)} ${digest}`;
}

/** The first record of a file; undefined if there is none. */
function headOf(path: string): Record<string, unknown> | undefined {
  if (!isThere(path)) return undefined;
  for (const record of journalRecords(path)) return record;
  return undefined;
}
