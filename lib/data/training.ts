/**
 * Training data: supervised triplets and unsupervised texts, one JSON object a line.
 *
 * As in the reference (`process_data.py`) texts are stripped of leading and trailing white space, and rows keep
 * their order. Unlike it, nothing is dropped: a row without a usable text is an error with its line number.
 *
 * @module
 */
import { UsageError } from "#errors";
import { type RowSource, stringColumn } from "./columns.ts";
import { type JsonlRow, readJsonl, type ReadOptions } from "./jsonl.ts";
import type { Split } from "./mirror.ts";
import { pythonStrip } from "./python_strip.ts";

/** A query with one text that answers it and one that does not. */
export interface Triplet {
  readonly query: string;
  readonly positive: string;
  readonly negative: string;
  /** Name of the set that the triplet was taken from; empty if the data do not say. */
  readonly source: string;
}

/** A training text without labels. */
export interface TrainingText {
  readonly text: string;
}

/**
 * Reads supervised triplets: {query, positive, negative}, non-empty strings, and optionally {source}, any string.
 *
 * @throws UsageError naming file, line and column if one is missing or blank, or if there is no row at all
 * @throws MissingError if the file cannot be opened
 */
export function loadTriplets(path: string, options: ReadOptions = {}): Promise<Split<Triplet>> {
  return load(path, options, "supervised training", (row, source) => ({
    query: textColumn(row, "query", source),
    positive: textColumn(row, "positive", source),
    negative: textColumn(row, "negative", source),
    source: "source" in row.value ? pythonStrip(stringColumn(row, "source", source)) : "",
  }));
}

/**
 * Reads unsupervised texts: {text}, non-empty strings.
 *
 * @throws UsageError naming file and line if a text is missing or blank, or if there is no row at all
 * @throws MissingError if the file cannot be opened
 */
export function loadTexts(path: string, options: ReadOptions = {}): Promise<Split<TrainingText>> {
  return load(
    path,
    options,
    "unsupervised training",
    (row, source) => ({ text: textColumn(row, "text", source) }),
  );
}

async function load<T>(
  path: string,
  options: ReadOptions,
  task: string,
  parse: (row: JsonlRow, source: RowSource) => T,
): Promise<Split<T>> {
  const rows: T[] = [];
  const source = { task, file: options.label ?? path };
  const file = await readJsonl(path, (row) => rows.push(parse(row, source)), options);
  if (rows.length === 0) {
    throw new UsageError(`${task}: "${source.file}" holds no rows`, "name a file with at least one example");
  }
  return { rows, file };
}

function textColumn(row: JsonlRow, column: string, source: RowSource): string {
  const text = pythonStrip(stringColumn(row, column, source));
  if (text !== "") return text;
  throw new UsageError(
    `${source.task}: "${source.file}" line ${row.line}: column "${column}" is blank`,
    "remove the row or fill in the text; rows are never dropped silently",
  );
}
