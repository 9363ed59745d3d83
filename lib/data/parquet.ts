/**
 * Streaming reader of Parquet files: one row group in memory at a time.
 *
 * Values become what JSON would have: whole numbers of 64 bits are numbers if they are exact as such, times are ISO texts, lists
 * are arrays, structs are objects.
 *
 * @module
 */
import { MissingError, UsageError } from "#errors";
import type { AsyncBuffer, FileMetaData } from "hyparquet";
import { digestFile } from "../manifest/hash.ts";
import type { DataFile } from "./data_file.ts";
import type { JsonlRow, ReadOptions, Taker } from "./jsonl.ts";

/**
 * Calls `onRow` for each row of a Parquet file; a row's `line` is its number in the file, from 1.
 *
 * @returns the file's identity
 * @throws UsageError naming file and row group if something in it is damaged or cannot be a value
 * @throws MissingError if the file cannot be opened
 */
export async function readParquet(
  path: string,
  onRow: Taker<[row: JsonlRow]>,
  { label = path, signal }: Omit<ReadOptions, "stream"> = {},
): Promise<DataFile> {
  const [{ parquetMetadataAsync, parquetReadObjects }, { compressors }] = await Promise.all([
    import("hyparquet"),
    import("hyparquet-compressors"),
  ]);
  using opened = open(path, label);
  const damaged = (where: string, cause: unknown) =>
    new UsageError(
      `"${label}"${where} is damaged or not Parquet: ${cause instanceof Error ? cause.message : cause}`,
      "fetch the file again and compare its sha256 with the publisher's",
      { cause },
    );
  let metadata: FileMetaData;
  try {
    metadata = await parquetMetadataAsync(opened.buffer);
  } catch (cause) {
    throw damaged("", cause);
  }
  let line = 0;
  for (const [group, { num_rows }] of metadata.row_groups.entries()) {
    signal?.throwIfAborted();
    const rowStart = line, rowEnd = line + Number(num_rows);
    let rows: Record<string, unknown>[];
    try {
      rows = await parquetReadObjects({ file: opened.buffer, metadata, compressors, rowStart, rowEnd });
      if (rows.length !== rowEnd - rowStart) throw new Error(`it holds ${rows.length} rows`);
    } catch (cause) {
      throw damaged(` row group ${group + 1} (rows ${rowStart + 1} to ${rowEnd})`, cause);
    }
    for (const row of rows) {
      line++;
      const value: Record<string, unknown> = {};
      for (const [column, cell] of Object.entries(row)) {
        value[column] = plain(
          cell,
          () => `"${label}" row ${line} (row group ${group + 1}): column "${column}"`,
        );
      }
      const wait = onRow({ line, value });
      if (wait !== undefined) await wait;
    }
  }
  return { path: label, ...digestFile(path), rows: line };
}

/** What JSON would have in the place of a value of Parquet. */
function plain(value: unknown, place: () => string): unknown {
  if (value === undefined) return null;
  if (value === null || typeof value !== "object" && typeof value !== "bigint") return value;
  if (typeof value === "bigint") {
    const number = Number(value);
    if (Number.isSafeInteger(number)) return number;
    throw new UsageError(`${place()} holds ${value}, which no double is exactly`, "store it as a string");
  }
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map((one) => plain(one, place));
  if (ArrayBuffer.isView(value)) {
    throw new UsageError(`${place()} holds bytes that are no text`, "only text and numbers can be read");
  }
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, plain(one, place)]));
}

/** A file of which parts are read. */
function open(path: string, label: string): { readonly buffer: AsyncBuffer } & Disposable {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path);
  } catch (cause) {
    throw new MissingError(`cannot read "${label}"`, "check the path and its permissions", { cause });
  }
  const { size } = file.statSync();
  const slice = (start: number, end: number = size) => {
    const bytes = new Uint8Array(end - start);
    file.seekSync(start, Deno.SeekMode.Start);
    for (let at = 0; at < bytes.length;) {
      const read = file.readSync(bytes.subarray(at));
      if (read === null) throw new Error(`the file ends at byte ${start + at}, ${end} are needed`);
      at += read;
    }
    return bytes.buffer;
  };
  return { buffer: { byteLength: size, slice }, [Symbol.dispose]: () => file.close() };
}
