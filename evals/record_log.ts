/**
 * A journal that belongs to one model: its first line says which, and it is continued only by the same one.
 *
 * @module
 */
import { UsageError } from "#errors";
import { JournalWriter } from "../lib/journal/append.ts";
import { journalRecords, keepLines } from "../lib/journal/read.ts";

/** First line of the file. */
export type LogHeader = Readonly<Record<string, string | number>>;

/** A log that was opened for appending. */
export interface OpenedLog<R extends object> {
  readonly writer: JournalWriter;
  /** Complete records already there, in order. */
  readonly records: readonly R[];
}

/**
 * Opens or creates a log; a torn last line, which a kill leaves, is cut off.
 *
 * @throws UsageError if the log has another header, or a line before the last is damaged
 */
export function openLog<R extends object>(path: string, header: LogHeader): OpenedLog<R> {
  const records: R[] = [];
  const writer = continueLog<R>(path, header, (record) => void records.push(record));
  return { writer, records };
}

/** As {@linkcode openLog}, but the records that are there are handed out one at a time. */
export function continueLog<R extends object>(
  path: string,
  header: LogHeader,
  onRecord: (record: R) => void,
): JournalWriter {
  const writer = JournalWriter.open(path, { fsync: false }), records = journalRecords(path);
  try {
    const { value: found } = records.next();
    if (found === undefined) writer.append({ ...header });
    else requireSameHeader(found as LogHeader, header, path);
    for (const record of records) onRecord(record as R);
    return writer;
  } catch (error) {
    // Closes the file that is being read.
    records.return(undefined);
    writer[Symbol.dispose]();
    throw error;
  }
}

/** Milliseconds after which what was appended is flushed to the device. */
const flushMs = 1000;

/** When each log that is open was flushed last. */
const flushedAt = new WeakMap<JournalWriter, number>();

/**
 * Appends records. They survive the death of the process from now on, and a power cut a second later at most: flushing
 * each of the many small records of an evaluation would take longer than making it.
 *
 * @param first called before a flush, to flush what the records speak of
 */
export function appendRecords(writer: JournalWriter, records: readonly object[], first?: () => void): void {
  for (const record of records) writer.append({ ...record });
  const now = performance.now();
  if (now - (flushedAt.get(writer) ?? -Infinity) < flushMs) return;
  first?.();
  writer.flush();
  flushedAt.set(writer, now);
}

/** Keeps the header and the first `count` records of a log that is not open. */
export function keepRecords(path: string, count: number): void {
  keepLines(path, count + 1);
}

/**
 * Reads a log without opening it for writing; a torn last line is left out.
 *
 * @throws MissingError if there is no such file
 * @throws UsageError if it is of another schema, or damaged before its last line
 */
export function readLog<R extends object>(
  path: string,
  schema: string,
): { header: LogHeader; records: readonly R[] } {
  const { header, records } = openRecords<R>(path, schema);
  return { header, records: [...records] };
}

/** As {@linkcode readLog}, but records come one at a time, and what is damaged is told when it is come to. */
export function openRecords<R extends object>(
  path: string,
  schema: string,
): { header: LogHeader; records: Iterable<R> } {
  const records = journalRecords(path), header = records.next().value;
  if (header?.["schema"] === schema) {
    return { header: header as LogHeader, records: records as Iterable<object> as Iterable<R> };
  }
  // Closes the file.
  records.return(undefined);
  throw new UsageError(
    `"${path}" does not begin with a header of schema "${schema}"`,
    "evaluate the model into another folder",
  );
}

function requireSameHeader(found: LogHeader, wanted: LogHeader, path: string): void {
  for (const key of new Set([...Object.keys(found), ...Object.keys(wanted)])) {
    if (found[key] === wanted[key]) continue;
    throw new UsageError(
      `"${path}" belongs to another run: its ${key} is "${found[key]}", this run's is "${wanted[key]}"`,
      "write to another folder, or remove the old records first",
    );
  }
}
