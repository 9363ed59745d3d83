/**
 * An append-only JSON Lines file that survives being killed at any instant.
 *
 * The first line is a header that says what the records belong to; a log is continued only under the same
 * header. A torn last line (no final `\n`) is cut off when the log is opened again, and reported.
 *
 * @module
 */
import { UsageError } from "#errors";
import { excerpt } from "./jsonl.ts";

/** JSON object, as written to a line. */
export type Json = Readonly<Record<string, unknown>>;

/** What {@linkcode AppendLog.open} found. */
export interface OpenedLog<R extends Json> {
  readonly log: AppendLog<R>;
  /** Complete records already there, in order. */
  readonly records: readonly R[];
  /** Bytes of a torn last line that were cut off; 0 after a clean end. */
  readonly tornBytes: number;
}

/** Writer of an append-only log; readers get its content from {@linkcode AppendLog.open} or {@linkcode readLog}. */
export class AppendLog<R extends Json> {
  readonly #file: Deno.FsFile;
  readonly #ends: number[];

  private constructor(file: Deno.FsFile, ends: number[]) {
    this.#file = file;
    this.#ends = ends;
  }

  /**
   * Opens or creates a log for appending.
   *
   * @param header identity of the log: written as the first line of a new log, compared key by key with an old one's
   * @throws UsageError if the header differs, or if a line before the last is damaged
   */
  static async open<R extends Json>(path: string, header: Json): Promise<OpenedLog<R>> {
    const file = await Deno.open(path, { read: true, write: true, create: true });
    try {
      const { found, records, ends, size } = parse<R>(await readAll(file), path);
      if (found !== undefined) requireSameHeader(found, header, path);
      const clean = ends.at(-1) ?? 0;
      if (clean < size) await file.truncate(clean);
      await file.seek(clean, Deno.SeekMode.Start);
      const log = new AppendLog<R>(file, ends);
      if (found === undefined) await log.#write([header]);
      return { log, records, tornBytes: size - clean };
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** Appends records and returns once they are on the disk. */
  append(records: readonly R[]): Promise<void> {
    return this.#write(records);
  }

  /** Keeps the first `count` records and cuts the rest off. */
  async truncate(count: number): Promise<void> {
    this.#ends.length = count + 1;
    const end = this.#ends[count]!;
    await this.#file.truncate(end);
    await this.#file.seek(end, Deno.SeekMode.Start);
    await this.#file.syncData();
  }

  /** Closes the file. */
  close(): void {
    this.#file.close();
  }

  async #write(lines: readonly Json[]): Promise<void> {
    let end = this.#ends.at(-1) ?? 0;
    const parts = lines.map((line) => new TextEncoder().encode(JSON.stringify(line) + "\n"));
    for (const part of parts) this.#ends.push(end += part.length);
    await writeAll(this.#file, new Uint8Array(await new Blob(parts).arrayBuffer()));
    await this.#file.syncData();
  }
}

/**
 * Reads a log without opening it for writing; a torn last line is left out.
 *
 * @throws UsageError if a line before the last is damaged or the header is missing
 */
export async function readLog<R extends Json>(
  path: string,
): Promise<{ header: Json; records: readonly R[] }> {
  const { found, records } = parse<R>(await Deno.readFile(path), path);
  if (found === undefined) {
    throw new UsageError(`"${path}" has no header line`, "remove the file and run again");
  }
  return { header: found, records };
}

/** Writes all bytes at the file's position. */
export async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
}

async function readAll(file: Deno.FsFile): Promise<Uint8Array> {
  const { size } = await file.stat();
  const bytes = new Uint8Array(size);
  for (let done = 0; done < size;) {
    const n = await file.read(bytes.subarray(done));
    if (n === null) return bytes.subarray(0, done);
    done += n;
  }
  return bytes;
}

function parse<R>(bytes: Uint8Array, path: string) {
  const ends: number[] = [];
  const values: Json[] = [];
  const decoder = new TextDecoder("utf-8", { fatal: true });
  for (let start = 0;;) {
    const newline = bytes.indexOf(10, start);
    if (newline < 0) break;
    const line = bytes.subarray(start, newline);
    try {
      values.push(JSON.parse(decoder.decode(line)));
    } catch (cause) {
      const text = excerpt(new TextDecoder().decode(line));
      throw new UsageError(
        `"${path}" line ${values.length + 1} is damaged: "${text}"`,
        "the file was changed by something else; remove it and run again",
        { cause },
      );
    }
    ends.push(start = newline + 1);
  }
  return { found: values[0], records: values.slice(1) as unknown as R[], ends, size: bytes.length };
}

function requireSameHeader(found: Json, wanted: Json, path: string): void {
  for (const key of new Set([...Object.keys(found), ...Object.keys(wanted)])) {
    const [a, b] = [JSON.stringify(found[key]), JSON.stringify(wanted[key])];
    if (a !== b) {
      throw new UsageError(
        `"${path}" belongs to another run: its ${key} is ${a}, this run's is ${b}`,
        "write to another folder, or remove the old records first",
      );
    }
  }
}
