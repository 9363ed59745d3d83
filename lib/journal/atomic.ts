/**
 * Files and folders that are either complete or not there: written under another name, flushed to the device
 * (fsync), renamed into place, and the rename flushed too. Killing the process at any instant leaves at most a
 * leftover `<name>.part-<pid>`, which the next writer removes.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { UsageError } from "#errors";
import { isTaken } from "../files.ts";

const LEFTOVER = /\.part-\d+$/;

/** Whether a file or folder name is that of an unfinished write. */
export function isLeftover(name: string): boolean {
  return LEFTOVER.test(name);
}

/** Writes a whole file, replacing an older one. A reader sees the old content or the new, never a mixture. */
export function writeFileAtomic(path: string, content: string | Uint8Array): void {
  const part = `${path}.part-${Deno.pid}`;
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  try {
    using file = Deno.openSync(part, { create: true, write: true, truncate: true });
    writeAll(file, bytes);
    file.syncSync();
    Deno.renameSync(part, path);
  } catch (error) {
    // A full disk has room again, and a folder of the user's nothing of ours in it.
    if (isTaken(part)) Deno.removeSync(part);
    throw error;
  }
  syncDirectory(dirname(path));
}

/**
 * Makes a folder whose whole content appears at once.
 *
 * @param path the folder to make; what exists already is never replaced
 * @param fill writes the content into the folder whose path it is given; if it throws, nothing is left behind
 * @throws {UsageError} if `path` exists
 */
export async function writeDirectoryAtomic(
  path: string,
  fill: (part: string) => void | Promise<void>,
): Promise<void> {
  if (isTaken(path)) {
    throw new UsageError(
      `"${path}" exists already`,
      "finished folders are never overwritten: remove it first",
    );
  }
  const part = `${path}.part-${Deno.pid}`;
  Deno.mkdirSync(part, { recursive: true });
  try {
    await fill(part);
    syncTree(part);
    Deno.renameSync(part, path);
  } catch (error) {
    Deno.removeSync(part, { recursive: true });
    throw error;
  }
  syncDirectory(dirname(path));
}

/**
 * Removes what interrupted writes left anywhere below a folder. Only for a folder that nothing else is
 * writing to, because another process's unfinished write looks the same.
 *
 * @returns the removed paths, relative to `root`, sorted
 */
export function removeLeftovers(root: string): string[] {
  const removed: string[] = [];
  const visit = (relative: string) => {
    for (const entry of Deno.readDirSync(join(root, relative))) {
      const path = join(relative, entry.name);
      if (isLeftover(entry.name)) {
        Deno.removeSync(join(root, path), { recursive: true });
        removed.push(path);
      } else if (entry.isDirectory) visit(path);
    }
  };
  visit("");
  return removed.sort();
}

/** Writes all bytes: a single write call may stop early. */
export function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  let written = 0;
  while (written < bytes.length) written += file.writeSync(bytes.subarray(written));
}

/** Flushes a folder's entries, so that a rename or a removal in it survives a power cut. */
export function syncDirectory(path: string): void {
  // Windows cannot open a folder as a file; its renames are journalled by the file system.
  if (Deno.build.os === "windows") return;
  using directory = Deno.openSync(path, { read: true });
  try {
    directory.syncSync();
  } catch (error) {
    if (!noFlush.includes((error as { code?: string }).code ?? "")) throw error;
  }
}

/** What file systems answer that have no flush for folders, as some network ones: their renames are as safe as they are. */
const noFlush = ["EINVAL", "ENOTSUP"];

function syncTree(path: string): void {
  for (const entry of Deno.readDirSync(path)) {
    const child = join(path, entry.name);
    if (entry.isDirectory) syncTree(child);
    else {
      using file = Deno.openSync(child, { read: true, write: true });
      file.syncSync();
    }
  }
  syncDirectory(path);
}
