/**
 * `grace-repro eval --from`: scores without a model, from what an evaluation stored or from embeddings made elsewhere.
 *
 * @module
 */
import { ExitCode, MissingError, UsageError } from "#errors";
import { isGivenEmbeddings } from "../evals/given_embeddings.ts";
import { rescore, type Rescored } from "../evals/rescore.ts";
import type { ScoreDifference } from "../evals/score_differences.ts";
import { type SuiteChoice, suiteId } from "../evals/find_suite.ts";
import { writeScores } from "../evals/write_scores.ts";
import { isFolder } from "../lib/files.ts";
import { evaluateGiven, type EvaluationResult } from "./evaluation.ts";
import { takeFolder } from "./evaluation_folder.ts";
import type { CommandIo } from "./io.ts";
import { writeScoreReport } from "./score_report.ts";
import { layOut, oneLine } from "./table.ts";

/** What was asked for. */
export interface EvalFromOptions extends SuiteChoice {
  readonly from: string;
  readonly dataRoot?: string | undefined;
  readonly out?: string | undefined;
}

/** Longest text of a stored item that a table of differences shows. */
const SHOWN = 60;

/** A finished scoring, and whether it found what was stored. */
export interface EvaluationFrom extends EvaluationResult {
  readonly exitCode: ExitCode;
  /** Said beside the scores. */
  readonly finding: string | null;
  /** For machines; null if nothing was compared. */
  readonly differences: readonly ScoreDifference[] | null;
}

/** Scores a folder of either kind. */
export async function evaluateFrom(options: EvalFromOptions, io: CommandIo): Promise<EvaluationFrom> {
  const { from, dataRoot, out, suite, tasks, types, profile } = options;
  const choice = { suite, tasks, types, profile };
  if (isGivenEmbeddings(from)) {
    const id = suiteId(choice, "mteb-eng-v1");
    if (id === undefined) {
      throw new UsageError("no suite is named", "name one with --suite, or choose with --tasks or --types");
    }
    const result = await evaluateGiven({ from, suite: id, dataRoot, out }, io);
    return { ...result, exitCode: ExitCode.success, finding: null, differences: null };
  }
  if (!isFolder(from)) {
    throw new MissingError(`there is no folder "${from}"`, "name the folder of an evaluation");
  }
  const rescored = await rescore({ folder: from, choice, dataRoot });
  if (out !== undefined) await write(rescored, from, out, io);
  const { scores, differences } = rescored;
  return {
    folder: out ?? from,
    scores: scores.map(({ record }) => record),
    exitCode: differences === null || differences.length === 0 ? ExitCode.success : ExitCode.checkFailed,
    finding: finding(rescored),
    differences,
  };
}

async function write({ suite, scores }: Rescored, from: string, out: string, io: CommandIo): Promise<void> {
  const models = [...new Set(scores.map(({ record }) => record.model))];
  using taken = takeFolder(out, { suite: suite.id, models }, { from });
  io.progress.note(`${taken.continued ? "continuing" : "evaluation"} ${out}`);
  await writeScoreReport(out, await writeScores(out, scores));
}

function finding({ scores, differences }: Rescored): string | null {
  if (differences === null) return null;
  if (differences.length === 0) {
    return `The ${scores.length} stored scores are what the stored outputs give, to the last bit.`;
  }
  const show = (value: string | number | null) =>
    value === null ? "none" : oneLine(String(value)).slice(0, SHOWN);
  return [
    `The stored scores are not what the stored outputs give: ${differences.length} differences.`,
    "",
    ...layOut([
      ["task", "what", "stored", "scored again"],
      ...differences.map(({ task, what, stored, again }) => [task, what, show(stored), show(again)]),
    ]),
  ].join("\n");
}
