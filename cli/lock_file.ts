/**
 * `grace.lock.json` beside a manifest of the user's.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { MissingError, UsageError } from "#errors";
import { readTextIfThere } from "../lib/files.ts";
import { writeFileAtomic } from "../lib/journal/atomic.ts";
import { RunDocument } from "../lib/journal/layout.ts";

/**
 * Where it is kept; null where there is no manifest.
 *
 * @throws {UsageError} if it must not change, and there is no manifest
 */
export function lockFileOf(
  { manifest, frozen }: { readonly manifest?: string | undefined; readonly frozen?: true | undefined },
): string | null {
  if (manifest !== undefined) return join(dirname(manifest), RunDocument.lock);
  if (!frozen) return null;
  throw new UsageError(
    "--frozen without --manifest",
    "name the grace.json whose grace.lock.json must not change",
  );
}

/**
 * Writes the lock beside a manifest, unless it is there already.
 *
 * @throws {MissingError} if the manifest's folder cannot be written
 */
export function keepLock(path: string, text: string): void {
  try {
    if (readTextIfThere(path) !== text) writeFileAtomic(path, text);
  } catch (cause) {
    throw new MissingError(
      `cannot write "${path}": ${(cause as Error).message}`,
      "the lock is kept beside the manifest: copy that to a folder that can be written",
      { cause },
    );
  }
}
