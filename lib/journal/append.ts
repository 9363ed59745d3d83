/**
 * Append-only JSONL: one record, one line, one write. A process that is killed while it writes leaves at most
 * one torn line at the end, which the next writer removes and every reader ignores.
 *
 * @module
 */
import { dirname } from "node:path";
import { requireJson } from "../manifest/canonical.ts";
import { syncDirectory, writeAll } from "./atomic.ts";

/** A line of a journal: a plain object of JSON values. */
export type JournalRecord = Record<string, unknown>;

/** How a {@linkcode JournalWriter} writes. */
export interface JournalOptions {
  /**
   * Flush each record to the device before {@linkcode JournalWriter.append} returns: records then survive a power
   * cut. Without it they survive the death of the process, which is enough where a checkpoint is what counts.
   */
  fsync: boolean;
}

/** A torn last line that was found and removed. */
export interface TornLine {
  /** Size of what was removed, in bytes. */
  bytes: number;
  /** The first 200 characters of it. */
  text: string;
}

/** Appends records to a JSONL file. There must be only one writer of a file (see `run_lock.ts`). */
export class JournalWriter implements Disposable {
  readonly #file: Deno.FsFile;
  readonly #fsync: boolean;
  /** The torn line that an earlier writer left behind and that opening removed, if there was one. */
  readonly recovered: TornLine | undefined;

  private constructor(file: Deno.FsFile, recovered: TornLine | undefined, fsync: boolean) {
    this.#file = file;
    this.recovered = recovered;
    this.#fsync = fsync;
  }

  /** Opens a journal at its end, creating it (not its folder) if it is not there, and removes a torn last line. */
  static open(path: string, options: JournalOptions): JournalWriter {
    const file = Deno.openSync(path, { create: true, read: true, write: true });
    const recovered = removeTornLine(file);
    if (recovered) file.syncSync();
    if (options.fsync) syncDirectory(dirname(path));
    return new JournalWriter(file, recovered, options.fsync);
  }

  /**
   * Appends one record as one line.
   *
   * @throws {NumericError} if a number in it is NaN or infinite; nothing is written then
   * @throws {UsageError} if something in it is not a JSON value; nothing is written then
   */
  append(record: JournalRecord): void {
    requireJson(record, "");
    writeAll(this.#file, new TextEncoder().encode(JSON.stringify(record) + "\n"));
    if (this.#fsync) this.#file.syncSync();
  }

  /** Flushes everything written so far to the device. */
  flush(): void {
    this.#file.syncSync();
  }

  /** Flushes and closes the file. */
  [Symbol.dispose](): void {
    this.#file.syncSync();
    this.#file.close();
  }
}

const NEWLINE = 0x0a;
const CHUNK_BYTES = 1 << 16;

/** Cuts a file after its last newline and leaves the cursor at the end. JSON never holds a raw newline. */
function removeTornLine(file: Deno.FsFile): TornLine | undefined {
  const size = file.statSync().size;
  const keep = afterLastNewline(file, size);
  file.seekSync(keep, Deno.SeekMode.Start);
  if (keep === size) return undefined;
  const head = new Uint8Array(Math.min(size - keep, 800));
  const read = file.readSync(head) ?? 0;
  file.truncateSync(keep);
  file.seekSync(keep, Deno.SeekMode.Start);
  return { bytes: size - keep, text: new TextDecoder().decode(head.subarray(0, read)).slice(0, 200) };
}

function afterLastNewline(file: Deno.FsFile, size: number): number {
  const chunk = new Uint8Array(CHUNK_BYTES);
  let end = size;
  while (end > 0) {
    const start = Math.max(0, end - CHUNK_BYTES);
    file.seekSync(start, Deno.SeekMode.Start);
    const wanted = end - start;
    let filled = 0;
    while (filled < wanted) filled += file.readSync(chunk.subarray(filled, wanted))!;
    const last = chunk.subarray(0, wanted).lastIndexOf(NEWLINE);
    if (last >= 0) return start + last + 1;
    end = start;
  }
  return 0;
}
