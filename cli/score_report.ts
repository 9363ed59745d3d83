/**
 * The tables of an evaluation as files: `report.md` for people, `report.csv` and `report.arrow` for programs.
 *
 * @module
 */
import { join } from "node:path";
import { renderScores } from "../evals/report.ts";
import { scoreTable, tableArrow, tableCsv } from "../evals/report_table.ts";
import type { ScoreRecord } from "../evals/score_record.ts";
import { writeFileAtomic } from "../lib/journal/atomic.ts";

/** Writes the tables into the folder of an evaluation. */
export async function writeScoreReport(folder: string, scores: readonly ScoreRecord[]): Promise<void> {
  const table = scoreTable(scores);
  writeFileAtomic(join(folder, "report.md"), renderScores(scores, "markdown"));
  writeFileAtomic(join(folder, "report.csv"), tableCsv(table));
  writeFileAtomic(join(folder, "report.arrow"), await tableArrow(table));
}
