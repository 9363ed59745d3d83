/**
 * A file that a command writes in the end: what stands in its way is said before the work, not after it.
 *
 * @module
 */
import { dirname, resolve } from "node:path";
import { MissingError, UsageError } from "#errors";
import { isFolder, reasonOf } from "../lib/files.ts";
import { writeFileAtomic } from "../lib/journal/atomic.ts";

/** A place that can be written. */
export interface OutputFile {
  /** Writes the whole file at once; where the path is a link, what it leads to. */
  readonly write: (text: string) => void;
}

/**
 * Makes the file's folder where there is none, and tries whether a file can be made in it.
 *
 * @param option how the path was given, for messages: "--junit", or "--update" for the baseline
 * @throws UsageError if it is a folder; MissingError if nothing can be written there
 */
export function outputFile(path: string, option: string): OutputFile {
  if (isFolder(path)) {
    throw new UsageError(`${option} would write "${path}", which is a folder`, "name a file");
  }
  const target = targetOf(path), trial = `${target}.part-${Deno.pid}`;
  try {
    Deno.mkdirSync(dirname(target), { recursive: true });
    Deno.openSync(trial, { create: true, write: true }).close();
    Deno.removeSync(trial);
  } catch (cause) {
    throw new MissingError(
      `${option} cannot write "${path}": ${reasonOf(cause)}`,
      "name a file in a folder that can be written",
      { cause },
    );
  }
  return { write: (text) => writeFileAtomic(target, text) };
}

/** The path behind links, whether there is something yet or not. */
function targetOf(path: string, links = 0): string {
  let leadsTo: string;
  try {
    leadsTo = Deno.readLinkSync(path);
  } catch {
    return path;
  }
  if (links === 40) return path; // a circle, which the system will tell of
  return targetOf(resolve(dirname(path), leadsTo), links + 1);
}
