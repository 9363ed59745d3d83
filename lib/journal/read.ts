/**
 * Reading a journal, and cutting it back to a step.
 *
 * @module
 */
import { MissingError, UsageError } from "#errors";
import type { JournalRecord } from "./append.ts";

/**
 * All complete records of a journal, in order. A last line without a newline is ignored: it is either being
 * written right now or was torn by a crash.
 *
 * @throws {MissingError} if there is no such file
 * @throws {UsageError} if a complete line is not a JSON object, naming the file and the line
 */
export function readJournal<T extends object = JournalRecord>(path: string): T[] {
  return linesOf(path).map((line) => line.record as T);
}

/** What {@linkcode truncateJournalAfter} did. */
export interface Truncation {
  /** Records that stayed. */
  kept: number;
  /** Complete records that were removed. */
  dropped: number;
  /** Size of a torn last line that was removed too, in bytes; 0 if there was none. */
  tornBytes: number;
}

/**
 * Removes every record after a step, so that a run that resumes from that step's checkpoint appends to the
 * same bytes that an uninterrupted run would have had. Records carry their step in `step`, never decreasing.
 * A journal that does not exist yet counts as empty.
 *
 * @param step last step to keep; -Infinity keeps nothing
 * @throws {UsageError} if a record has no integer `step`, or steps decrease
 */
export function truncateJournalAfter(path: string, step: number): Truncation {
  if (!isFile(path)) return { kept: 0, dropped: 0, tornBytes: 0 };
  const lines = linesOf(path);
  let keptBytes = 0, kept = 0, previous = -Infinity;
  for (const [i, { record, end }] of lines.entries()) {
    const at = (record as { step?: unknown }).step;
    if (!Number.isInteger(at) || (at as number) < previous) {
      throw new UsageError(
        `${path}:${i + 1}: "step" is ${
          JSON.stringify(at)
        } after ${previous}, but steps are integers that never decrease`,
        "the journal was edited or mixed up; start the run in a new folder",
      );
    }
    previous = at as number;
    if (previous <= step) {
      keptBytes = end;
      kept++;
    }
  }
  using file = Deno.openSync(path, { read: true, write: true });
  const tornBytes = file.statSync().size - (lines.at(-1)?.end ?? 0);
  file.truncateSync(keptBytes);
  file.syncSync();
  return { kept, dropped: lines.length - kept, tornBytes };
}

interface Line {
  record: object;
  /** Byte offset just after the line's newline. */
  end: number;
}

function linesOf(path: string): Line[] {
  let bytes: Uint8Array;
  try {
    bytes = Deno.readFileSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new MissingError(`there is no journal "${path}"`, "check the run folder's path", { cause: error });
  }
  const decoder = new TextDecoder();
  const lines: Line[] = [];
  for (let start = 0;;) {
    const newline = bytes.indexOf(0x0a, start);
    if (newline < 0) return lines;
    const text = decoder.decode(bytes.subarray(start, newline));
    lines.push({ record: parseRecord(text, path, lines.length + 1), end: newline + 1 });
    start = newline + 1;
  }
}

function parseRecord(text: string, path: string, line: number): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Reported below, together with JSON that is not an object.
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  const shown = JSON.stringify(text.length > 80 ? text.slice(0, 80) + "…" : text);
  throw new UsageError(
    `${path}:${line}: not a JSON object: ${shown}`,
    "the journal was edited or damaged; restore it, or start the run in a new folder",
  );
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
