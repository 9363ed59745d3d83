/**
 * One writer for a run folder. The operating system holds the lock (flock), so it ends with the process that
 * took it, however that process ends: there is no stale lock to detect and no race in taking one over. The pid
 * inside the file only serves messages.
 *
 * @module
 */
import { join } from "node:path";
import { MissingError, UsageError } from "#errors";
import { writeAll } from "./atomic.ts";

/** Name of the lock file inside a run folder. It stays there, empty, when nobody holds it. */
export const LOCK_FILE = ".lock";

/** The exclusive right to write to a folder, until disposed or until the process ends. */
export class RunLock implements Disposable {
  readonly #file: Deno.FsFile;
  /** Pid of an earlier holder that ended without releasing the lock (killed, or the machine stopped). */
  readonly crashedPid: number | undefined;

  private constructor(file: Deno.FsFile, crashedPid: number | undefined) {
    this.#file = file;
    this.crashedPid = crashedPid;
  }

  /**
   * Takes the lock of an existing folder.
   *
   * @throws {UsageError} if another process (or another holder in this one) has it
   * @throws {MissingError} if the file system has no locks
   */
  static take(folder: string): RunLock {
    const file = Deno.openSync(join(folder, LOCK_FILE), { create: true, read: true, write: true });
    const taken = tryLock(file, folder);
    const pid = readPid(file);
    if (!taken) {
      file.close();
      const holder = pid === undefined ? "another process" : `process ${pid}`;
      throw new UsageError(
        `"${folder}" is being written to by ${holder}`,
        "wait for it to end, or choose another folder with --out",
      );
    }
    file.truncateSync(0);
    file.seekSync(0, Deno.SeekMode.Start);
    writeAll(file, new TextEncoder().encode(`${Deno.pid}\n`));
    return new RunLock(file, pid);
  }

  /** Releases the lock. */
  [Symbol.dispose](): void {
    this.#file.truncateSync(0);
    this.#file.close();
  }
}

/** Without a lock nothing is written: two writers would spoil the records of each other. */
function tryLock(file: Deno.FsFile, folder: string): boolean {
  try {
    return file.tryLockSync(true);
  } catch (cause) {
    file.close();
    throw new MissingError(
      `"${folder}" cannot be locked: ${(cause as Error).message}`,
      "some network and shared file systems have no locks: choose a folder on another one with --out",
      { cause },
    );
  }
}

function readPid(file: Deno.FsFile): number | undefined {
  const buffer = new Uint8Array(32);
  const text = new TextDecoder().decode(buffer.subarray(0, file.readSync(buffer) ?? 0)).trim();
  return /^\d+$/.test(text) ? Number(text) : undefined;
}
