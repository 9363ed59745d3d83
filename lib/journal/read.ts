/**
 * Reading a journal, and cutting it back to a step.
 *
 * @module
 */
import { MissingError, UsageError } from "#errors";
import { isFile } from "../files.ts";
import type { JournalRecord } from "./append.ts";
import { textLines } from "./text_lines.ts";

/**
 * All complete records of a journal, in order. A last line without a newline is ignored: it is either being
 * written right now or was torn by a crash.
 *
 * @throws {MissingError} if there is no such file
 * @throws {UsageError} if a complete line is not a JSON object, naming the file and the line
 */
export function readJournal<T extends object = JournalRecord>(path: string): T[] {
  return [...journalRecords<T>(path)];
}

/**
 * The same, one record at a time: of a journal of any size, only a part is in memory.
 *
 * @throws as {@linkcode readJournal} does, when it comes to the line
 */
export function* journalRecords<T extends object = JournalRecord>(path: string): Generator<T> {
  for (const { record } of linesOf(path)) yield record as T;
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
  const lines = [...linesOf(path)];
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

/**
 * Cuts a journal after its first lines. What is cut off is gone; what stays is as it was, whenever the process is killed.
 *
 * @param count complete lines to keep; there must be as many
 */
export function keepLines(path: string, count: number): void {
  let kept = 0, end = 0;
  for (const line of linesOf(path)) {
    if (kept === count) break;
    kept++;
    end = line.end;
  }
  using file = Deno.openSync(path, { read: true, write: true });
  file.truncateSync(end);
  file.syncSync();
}

interface Line {
  record: object;
  /** Byte offset just after the line's newline. */
  end: number;
}

function* linesOf(path: string): Generator<Line> {
  let line = 0;
  try {
    for (const { text, end, complete } of textLines(path)) {
      if (complete) yield { record: parseRecord(text, path, ++line), end };
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new MissingError(`there is no journal "${path}"`, "check the run folder's path", { cause: error });
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
