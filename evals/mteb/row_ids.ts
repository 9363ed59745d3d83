/**
 * The ids of a table, each of which may be there once.
 *
 * @module
 */
import { UsageError } from "#errors";
import { idColumn, type RowSource } from "../../lib/data/columns.ts";
import type { JsonlRow } from "../../lib/data/jsonl.ts";
import { StringIndex } from "../../lib/data/string_index.ts";

/** Reads the column `_id` of all rows of a table, in order, whose files may be several. */
export class RowIds {
  /** The ids so far. */
  readonly ids = new StringIndex();
  /** Each file with the number of rows before it. */
  readonly #files: { readonly file: string; readonly first: number }[] = [];

  /**
   * Takes the next row.
   *
   * @throws UsageError with task, file and row if it has no id, or that of an earlier one
   */
  take(row: JsonlRow, source: RowSource): string {
    const { task, file } = source, id = idColumn(row, "_id", source);
    if (this.#files.at(-1)?.file !== file) this.#files.push({ file, first: this.ids.size });
    const before = this.ids.push(id);
    if (before < 0) return id;
    const other = this.#files.findLast(({ first }) => first <= before)!;
    throw new UsageError(
      `${task}: "${file}" line ${row.line} has the id "${id}" of ` +
        `${other.file === file ? "" : `"${other.file}" `}line ${before - other.first + 1}`,
      "every row needs an id of its own; fetch the data set again",
    );
  }
}
