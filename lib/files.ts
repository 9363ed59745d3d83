/**
 * Files and folders that may be absent. Only what is not there is absent: what is there and may not be looked at is an error, not a
 * reason to go on without it.
 *
 * @module
 */
import { MissingError } from "#errors";

/** Whether there is something, be it a file or a folder. */
export function isThere(path: string): boolean {
  return infoIfThere(path) !== undefined;
}

/** Whether there is a file. */
export function isFile(path: string): boolean {
  return infoIfThere(path)?.isFile ?? false;
}

/** Whether there is a folder. */
export function isFolder(path: string): boolean {
  return infoIfThere(path)?.isDirectory ?? false;
}

/** Whether the name is taken: also by a link that leads nowhere. */
export function isTaken(path: string): boolean {
  return ifThere(path, Deno.lstatSync) !== undefined;
}

/** What the system says of a file or folder, or of that which a link leads to; undefined if there is none. */
export function infoIfThere(path: string): Deno.FileInfo | undefined {
  return ifThere(path, Deno.statSync);
}

/** Text of a file; undefined if there is none. */
export function readTextIfThere(path: string): string | undefined {
  return ifThere(path, Deno.readTextFileSync);
}

/** Bytes of a file; undefined if there is none. */
export function readBytesIfThere(path: string): Uint8Array<ArrayBuffer> | undefined {
  return ifThere(path, Deno.readFileSync);
}

/** Names in a folder, in no order; none if there is no folder. */
export function namesIfThere(path: string): string[] {
  return ifThere(path, (folder) => [...Deno.readDirSync(folder)].map(({ name }) => name)) ?? [];
}

/** Whether the system says that there is nothing of that name; a file has nothing inside. */
export function isAbsent(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory;
}

/** Why a call of the system failed; of /proc and /dev Deno asks for permissions that this program never has. */
export function reasonOf(cause: unknown): string {
  return cause instanceof Deno.errors.NotCapable
    ? "it is none of the files of a disk, or this program was started without the permission for it"
    : (cause as Error).message;
}

/**
 * Result of a call that needs something to be there; undefined if it is not.
 *
 * @throws MissingError if it is there and cannot be read
 */
function ifThere<T>(path: string, read: (path: string) => T): T | undefined {
  try {
    return read(path);
  } catch (cause) {
    if (isAbsent(cause)) return undefined;
    throw new MissingError(
      `"${path}" cannot be read: ${reasonOf(cause)}`,
      "check the path and its permissions",
      { cause },
    );
  }
}
