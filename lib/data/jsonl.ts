/**
 * Streaming reader of JSON Lines, plain or gzip.
 *
 * Lines end at `\n` only: U+2028, U+2029, U+0085 and a lone `\r` are ordinary characters of a text. (Readers
 * that split on them turn one row into two broken ones.)
 *
 * @module
 */
import { createHash } from "node:crypto";
import { MissingError, UsageError } from "#errors";
import { isAbsent } from "../files.ts";
import type { DataFile } from "./data_file.ts";

/** One object of a JSON Lines file. */
export interface JsonlRow {
  /** 1-based line number in the (unpacked) file. */
  readonly line: number;
  readonly value: Readonly<Record<string, unknown>>;
}

/** Options of {@linkcode readLines} and {@linkcode readJsonl}. */
export interface ReadOptions {
  /** How the file is called in records and errors. Default: the path itself. */
  readonly label?: string;
  /** Bytes to read instead of opening the path, such as stdin. */
  readonly stream?: ReadableStream<Uint8Array<ArrayBuffer>> | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Takes a line or a row; what comes next is not read before the promise is kept that it returns, if it returns one. */
export type Taker<Arguments extends unknown[]> = (...values: Arguments) => void | Promise<void>;

/**
 * Calls `onLine` for each line of a text file (gzip if the name ends in `.gz`), in order, without the final `\n`.
 * A last line without `\n` counts; an empty last one does not.
 *
 * @returns the file's identity; `rows` counts lines
 * @throws MissingError if the file cannot be opened
 * @throws UsageError if it is not valid gzip or not UTF-8
 */
export async function readLines(
  path: string,
  onLine: Taker<[text: string, line: number]>,
  options: ReadOptions = {},
): Promise<DataFile> {
  const label = options.label ?? path;
  const hash = createHash("sha256");
  let bytes = 0;
  const tap = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
    transform(chunk, controller) {
      hash.update(chunk);
      bytes += chunk.length;
      controller.enqueue(chunk);
    },
  });
  const stored = (options.stream ?? await openFile(path, label)).pipeThrough(
    tap,
    options.signal ? { signal: options.signal } : {},
  );
  const unpacked = path.endsWith(".gz") ? stored.pipeThrough(new DecompressionStream("gzip")) : stored;
  const text = unpacked.pipeThrough(new TextDecoderStream("utf-8", { fatal: true, ignoreBOM: true }));

  let rest = "", line = 0;
  const chunks = text[Symbol.asyncIterator]();
  try {
    while (true) {
      options.signal?.throwIfAborted();
      const next = await chunks.next().catch((cause) => {
        options.signal?.throwIfAborted();
        // The system's own errors have a code, as that of reading a folder; those of decoders have none.
        if (/^E[A-Z]+$/.test(cause.code)) throw unreadable(label, cause);
        throw new UsageError(
          `"${label}" is damaged after line ${line}: not valid ${
            path.endsWith(".gz") ? "gzip or " : ""
          }UTF-8`,
          "fetch the file again and compare its sha256 with the publisher's",
          { cause },
        );
      });
      if (next.done) break;
      const parts = (rest + next.value).split("\n");
      rest = parts.pop()!;
      for (const part of parts) {
        const wait = onLine(part, ++line);
        if (wait !== undefined) await wait;
      }
    }
  } catch (error) {
    // Closes the file; an error of the stream itself is the one being thrown already.
    await chunks.return?.().catch(() => {});
    throw error;
  }
  if (rest !== "") await onLine(rest, ++line);
  return { path: label, bytes, sha256: hash.digest("hex"), rows: line };
}

async function openFile(path: string, label: string): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  try {
    return (await Deno.open(path)).readable;
  } catch (cause) {
    throw unreadable(label, cause);
  }
}

function unreadable(label: string, cause: unknown): MissingError {
  const reason = isAbsent(cause) ? "there is no such file" : (cause as Error).message;
  return new MissingError(`cannot read "${label}": ${reason}`, "check the path and its permissions", {
    cause,
  });
}

/**
 * Calls `onRow` for each object of a JSON Lines file.
 *
 * @throws UsageError naming file and line if a line is not one JSON object (an empty line is not one either)
 * @throws MissingError if the file cannot be opened
 */
export function readJsonl(
  path: string,
  onRow: Taker<[row: JsonlRow]>,
  options: ReadOptions = {},
): Promise<DataFile> {
  const label = options.label ?? path;
  return readLines(path, (text, line) => {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (cause) {
      if (text.startsWith("\ufeff")) {
        throw new UsageError(`"${label}" begins with a byte order mark`, "save it as UTF-8 without one", {
          cause,
        });
      }
      throw new UsageError(
        `"${label}" line ${line} is not JSON: "${excerpt(text)}"`,
        "each line must be one JSON object; correct or fetch the file again",
        { cause },
      );
    }
    if (value === null || typeof value !== "object" || Array.isArray(value)) {
      throw new UsageError(
        `"${label}" line ${line} is not a JSON object: "${excerpt(text)}"`,
        "each line must be one JSON object",
      );
    }
    return onRow({ line, value: value as Record<string, unknown> });
  }, options);
}

/** The first 60 characters of a text, for error messages. */
export function excerpt(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
