/**
 * The files that a scored evaluation leaves: scores with their items, and the same in the forms of mteb and lm-eval.
 *
 * @module
 */
import { writeLmEvalResults } from "./general/lm_eval_json.ts";
import { writeMtebResults } from "./mteb/result_json.ts";
import { type LoadedScore, type ScoreRecord, writeScore } from "./score_record.ts";

/** Writes scores into the folder of an evaluation, each as it comes, and returns their records. */
export async function writeScores(
  folder: string,
  scores: Iterable<LoadedScore> | AsyncIterable<LoadedScore>,
): Promise<ScoreRecord[]> {
  const records: ScoreRecord[] = [], general: LoadedScore[] = [];
  for await (const score of scores) {
    const { record, items } = score;
    writeScore(folder, record, items);
    writeMtebResults(folder, record, items);
    records.push(record);
    if (record.category === "general") general.push(score);
  }
  writeLmEvalResults(folder, general);
  return records;
}
