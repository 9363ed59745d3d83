/**
 * Scores of a run that another program made, compared by the values that both programs give: another one may write more fields, or
 * have another version of a scorer, and nobody has changed anything.
 *
 * @module
 */
import { jsonDifferences } from "../lib/journal/json_differences.ts";
import type { Checking } from "../lib/verify/check.ts";
import type { RunFiles } from "../lib/verify/run_files.ts";
import type { LoadedScore, ScoreRecord } from "./score_record.ts";

/** What of a score is compared. */
const FIELDS = [
  "content",
  "model",
  "main",
  "value",
  "stderr",
  "aggregate",
  "metrics",
  "counts",
] as const satisfies (
  keyof ScoreRecord
)[];

/** Problems that a file of items tells, at most. */
const TOLD = 5;

/**
 * Compares scores that were computed again with those of a folder.
 *
 * @param folder that of the evaluation, inside the run
 */
export function compareAcrossPrograms(
  files: RunFiles,
  folder: string,
  again: readonly LoadedScore[],
  it: Checking,
): void {
  const skipped: string[] = [];
  it.note("the run was made by another program: values that both give are compared, not bytes");
  for (const { record, items } of again) {
    const file = `${folder}/scores/${record.items.file.replace(/\.items\.jsonl$/, ".json")}`;
    const stored = JSON.parse(files.text(file)) as Partial<ScoreRecord> | null;
    if (stored?.scorer !== record.scorer) {
      skipped.push(`${record.task} (${stored?.scorer}, here ${record.scorer})`);
      continue;
    }
    for (const field of FIELDS) {
      for (const difference of jsonDifferences(stored[field], record[field], field)) {
        if (difference.left === undefined) continue;
        it.problem({ file, field: difference.path, stored: difference.left, found: difference.right });
      }
    }
    compareItems(files, `${folder}/scores/${record.items.file}`, items, it);
  }
  if (skipped.length === 0) return;
  it.notPossible(
    `scored by another version of the scorer, so verify them with the run's own program: ${
      skipped.join(", ")
    }`,
  );
}

function compareItems(files: RunFiles, file: string, again: LoadedScore["items"], it: Checking): void {
  const lines = files.text(file).split("\n").slice(0, -1);
  it.count(again.length);
  it.same({ file, field: "lines" }, lines.length, again.length);
  let told = 0;
  for (const [i, item] of again.entries()) {
    if (lines[i] === undefined || told === TOLD) return;
    // As JSON: what is written is what is compared.
    const differences = [...jsonDifferences(JSON.parse(lines[i]), JSON.parse(JSON.stringify(item)))];
    const first = differences.find(({ left }) => left !== undefined);
    if (first === undefined) continue;
    told++;
    it.problem({
      file,
      at: `line ${i + 1}, item ${JSON.stringify(item.id)}`,
      field: first.path,
      stored: first.left,
      found: first.right,
    });
  }
}
