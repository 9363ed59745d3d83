/**
 * The folder of an evaluation: it belongs to one model, read in one way, on one suite, and says so in `evaluation.json`.
 *
 * @module
 */
import { join } from "node:path";
import { UsageError } from "#errors";
import { isLeftover, removeLeftovers, writeFileAtomic } from "../lib/journal/atomic.ts";
import { LOCK_FILE, RunLock } from "../lib/journal/run_lock.ts";
import { canonicalHash } from "../lib/manifest/canonical.ts";

/** Says what the folder is the evaluation of. */
export const EVALUATION_DOCUMENT = "evaluation.json";

/** A folder that no other process writes to until it is let go. */
export interface TakenFolder extends Disposable {
  /** Whether this evaluation was begun in it before. */
  readonly continued: boolean;
}

/**
 * Takes an empty folder, or one with the same evaluation in it.
 *
 * @param about what the evaluation is of: its identity
 * @param details what else its document tells
 * @throws {UsageError} if it holds another evaluation, or something else
 */
export function takeFolder(
  folder: string,
  about: Readonly<Record<string, unknown>>,
  details: Readonly<Record<string, unknown>>,
): TakenFolder {
  Deno.mkdirSync(folder, { recursive: true });
  // Asked before anything is written: what else is in the folder stays as it is.
  identityOf(folder);
  const lock = RunLock.take(folder);
  try {
    const identity = canonicalHash(about), found = identityOf(folder);
    if (found !== undefined && found !== identity) {
      throw new UsageError(
        `"${folder}" holds another evaluation (identity ${found.slice(0, 12)}, not ${identity.slice(0, 12)})`,
        `choose another folder with --out; what is in it is told by its ${EVALUATION_DOCUMENT}`,
      );
    }
    removeLeftovers(folder);
    if (found === undefined) {
      const document = { identity, ...about, ...details };
      writeFileAtomic(join(folder, EVALUATION_DOCUMENT), JSON.stringify(document, null, 2) + "\n");
    }
    return { continued: found !== undefined, [Symbol.dispose]: () => lock[Symbol.dispose]() };
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}

/**
 * Identity of the evaluation in a folder; undefined if the folder is empty.
 *
 * @throws {UsageError} if something else is in it
 */
function identityOf(folder: string): string | undefined {
  const isOurs = (name: string) =>
    name === LOCK_FILE || isLeftover(name) && name.startsWith(`${EVALUATION_DOCUMENT}.`);
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => !isOurs(name));
  if (names.length === 0) return undefined;
  try {
    const { identity } = JSON.parse(Deno.readTextFileSync(join(folder, EVALUATION_DOCUMENT)));
    if (typeof identity === "string") return identity;
  } catch {
    // Reported below.
  }
  throw new UsageError(
    `"${folder}" holds "${
      names[0]
    }" but no ${EVALUATION_DOCUMENT} with an identity: it is not the folder of an evaluation`,
    "choose an empty or a new folder with --out",
  );
}
