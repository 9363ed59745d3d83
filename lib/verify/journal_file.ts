/**
 * Reads a journal that may have been edited: every line that is not what this program writes is told, and the others are read on.
 *
 * @module
 */
import { type TextLine, textLines } from "../journal/text_lines.ts";
import type { Checking } from "./check.ts";
import type { RunFiles } from "./run_files.ts";

/** A record and where it stands. */
export interface JournalLine {
  /** From 1. */
  readonly line: number;
  readonly record: Record<string, unknown>;
}

/** What a journal holds. */
export interface JournalFile {
  readonly file: string;
  readonly lines: readonly JournalLine[];
  /** Whether something stands behind the last line feed: a record that a kill cut off. */
  readonly torn: boolean;
}

/** Records that are read although there are too many, besides as many as there can be: a few that come twice hide no others. */
const SPARE = 100;

/** Longest line that is read, in bytes. */
const LONGEST_LINE = 16 << 20;

/**
 * Reads a journal.
 *
 * @param most records that there can be: more are a problem, and many more are not read
 * @throws {UsageError} if it is no file, or a line is absurdly long
 */
export function readJournalFile(files: RunFiles, file: string, most: number, it: Checking): JournalFile {
  const lines: JournalLine[] = [], records = recordsIn(files, file, it), end = 2 * most + SPARE;
  let isTold = false;
  for (;;) {
    const { value, done } = records.next();
    if (done) return { file, lines, torn: value };
    if (value.line > most && !isTold) {
      isTold = true;
      const what = `there is more than the ${most} records that the run makes`;
      it.problem({ file, at: `line ${value.line}`, what });
    }
    if (value.line > end) {
      // Closes the file.
      records.return(false);
      return { file, lines, torn: false };
    }
    lines.push(value);
  }
}

/**
 * Records of a journal of any size, one at a time; returns whether something stands behind the last line feed.
 *
 * @throws {UsageError} as {@linkcode readJournalFile} does
 */
export function* recordsIn(files: RunFiles, file: string, it: Checking): Generator<JournalLine, boolean> {
  files.requirePlain(file, /\.jsonl$/);
  let line = 0;
  for (const text of textLines(files.path(file), LONGEST_LINE)) {
    if (!text.complete) return true;
    line++;
    const record = recordOf(text, file, line, it);
    if (record !== undefined) yield { line, record };
  }
  return false;
}

function recordOf(
  { text }: TextLine,
  file: string,
  line: number,
  it: Checking,
): Record<string, unknown> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    it.problem({ file, at: `line ${line}`, what: `is not JSON: ${(error as Error).message}` });
    return undefined;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    it.problem({ file, at: `line ${line}`, what: "is not a record" });
    return undefined;
  }
  // Shortest numbers, no spaces, no key twice: what JSON.stringify makes of the value.
  const written = JSON.stringify(value);
  if (written !== text) {
    const at = [...written].findIndex((_, i) => written[i] !== text[i]), from = Math.max(0, at - 20);
    it.problem({
      file,
      at: `line ${line}`,
      field: `character ${at < 0 ? written.length : at}`,
      stored: text.slice(from, from + 60),
      found: written.slice(from, from + 60),
    });
  }
  return value as Record<string, unknown>;
}
