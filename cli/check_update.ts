/**
 * `check --update`: measures a model and writes the baseline, and says what changes in it.
 *
 * @module
 */
import { ExitCode } from "#errors";
import {
  type Baseline,
  baselineText,
  DEFAULT_TOLERANCE,
  type Tolerance,
} from "../evals/regression/baseline.ts";
import { checkScores } from "../evals/regression/check.ts";
import { makeBaseline, measuredDifferences, valueDifferences } from "../evals/regression/make_baseline.ts";
import { checkTable, renderCheck } from "../evals/regression/report.ts";
import { readTextIfThere } from "../lib/files.ts";
import { candidateOf } from "./check_candidate.ts";
import { loadBaseline, otherThanBaseline, recordsNote } from "./check_run.ts";
import { type CheckCommandOptions, settingsIn } from "./check.ts";
import type { CommandIo } from "./io.ts";
import { outputFile } from "./output_file.ts";
import { formatOf, printAs } from "./report_format.ts";
import { formatBytes } from "./table.ts";

/** Measures, writes, and prints what is other than it was. */
export async function updateBaseline(options: CheckCommandOptions, io: CommandIo): Promise<ExitCode> {
  const { baseline: path } = options, format = formatOf(options.format, io);
  const file = outputFile(path, "--update");
  // Read before anything is measured: what cannot be read is not replaced.
  const before = await loadBaseline(path);
  const anew = before === undefined || settingsIn(options).length > 0;
  const candidate = await candidateOf(options, anew ? undefined : { baseline: before, path }, io);
  const tolerance = toleranceOf(options, before?.tolerance ?? DEFAULT_TOLERANCE, candidate.scores);
  const baseline = makeBaseline(candidate.scores, candidate.measured, tolerance);
  const text = baselineText(baseline), unchanged = readTextIfThere(path) === text;
  if (!unchanged) file.write(text);
  const report = checkScores(before ?? baseline, candidate.scores, { exact: false });
  const differences = before === undefined ? [] : changesOf(before, baseline);
  const size = formatBytes(new TextEncoder().encode(text).length);
  const count = Object.keys(baseline.tasks).length;
  const what = before === undefined
    ? `Baseline "${path}" written: ${count} ${
      count === 1 ? "task" : "tasks"
    } of "${baseline.suite}", ${size}.`
    : unchanged
    ? `Baseline "${path}" is what it was, to the last bit.`
    : `Baseline "${path}" rewritten (${size}); below, what it was is called baseline.`;
  io.progress.end();
  await printAs(format, {
    people: (form) =>
      renderCheck(report, form, {
        heading: what,
        notes: [...otherThanBaseline(differences), recordsNote(candidate.folder)],
      }),
    table: () => checkTable(report),
    json: () => ({
      schema: "grace-check-update/1",
      baseline: path,
      folder: candidate.folder,
      written: !unchanged,
      before: before === undefined ? null : report,
      changes: differences,
    }),
  }, io);
  return ExitCode.success;
}

/** What the command line says, above what the file says; of tasks that are gone, nothing. */
function toleranceOf(
  { maxDrop, confidence }: CheckCommandOptions,
  { tasks, ...before }: Tolerance,
  scores: readonly { readonly record: { readonly task: string } }[],
): Tolerance {
  const known = new Set(scores.map(({ record }) => record.task));
  return {
    maxDropPoints: maxDrop ?? before.maxDropPoints,
    confidence: confidence ?? before.confidence,
    tasks: Object.fromEntries(Object.entries(tasks).filter(([task]) => known.has(task))),
  };
}

function changesOf(before: Baseline, now: Baseline): string[] {
  return [
    ...before.suite === now.suite ? [] : [`suite: "${before.suite}" -> "${now.suite}"`],
    ...measuredDifferences(before, now),
    ...valueDifferences({ ...before.tolerance }, { ...now.tolerance }, "tolerance."),
  ];
}
