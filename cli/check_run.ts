/**
 * `check` without `--update`: compares a candidate with a baseline, and ends with 1 if it is worse.
 *
 * @module
 */
import { ExitCode, MissingError } from "#errors";
import { type Baseline, parseBaseline } from "../evals/regression/baseline.ts";
import { checkScores } from "../evals/regression/check.ts";
import { junitXml } from "../evals/regression/junit.ts";
import { makeBaseline, measuredDifferences, valueDifferences } from "../evals/regression/make_baseline.ts";
import { checkTable, renderCheck } from "../evals/regression/report.ts";
import { isFolder, readTextIfThere } from "../lib/files.ts";
import { type Candidate, candidateOf, stored } from "./check_candidate.ts";
import type { CheckCommandOptions } from "./check.ts";
import type { CommandIo } from "./io.ts";
import { outputFile } from "./output_file.ts";
import { formatOf, printAs } from "./report_format.ts";

/** Checks, prints and, where asked, writes the report for CI systems. */
export async function checkBaseline(options: CheckCommandOptions, io: CommandIo): Promise<ExitCode> {
  const { baseline: path, junit, maxDrop, confidence, exact } = options;
  const format = formatOf(options.format, io);
  const baseline = await loadBaseline(path);
  if (baseline === undefined) {
    throw new MissingError(
      `there is no baseline "${path}"`,
      `measure a model that you trust: grace-repro check --update ${path} --backbone <model> --suite <suite>`,
    );
  }
  const junitFile = junit === undefined ? undefined : outputFile(junit, "--junit");
  const candidate = await candidateOf(options, { baseline, path }, io);
  const report = checkScores(baseline, candidate.scores, {
    maxDropPoints: maxDrop,
    confidence,
    exact,
    refused: refusedSettings(baseline, candidate),
    embeddings: comparableEmbeddings(baseline, candidate),
  });
  junitFile?.write(junitXml(report, baseline.suite));
  const differences = measuredDifferences(baseline, candidate.measured);
  const { folder } = candidate;
  io.progress.end();
  await printAs(format, {
    people: (form) =>
      renderCheck(report, form, { notes: [...otherThanBaseline(differences), recordsNote(folder)] }),
    table: () => checkTable(report),
    json: () => ({
      schema: "grace-check/1",
      baseline: path,
      folder,
      ...report,
      otherThanBaseline: differences,
    }),
  }, io);
  return report.passed ? ExitCode.success : ExitCode.checkFailed;
}

/**
 * The baseline in a file, or that of the evaluation in a folder; undefined if there is neither.
 *
 * @throws UsageError if the file is none of this version, or was changed
 */
export async function loadBaseline(path: string): Promise<Baseline | undefined> {
  if (isFolder(path)) {
    const { scores, measured } = await stored(path);
    return makeBaseline(scores, measured);
  }
  const text = readTextIfThere(path)?.replace(/^\uFEFF/, "");
  return text === undefined ? undefined : parseBaseline(text, path);
}

/** Why scores cannot be compared although their tasks are the same: the texts were embedded in another way. */
export function refusedSettings({ settings }: Baseline, { measured }: Candidate): string[] {
  const kind = "kind", now = measured.settings;
  if (settings[kind] !== now[kind]) {
    return [`the baseline is of an ${settings[kind]}, this is of an ${now[kind]}`];
  }
  // How an encoder embeds is told by its folder: it is a part of the model that is checked.
  if (settings[kind] === "encoder") return [];
  return valueDifferences(settings, now, "settings.");
}

/** SHA-256 of the embeddings, if they are of the texts that those of the baseline are of. */
export function comparableEmbeddings(
  { suite }: Baseline,
  { scores, measured }: Candidate,
): string | null | undefined {
  return scores.every(({ record }) => record.suite === suite) ? measured.embeddings : undefined;
}

/** A note on what else differs; none where nothing does. */
export function otherThanBaseline(differences: readonly string[]): string[] {
  return differences.length === 0 ? [] : [["Other than for the baseline:", ...differences].join("\n- ")];
}

/** Where to look further. */
export function recordsNote(folder: string): string {
  return `Every score now comes from the records in ${folder}`;
}
