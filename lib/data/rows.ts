/**
 * Rows of a data file, whatever its format: JSON Lines, packed or not, or Parquet.
 *
 * @module
 */
import type { DataFile } from "./data_file.ts";
import { type JsonlRow, readJsonl, type ReadOptions, type Taker } from "./jsonl.ts";

/**
 * Calls `onRow` for each row of a file, in order: Parquet if its name ends in `.parquet`, otherwise JSON Lines.
 *
 * @throws UsageError naming file and row, or row group, if the file is damaged
 * @throws MissingError if it cannot be opened
 */
export async function readRows(
  path: string,
  onRow: Taker<[row: JsonlRow]>,
  options: Omit<ReadOptions, "stream"> = {},
): Promise<DataFile> {
  if (!path.endsWith(".parquet")) return await readJsonl(path, onRow, options);
  // The library is loaded only where there is something to read with it.
  const { readParquet } = await import("./parquet.ts");
  return await readParquet(path, onRow, options);
}
