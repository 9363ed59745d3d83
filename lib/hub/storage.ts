/**
 * What goes wrong when the cache is written: told as an error that names the place, and the way out.
 *
 * @module
 */
import { statfsSync } from "node:fs";
import { GraceError, MissingError } from "#errors";

/** Runs something that writes below `path`; errors of the file system become errors with a cure. */
export async function writing<T>(path: string, write: () => T | Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    throw storageError(path, error);
  }
}

/** The error that a failure to write below `path` is told as; anything else as it is. */
export function storageError(path: string, error: unknown): unknown {
  if (error instanceof GraceError || !(error instanceof Error)) return error;
  const code = (error as { code?: unknown }).code;
  const full = code === "ENOSPC" || code === "EDQUOT" || /os error (28|122)\b/.test(error.message);
  const denied = error instanceof Deno.errors.PermissionDenied ||
    /^(EACCES|EPERM|EROFS|ENOTDIR|EEXIST)$/.test(String(code)) ||
    /os error (13|1|30|20|17)\b/.test(error.message);
  if (!full && !denied) return error;
  return new MissingError(
    `cannot write "${path}": ${error.message}`,
    full
      ? "free some space, or set HF_HOME to a folder on another disk; the same command continues with what has arrived"
      : "check who owns the folder and whether it may be written, or set HF_HOME to another one",
    { cause: error },
  );
}

/**
 * Refuses to start what cannot end.
 *
 * @param folder an existing folder on the disk in question
 * @throws MissingError if fewer than `bytes` bytes are free
 */
export function requireSpace(folder: string, bytes: number): void {
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  if (bytes <= free) return;
  throw new MissingError(
    `${formatBytes(bytes)} are to be downloaded, and ${formatBytes(free)} are free below "${folder}"`,
    "free some space, or set HF_HOME to a folder on another disk",
  );
}

/** "3.09 GB", "12.1 MB", "640 bytes": decimal units, as the hub shows sizes. */
export function formatBytes(bytes: number): string {
  for (const [unit, size] of [["GB", 1e9], ["MB", 1e6], ["kB", 1e3]] as const) {
    if (bytes >= size) return `${(bytes / size).toPrecision(3)} ${unit}`;
  }
  return `${bytes} bytes`;
}
