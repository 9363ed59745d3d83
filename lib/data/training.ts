/**
 * Training data: supervised triplets and unsupervised texts, from a file or from a data set.
 *
 * As in the reference (`process_data.py`) texts are stripped of leading and trailing white space, and rows keep
 * their order. Unlike it, nothing is dropped: a row without a usable text is an error with its line number.
 *
 * @module
 */
import { MissingError, UsageError } from "#errors";
import { isThere } from "../files.ts";
import { type Repo, repoNamed } from "../hub/repo.ts";
import { placeOf, type RowSource, stringColumn } from "./columns.ts";
import type { JsonlRow, ReadOptions } from "./jsonl.ts";
import type { Mirror, Split } from "./mirror.ts";
import { pythonStrip } from "./python_strip.ts";
import { readRows } from "./rows.ts";

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

/** Which training data to read: a manifest's section `data`. */
export interface TrainingData {
  /** A file below the data root, or `datasets/<owner>/<name>[@<revision>]`. */
  readonly train: string;
  readonly kind: "supervised" | "unsupervised";
  /** Of a data set. */
  readonly split: string;
  /** Part of a data set that is kept in parts; empty for none. */
  readonly subset: string;
  /** What the columns are called there, in the order of {@linkcode TRAINING_COLUMNS}; empty if they have these names. */
  readonly columns: readonly string[];
}

/** Columns of each kind of training data. */
export const TRAINING_COLUMNS = {
  supervised: ["query", "positive", "negative"],
  unsupervised: ["text"],
} as const;

/** The data set that a text names as `pull` does; undefined if it is the path of a file. */
export function trainingDataSet(train: string): Repo | undefined {
  return /^datasets\//.test(train) && !/\.(jsonl|jsonl\.gz|parquet)$/.test(train)
    ? repoNamed(train)
    : undefined;
}

/**
 * Reads training data. A data set is looked for below the data root and then in the hub's cache; one that is pinned is read below the
 * data root only if the index there says that it is of this commit.
 *
 * @throws MissingError if the file, the data set or the split is not there
 * @throws UsageError naming file, row and column if a text is missing or blank, or if there is no row at all
 */
export async function loadTraining(
  mirror: Mirror,
  { train, kind, split, subset, columns }: TrainingData,
): Promise<Split<Triplet> | Split<TrainingText>> {
  const repo = trainingDataSet(train);
  if (repo === undefined) {
    const options = { label: train, columns }, path = fileOf(mirror, train);
    return kind === "supervised" ? await loadTriplets(path, options) : await loadTexts(path, options);
  }
  const { id, revision } = repo, at = mirror.at(revision);
  const source = revision === undefined || at.revisionOf(id) === revision ? at : at.withoutRoot();
  const read = <T>(parse: RowParser<T>) =>
    source.split(`${kind} training`, id, split, parse, subset === "" ? {} : { subset });
  return kind === "supervised" ? await read(tripletOf(columns)) : await read(textOf(columns));
}

/** Path of a training file, which is there. */
function fileOf(mirror: Mirror, train: string): string {
  const path = mirror.pathOf(train);
  if (!isThere(path)) {
    throw new MissingError(
      `there is no training file "${path}" (data.train in grace.json)`,
      "put it there, or name a data set that was pulled: datasets/<owner>/<name>",
    );
  }
  return path;
}

/** How a training file is read. */
export interface TrainingFileOptions extends Omit<ReadOptions, "stream"> {
  /** As in {@linkcode TrainingData}. */
  readonly columns?: readonly string[];
}

/**
 * Reads supervised triplets: {query, positive, negative}, non-empty strings, and optionally {source}, any string.
 *
 * @throws UsageError naming file, line and column if one is missing or blank, or if there is no row at all
 * @throws MissingError if the file cannot be opened
 */
export function loadTriplets(path: string, options: TrainingFileOptions = {}): Promise<Split<Triplet>> {
  return load(path, options, "supervised training", tripletOf(options.columns));
}

/**
 * Reads unsupervised texts: {text}, non-empty strings.
 *
 * @throws UsageError naming file and line if a text is missing or blank, or if there is no row at all
 * @throws MissingError if the file cannot be opened
 */
export function loadTexts(path: string, options: TrainingFileOptions = {}): Promise<Split<TrainingText>> {
  return load(path, options, "unsupervised training", textOf(options.columns));
}

type RowParser<T> = (row: JsonlRow, source: RowSource) => T;

function tripletOf(columns: readonly string[] = []): RowParser<Triplet> {
  const [query, positive, negative] = columns.length > 0 ? columns : TRAINING_COLUMNS.supervised;
  return (row, source) => ({
    query: textColumn(row, query!, source),
    positive: textColumn(row, positive!, source),
    negative: textColumn(row, negative!, source),
    source: "source" in row.value && !columns.includes("source")
      ? pythonStrip(stringColumn(row, "source", source))
      : "",
  });
}

function textOf(columns: readonly string[] = []): RowParser<TrainingText> {
  const [text] = columns.length > 0 ? columns : TRAINING_COLUMNS.unsupervised;
  return (row, source) => ({ text: textColumn(row, text!, source) });
}

async function load<T>(
  path: string,
  options: TrainingFileOptions,
  task: string,
  parse: RowParser<T>,
): Promise<Split<T>> {
  const rows: T[] = [];
  const source = { task, file: options.label ?? path };
  const file = await readRows(path, (row) => void rows.push(parse(row, source)), options);
  if (rows.length === 0) {
    throw new UsageError(`${task}: "${source.file}" holds no rows`, "name a file with at least one example");
  }
  return { rows, file };
}

function textColumn(row: JsonlRow, column: string, source: RowSource): string {
  if (!(column in row.value)) {
    throw new UsageError(
      `${placeOf(row, source)}: column "${column}" is not there`,
      `set data.columns in grace.json to the names that query, positive and negative, or text, have here; columns: ${
        Object.keys(row.value).join(", ") || "none"
      }`,
    );
  }
  const text = pythonStrip(stringColumn(row, column, source));
  if (text !== "") return text;
  throw new UsageError(
    `${placeOf(row, source)}: column "${column}" is blank`,
    "remove the row or fill in the text; rows are never dropped silently",
  );
}
