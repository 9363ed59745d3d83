/**
 * Checked access to the columns of a data row: a value of the wrong type is an error that names the task, the
 * file, the row and the column, never an `undefined` further down.
 *
 * @module
 */
import { UsageError } from "#errors";
import type { JsonlRow } from "./jsonl.ts";
import { pythonStrip } from "./python_strip.ts";

/** Where a row comes from, for error messages. */
export interface RowSource {
  /** What the data are for, such as "STSBenchmark" or "supervised training". */
  readonly task: string;
  /** File name as it appears in records. */
  readonly file: string;
}

/** `STS12: "mteb/sts12-sts/test.jsonl" line 3`: what stands before that which is wrong with a row. */
export function placeOf(row: JsonlRow, { task, file }: RowSource): string {
  return `${task}: "${file}" ${file.endsWith(".parquet") ? "row" : "line"} ${row.line}`;
}

/** A string column. Empty strings are allowed. */
export function stringColumn(row: JsonlRow, column: string, source: RowSource): string {
  const value = row.value[column];
  return typeof value === "string" ? value : fail(row, column, source, "a string");
}

/** A string column that holds more than blanks. */
export function filledColumn(row: JsonlRow, column: string, source: RowSource): string {
  const text = stringColumn(row, column, source);
  return pythonStrip(text) === "" ? fail(row, column, source, "a text that is not blank") : text;
}

/** A column that names a row: a string that is not empty, or a whole number, which is read as one. */
export function idColumn(row: JsonlRow, column: string, source: RowSource): string {
  const value = row.value[column];
  return typeof value === "string" && value !== "" || Number.isSafeInteger(value)
    ? String(value)
    : fail(row, column, source, "an id (string or whole number)");
}

/** A finite number column. */
export function numberColumn(row: JsonlRow, column: string, source: RowSource): number {
  const value = row.value[column];
  return typeof value === "number" && Number.isFinite(value)
    ? value
    : fail(row, column, source, "a finite number");
}

/** A column of whole numbers in [min, max]. */
export function integerColumn(
  row: JsonlRow,
  column: string,
  source: RowSource,
  min: number,
  max: number,
): number {
  const value = numberColumn(row, column, source);
  return Number.isInteger(value) && value >= min && value <= max
    ? value
    : fail(row, column, source, `a whole number from ${min} to ${max}`);
}

/** A label column: string or whole number. */
export function labelColumn(row: JsonlRow, column: string, source: RowSource): string | number {
  const value = row.value[column];
  return typeof value === "string" || Number.isInteger(value)
    ? value as string | number
    : fail(row, column, source, "a label (string or whole number)");
}

/** A column that holds a list of strings, of a given length if one is named. */
export function stringListColumn(
  row: JsonlRow,
  column: string,
  source: RowSource,
  length?: number,
): readonly string[] {
  const value = row.value[column];
  const ok = Array.isArray(value) && value.every((v) => typeof v === "string") &&
    (length === undefined || value.length === length);
  return ok ? value : fail(row, column, source, `a list of ${length ?? "any number of"} strings`);
}

/** A column that holds a list of finite numbers, of a given length if one is named. */
export function numberListColumn(
  row: JsonlRow,
  column: string,
  source: RowSource,
  length?: number,
): readonly number[] {
  const value = row.value[column];
  const ok = Array.isArray(value) && value.every((v) => Number.isFinite(v)) &&
    (length === undefined || value.length === length);
  return ok ? value : fail(row, column, source, `a list of ${length ?? "any number of"} numbers`);
}

/** A column that holds a list of labels, strings or whole numbers, of a given length. */
export function labelListColumn(
  row: JsonlRow,
  column: string,
  source: RowSource,
  length: number,
): readonly (string | number)[] {
  const value = row.value[column];
  const ok = Array.isArray(value) && value.length === length &&
    value.every((v) => typeof v === "string" || Number.isInteger(v));
  return ok ? value : fail(row, column, source, `a list of ${length} labels (strings or whole numbers)`);
}

function fail(row: JsonlRow, column: string, source: RowSource, wanted: string): never {
  const found = column in row.value ? JSON.stringify(row.value[column]).slice(0, 60) : "no such column";
  throw new UsageError(
    `${placeOf(row, source)}: column "${column}" must be ${wanted}, found ${found}`,
    `columns of this row: ${
      Object.keys(row.value).join(", ") || "none"
    }; compare with the data set's own card`,
  );
}
