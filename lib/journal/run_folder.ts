/**
 * A run folder opened for writing: the one place that knows how to take a folder that a killed process left
 * behind and make it as if that process had stopped cleanly at its last checkpoint.
 *
 * @module
 */
import { join } from "node:path";
import { CheckFailedError, UsageError } from "#errors";
import { namesIfThere, readTextIfThere } from "../files.ts";
import { type JournalOptions, JournalWriter } from "./append.ts";
import { removeLeftovers, syncDirectory, writeDirectoryAtomic, writeFileAtomic } from "./atomic.ts";
import {
  armPath,
  checkpointPath,
  checkpointsPath,
  checkpointStep,
  type JournalName,
  journalPath,
  RunDocument,
  scoresPath,
} from "./layout.ts";
import { truncateJournalAfter, type Truncation } from "./read.ts";
import { RunLock } from "./run_lock.ts";

/** What makes a folder the folder of one run. */
export interface RunContents {
  /** Identity of the run (`manifestHash`), 64 hexadecimal digits. */
  identity: string;
  /** Text of `grace.json`. */
  intent: string;
  /** Text of `grace.lock.json`. */
  lock: string;
  /** Text of `manifest.resolved.json`, a JSON object whose `identity` is the one above. */
  resolved: string;
}

/** A complete checkpoint. */
export interface Checkpoint {
  /** Number of training steps that went into it. */
  step: number;
  /** Its folder. */
  path: string;
}

/** What {@linkcode RunFolder.rollBack} removed from an arm. */
export interface RollBack {
  /** The checkpoint to continue from; undefined: start the arm from the beginning. */
  checkpoint: Checkpoint | undefined;
  /** What was removed from each journal, because it came after the checkpoint. */
  journals: Record<JournalName, Truncation>;
}

/** The single writer of a run folder. */
export class RunFolder implements Disposable {
  /** The folder's path. */
  readonly path: string;
  /** Whether the folder held this run already. */
  readonly resumed: boolean;
  /** One sentence for each trace of an interrupted process that opening found and cleaned up. */
  readonly recovered: readonly string[];
  readonly #lock: RunLock;

  private constructor(path: string, lock: RunLock, resumed: boolean, recovered: string[]) {
    this.path = path;
    this.#lock = lock;
    this.resumed = resumed;
    this.recovered = recovered;
  }

  /**
   * Opens the folder of a run for writing, creating it if it is not there, and removes unfinished writes.
   *
   * @throws {UsageError} if another process writes to it, if it holds another run, or if it holds something else
   * @throws {CheckFailedError} if its lock file no longer is the one that the run was started with
   */
  static open(path: string, contents: RunContents): RunFolder {
    if (parseIdentity(contents.resolved, RunDocument.resolved) !== contents.identity) {
      throw new UsageError(
        `the resolved manifest does not carry the identity ${contents.identity}`,
        "resolve it again",
      );
    }
    Deno.mkdirSync(path, { recursive: true });
    const lock = RunLock.take(path);
    try {
      const recovered = lock.crashedPid === undefined
        ? []
        : [`process ${lock.crashedPid} ended without closing the run`];
      const resumed = requireSameRun(path, contents);
      for (const name of removeLeftovers(path)) recovered.push(`removed the unfinished "${name}"`);
      if (!resumed) {
        writeFileAtomic(join(path, RunDocument.intent), contents.intent);
        writeFileAtomic(join(path, RunDocument.lock), contents.lock);
        writeFileAtomic(join(path, RunDocument.resolved), contents.resolved);
      }
      Deno.mkdirSync(scoresPath(path), { recursive: true });
      return new RunFolder(path, lock, resumed, recovered);
    } catch (error) {
      lock[Symbol.dispose]();
      throw error;
    }
  }

  /** The newest complete checkpoint of an arm; undefined if it has none. */
  latestCheckpoint(arm: string): Checkpoint | undefined {
    return latestCheckpoint(this.path, arm);
  }

