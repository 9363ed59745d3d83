/**
 * A score on disk: `scores/<task>.json` with everything needed to quote and compare it, and
 * `scores/<task>.items.jsonl` with one line per item.
 *
 * @module
 */
import { MissingError, NumericError, UsageError } from "#errors";
import type { DataFile } from "../lib/data/data_file.ts";
import { namesIfThere } from "../lib/files.ts";
import { sha256Hex } from "../lib/manifest/hash.ts";
import { writeFileAtomic } from "../lib/journal/atomic.ts";
import type { Category } from "./category.ts";
import type { Aggregate, ScoredItem } from "./score.ts";

/** Schema of the files. */
export const SCORE_SCHEMA = "grace-score/1";

/** One task's score of one model. Fractions, not percent. */
export interface ScoreRecord {
  readonly schema: typeof SCORE_SCHEMA;
  readonly suite: string;
  /** Name under which the score is shown: a slice's name for a slice. */
  readonly task: string;
  readonly baseTask: string;
  readonly category: Category;
  /** Whether the task is one that comes with the program, and not a benchmark's. */
  readonly embedded?: boolean;
  /** Main metric and its value. */
  readonly main: string;
  readonly value: number;
  /** Standard error of the value over items ({@linkcode standardErrorOfItems}); null where there is none. */
  readonly stderr: number | null;
  readonly aggregate: Aggregate;
  readonly metrics: Readonly<Record<string, number>>;
  readonly counts: Readonly<Record<string, number>>;
  readonly warnings: readonly string[];
  /** Version of the scorer. */
  readonly scorer: string;
  /** SHA-256 of the scored rows, in order. */
  readonly content: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly files: readonly DataFile[];
  /** Digest of the encoder or generator. */
  readonly model: string;
  /** Name, rows and SHA-256 of the file of items. */
  readonly items: { readonly file: string; readonly rows: number; readonly sha256: string };
}

/** A score with its items. */
export interface LoadedScore {
  readonly record: ScoreRecord;
  readonly items: readonly ScoredItem[];
}

/** Two scores may be compared if and only if these are equal: same task, scorer and rows. */
export function comparisonKey(record: Pick<ScoreRecord, "task" | "scorer" | "content">): string {
  return `${record.task} ${record.scorer} ${record.content}`;
}

/**
 * The record of a score and its items, as it is written.
 *
 * @throws NumericError if a metric is not finite
 */
export function scoreRecord(
  score: Omit<ScoreRecord, "schema" | "items">,
  items: readonly ScoredItem[],
): ScoreRecord {
  for (const [name, value] of Object.entries(score.metrics)) {
    if (!Number.isFinite(value)) {
      throw new NumericError(
        `${score.task}: ${name} is ${value}`,
        "look at the stored embeddings: the model gives degenerate values",
      );
    }
  }
  const file = `${fileName(score.task)}.items.jsonl`;
  return {
    schema: SCORE_SCHEMA,
    ...score,
    items: { file, rows: items.length, sha256: sha256Hex(itemLines(items)) },
  };
}

/** Writes a score and its items; each file appears whole or not at all. */
export function writeScore(folder: string, record: ScoreRecord, items: readonly ScoredItem[]): void {
  const scores = `${folder}/scores`;
  Deno.mkdirSync(scores, { recursive: true });
  writeFileAtomic(`${scores}/${record.items.file}`, itemLines(items));
  writeFileAtomic(`${scores}/${fileName(record.task)}.json`, JSON.stringify(record, null, 2) + "\n");
}

function fileName(task: string): string {
  return task.replace(/[^\w.-]+/g, "_").replace(/_$/, "");
}

function itemLines(items: readonly ScoredItem[]): string {
  return items.map((item) => JSON.stringify(item) + "\n").join("");
}

/**
 * Reads all scores of a folder, ordered by task name.
 *
 * @throws MissingError if there are none
 * @throws UsageError if a file is not a score, or its items were changed
 */
export async function readScores(folder: string): Promise<LoadedScore[]> {
  const scores = `${folder}/scores`;
  const names = namesOf(scores);
  if (names.length === 0) {
    throw new MissingError(`no scores in "${scores}"`, "evaluate a model into this folder first");
  }
  return await Promise.all(names.map((name) => readScore(scores, name)));
}

/** The scores of a folder that can be read and belong to their items; those that a kill or a hand left broken are left out. */
export async function readableScores(folder: string): Promise<LoadedScore[]> {
  const scores = `${folder}/scores`;
  const read = await Promise.allSettled(namesOf(scores).map((name) => readScore(scores, name)));
  return read.flatMap((result) => result.status === "fulfilled" ? [result.value] : []);
}

/** Files of scores, in order; none if there is no folder. */
function namesOf(scores: string): string[] {
  return namesIfThere(scores).filter((name) => name.endsWith(".json")).sort();
}

async function readScore(scores: string, name: string): Promise<LoadedScore> {
  const broken = (what: string, cause?: unknown) =>
    new UsageError(
      `"${scores}/${name}" ${what}`,
      "give the command again that made its folder: scores are made anew from the records",
      { cause },
    );
  let record: ScoreRecord, lines: string;
  try {
    record = JSON.parse(await Deno.readTextFile(`${scores}/${name}`));
    if (record.schema !== SCORE_SCHEMA) throw new Error(`schema "${record.schema}"`);
    lines = await Deno.readTextFile(`${scores}/${record.items.file}`);
  } catch (cause) {
    throw broken(`is not a score with its items: ${(cause as Error).message}`, cause);
  }
  if (sha256Hex(lines) !== record.items.sha256) throw broken("does not belong to its file of items");
  return { record, items: lines.split("\n").filter(Boolean).map((line) => JSON.parse(line)) };
}
