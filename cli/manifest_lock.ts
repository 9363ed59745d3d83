/**
 * `manifest lock`: digests all that a run would read, without running it.
 *
 * @module
 */
import { ExitCode } from "#errors";
import { readTextIfThere } from "../lib/files.ts";
import { describeLockDifference, diffLocks, type LockDifference } from "../lib/manifest/diff_locks.ts";
import { loadLock, type Lock, lockText, parseLock } from "../lib/manifest/lock.ts";
import { requireLock } from "../lib/manifest/verify.ts";
import { openDevice } from "./device.ts";
import type { CommandIo } from "./io.ts";
import { keepLock, lockFileOf } from "./lock_file.ts";
import type { LockOptions } from "./manifest.ts";
import { type PreparedRun, prepareRun } from "./prepared_run.ts";
import { dataRootOf, noteUnreadManifest, settingsOf } from "./settings.ts";
import { formatBytes, layOut, oneLine } from "./table.ts";

/** What became of the lock beside the manifest: "none" where there is no manifest that it could stand beside. */
type Status = "written" | "unchanged" | "replaced" | "none";

/**
 * Prints the identity of the run, and writes its lock beside the manifest.
 *
 * @throws {CheckFailedError} with `--frozen`, if an input is not what the lock there says
 */
export async function lockManifest(options: LockOptions, io: CommandIo): Promise<ExitCode> {
  const { resolved } = await settingsOf(options), path = lockFileOf(options);
  noteUnreadManifest(options, io);
  io.progress.note("digesting backbone, tasks and training data");
  const device = await openDevice(resolved.manifest.device, io.progress);
  let prepared: PreparedRun;
  try {
    prepared = await prepareRun(resolved.manifest, dataRootOf(options.dataRoot), device);
    prepared.inputs.backbone.close();
  } finally {
    device.dispose();
  }
  // Whoever interrupted this wants nothing written.
  io.signal.throwIfAborted();
  const { lock, identity, name } = prepared;
  const kept = keep(path, options.frozen ?? false, lock);
  io.progress.end();
  if (io.json) {
    io.print(
      JSON.stringify({ schema: "grace-manifest-lock/1", identity, name, file: path, ...kept, lock }),
    );
  } else io.print(render(prepared, path, kept).join("\n"));
  return ExitCode.success;
}

/** What became of it, and in what it is not what it was: null if that was no lock. */
interface Kept {
  readonly status: Status;
  readonly changes: readonly LockDifference[] | null;
}

function keep(path: string | null, frozen: boolean, lock: Lock): Kept {
  if (path === null) return { status: "none", changes: [] };
  if (frozen) {
    requireLock(loadLock(path), lock);
    return { status: "unchanged", changes: [] };
  }
  const before = readTextIfThere(path), text = lockText(lock);
  keepLock(path, text);
  if (before === undefined) return { status: "written", changes: [] };
  if (before === text) return { status: "unchanged", changes: [] };
  return { status: "replaced", changes: changesOf(before, path, lock) };
}

/** In what the lock is not what it was; null if that was damaged. */
function changesOf(before: string, path: string, lock: Lock): LockDifference[] | null {
  try {
    return diffLocks(parseLock(before, path), lock);
  } catch {
    return null;
  }
}

function render(
  { lock, identity, name }: PreparedRun,
  path: string | null,
  { status, changes }: Kept,
): string[] {
  const files = Object.values(lock.inputs), bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  return [
    ...layOut([
      ["identity", identity],
      ["run folder", name],
      ["inputs", `${files.length} files, ${formatBytes(bytes)}`],
      [
        "lock",
        path === null ? "not written: there is no --manifest to keep it beside" : `${path}: ${status}`,
      ],
    ]),
    ...changes === null
      ? ["What was there was no lock."]
      : changes.length === 0
      ? []
      : ["", "Changed:", ...changes.map((change) => `- ${oneLine(describeLockDifference(change))}`)],
  ];
}
