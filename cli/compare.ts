/**
 * `grace-repro compare`: scores of two or more models side by side.
 *
 * @module
 */
import { basename, join } from "node:path";
import { ExitCode, MissingError } from "#errors";
import type { ArmFolder } from "../evals/compare.ts";
import { isAbsent, readTextIfThere } from "../lib/files.ts";
import { RunDocument } from "../lib/journal/layout.ts";
import type { CommandIo } from "./io.ts";
import { formatOf, formatOption, printAs, REPORT_FORMATS } from "./report_format.ts";
import { newCommand, type Syntax } from "./syntax.ts";

/** What was asked for. */
export interface CompareOptions {
  /** Folders of runs (all their arms are compared) or of evaluations. */
  readonly folders: readonly string[];
  /** Arm that the others are compared with; the first if undefined. */
  readonly base?: string | undefined;
  readonly format?: typeof FORMATS[number] | undefined;
}

/** Values of `--format`. */
const FORMATS = [...REPORT_FORMATS, "html"] as const;

const examples = [
  "grace-repro compare scores/base scores/grace",
  "grace-repro compare runs/a runs/b --base a/base --format markdown",
  "grace-repro compare runs/a --json",
  "grace-repro compare runs/a runs/b --format html > compare.html",
];

/** Syntax of the command; `onParsed` gets what was asked for. */
export function compareSyntax(onParsed: (options: CompareOptions) => void): Syntax {
  return newCommand("compare", "scores of two or more models side by side", examples)
    .argument("<folders...>", "folders of runs, of which all arms are compared, or of evaluations")
    .option("--base <name>", "what the others are compared with (default: the first)")
    .addOption(formatOption(FORMATS))
    .action((folders, options) => onParsed({ ...options, folders }));
}

/** Prints a table of the tasks with a column for each arm, and the settings on which runs differ. */
export async function compareCommand(options: CompareOptions, io: CommandIo): Promise<ExitCode> {
  const { compareFolders } = await import("../evals/compare.ts");
  const { renderComparison } = await import("../evals/report.ts");
  const { comparisonTable } = await import("../evals/report_table.ts");
  const { folders, base } = options, format = formatOf(options.format, io);
  const scored = scoredFolders(folders);
  const comparison = await compareFolders(scored, base === undefined ? {} : { base });
  const { describeSettings, settingDifferences } = await import("./compared_settings.ts");
  const settings = settingDifferences(folders);
  if (format === "html") {
    const { renderComparePage } = await import("../evals/html/compare_page.ts");
    const { readScores } = await import("../evals/score_record.ts");
    const arms = await Promise.all(scored.map(async ({ name, folder }) => ({
      name,
      scores: (await readScores(folder)).map(({ record }) => record),
      failures: [],
    })));
    io.print(renderComparePage(comparison, arms, settings).trimEnd());
    return ExitCode.success;
  }
  const described = describeSettings(settings);
  await printAs(format, {
    people: (form) => renderComparison(comparison, form) + described.join("\n"),
    table: () => comparisonTable(comparison),
    json: () => ({ schema: "grace-compare/2", comparison, settings }),
  }, io);
  return ExitCode.success;
}

/**
 * The folders with scores in what was named: a run has one for each arm. An arm of the only run is called by its name,
 * of one among several "<run>/<arm>". Runs and evaluations are called by the last part of their path, or by the whole
 * path where two have that part in common.
 *
 * @throws MissingError if a folder is not there
 */
export function scoredFolders(folders: readonly string[]): ArmFolder[] {
  const lastParts = folders.map((folder) => basename(folder));
  const unique = new Set(lastParts).size === folders.length;
  return folders.flatMap((folder, i) => {
    const name = unique ? lastParts[i]! : folder;
    const arms = armsOf(folder);
    if (arms.length === 0) return [{ name, folder }];
    return arms.map((arm) => ({
      name: folders.length === 1 ? arm : `${name}/${arm}`,
      folder: join(folder, "scores", arm),
    }));
  });
}

/** Arms that a run has scores of, in the order of its manifest; none for an evaluation, which has its scores there. */
function armsOf(folder: string): string[] {
  const arms: string[] = [];
  try {
    for (const entry of Deno.readDirSync(join(folder, "scores"))) {
      if (entry.isDirectory) arms.push(entry.name);
    }
  } catch (cause) {
    const { message } = cause as Error;
    throw new MissingError(
      isAbsent(cause)
        ? `"${folder}" holds no scores`
        : `the scores in "${folder}" cannot be read: ${message}`,
      "name the folder of a run or of an evaluation",
      { cause },
    );
  }
  const order = arms.length > 0 ? orderOf(folder) : [];
  const rank = (arm: string) => order.indexOf(arm) >>> 0;
  return arms.sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
}

/** Arms of a run as its manifest lists them; none where the folder has no manifest, or a damaged one, which is told later. */
function orderOf(folder: string): readonly string[] {
  try {
    const { manifest } = JSON.parse(readTextIfThere(join(folder, RunDocument.resolved)) ?? "{}");
    return Array.isArray(manifest?.arms) ? manifest.arms : [];
  } catch {
    return [];
  }
}