  /**
   * Makes an arm's journals what they were at its newest checkpoint (or empty without one), so that continuing from
   * there writes the same bytes as never having been interrupted.
   */
  rollBack(arm: string): RollBack {
    const checkpoint = this.latestCheckpoint(arm);
    const cut = (journal: JournalName) =>
      truncateJournalAfter(journalPath(this.path, arm, journal), checkpoint?.step ?? -Infinity);
    return { checkpoint, journals: { steps: cut("steps"), rationales: cut("rationales") } };
  }

  /** Opens a journal of an arm at its end. Call {@linkcode RunFolder.rollBack} before training continues. */
  openJournal(arm: string, journal: JournalName, options: JournalOptions = { fsync: false }): JournalWriter {
    Deno.mkdirSync(armPath(this.path, arm), { recursive: true });
    return JournalWriter.open(journalPath(this.path, arm, journal), options);
  }

  /**
   * Writes the checkpoint of a step; it counts only once it is complete and on the device. Flush the journals
   * first: a checkpoint promises that everything up to its step is recorded.
   *
   * @param fill writes the checkpoint's files into the folder whose path it is given
   */
  async writeCheckpoint(
    arm: string,
    step: number,
    fill: (part: string) => void | Promise<void>,
  ): Promise<Checkpoint> {
    const path = checkpointPath(this.path, arm, step);
    Deno.mkdirSync(checkpointsPath(this.path, arm), { recursive: true });
    await writeDirectoryAtomic(path, fill);
    return { step, path };
  }

  /** Writes a file of the run (scores, report), whole or not at all; `name` is relative to the folder. */
  writeFile(name: string, content: string | Uint8Array): void {
    const path = join(this.path, name);
    Deno.mkdirSync(join(path, ".."), { recursive: true });
    writeFileAtomic(path, content);
  }

  /** Lets another process write. */
  [Symbol.dispose](): void {
    syncDirectory(this.path);
    this.#lock[Symbol.dispose]();
  }
}

/** The newest complete checkpoint of an arm, for readers of a run folder; undefined if it has none. */
export function latestCheckpoint(run: string, arm: string): Checkpoint | undefined {
  let newest = -1;
  for (const name of namesIfThere(checkpointsPath(run, arm))) {
    newest = Math.max(newest, checkpointStep(name) ?? -1);
  }
  return newest < 0 ? undefined : { step: newest, path: checkpointPath(run, arm, newest) };
}

/** Whether the folder holds this run already; fails if it holds anything else. */
function requireSameRun(path: string, contents: RunContents): boolean {
  const resolved = readTextIfThere(join(path, RunDocument.resolved));
  if (resolved === undefined) {
    requireOnlyOurs(path);
    return false;
  }
  const found = parseIdentity(resolved, join(path, RunDocument.resolved));
  if (found !== contents.identity) {
    throw new UsageError(
      `"${path}" holds another run (identity ${found.slice(0, 12)}, not ${contents.identity.slice(0, 12)})`,
      "choose another folder with --out; the settings of the run in it are in its manifest.resolved.json",
    );
  }
  if (readTextIfThere(join(path, RunDocument.lock)) !== contents.lock) {
    throw new CheckFailedError(
      `"${join(path, RunDocument.lock)}" is not the lock that the run was started with`,
      "restore it, or start the run in a new folder",
    );
  }
  return true;
}

/** A folder without a resolved manifest is ours only if nothing but an interrupted creation is in it. */
function requireOnlyOurs(path: string): void {
  const expected = new Set<string>([".lock", RunDocument.intent, RunDocument.lock]);
  for (const { name } of Deno.readDirSync(path)) {
    if (expected.has(name) || name.startsWith(`${RunDocument.intent}.part-`)) continue;
    if (name.startsWith(`${RunDocument.lock}.part-`) || name.startsWith(`${RunDocument.resolved}.part-`)) {
      continue;
    }
    throw new UsageError(
      `"${path}" holds "${name}" but no ${RunDocument.resolved}: it is not a run folder`,
      "choose an empty or a new folder with --out",
    );
  }
}

function parseIdentity(text: string, path: string): string {
  try {
    const identity: unknown = JSON.parse(text).identity;
    if (typeof identity === "string") return identity;
  } catch {
    // Reported below.
  }
  throw new UsageError(`"${path}" has no "identity"`, "the file is damaged; start the run in a new folder");
}
