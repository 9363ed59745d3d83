/**
 * The tables of an evaluation as files: `report.md` for people, `report.csv` and `report.arrow` for programs.
 *
 * @module
 */
import { join } from "node:path";
import { failuresOf, renderFailures } from "../evals/failures.ts";
import { renderScores } from "../evals/report.ts";
import { scoreTable, tableArrow, tableCsv } from "../evals/report_table.ts";
import { readScores, type ScoreRecord } from "../evals/score_record.ts";
import { writeFileAtomic } from "../lib/journal/atomic.ts";

/** Writes the tables into the folder of an evaluation. */
export async function writeScoreReport(folder: string, scores: readonly ScoreRecord[]): Promise<void> {
  const table = scoreTable(scores), asked = scores.some(({ category }) => category === "general");
  const failures = asked ? failuresOf(folder, await readScores(folder)) : [];
  writeFileAtomic(join(folder, "report.md"), renderScores(scores, "markdown") + renderFailures(failures));
  writeFileAtomic(join(folder, "report.csv"), tableCsv(table));
  writeFileAtomic(join(folder, "report.arrow"), await tableArrow(table));
}
