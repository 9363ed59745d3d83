/**
 * `grace-repro compare`: scores of two or more models side by side.
 *
 * @module
 */
import { basename, join } from "node:path";
import { ExitCode, MissingError } from "#errors";
import type { ArmFolder } from "../evals/compare.ts";
import { ARMS } from "../lib/manifest/names.ts";
import type { CommandIo } from "./io.ts";
import { newCommand, oneOf, type Syntax } from "./syntax.ts";

/** Values of `--format`. */
const formats = ["text", "markdown", "csv"] as const;

/** What was asked for. */
export interface CompareOptions {
  /** Folders of runs (all their arms are compared) or of evaluations. */
  readonly folders: readonly string[];
  /** Arm that the others are compared with; the first if undefined. */
  readonly base?: string | undefined;
  readonly format: typeof formats[number];
}

const examples = [
  "grace-repro compare scores/base scores/grace",
  "grace-repro compare runs/a runs/b --base a/base --format markdown",
  "grace-repro compare runs/a --json",
];

/** Syntax of the command; `onParsed` gets what was asked for. */
export function compareSyntax(onParsed: (options: CompareOptions) => void): Syntax {
  return newCommand("compare", "scores of two or more models side by side", examples)
    .argument("<folders...>", "folders of runs, of which all arms are compared, or of evaluations")
    .option("--base <name>", "what the others are compared with (default: the first)")
    .option("--format <name>", `form of the table: ${formats.join(", ")}`, oneOf(formats), "text")
    .action((folders, options) => onParsed({ ...options, folders }));
}

/** Prints a table of the tasks with a column for each arm. */
export async function compareCommand(options: CompareOptions, io: CommandIo): Promise<ExitCode> {
  const { compareFolders } = await import("../evals/compare.ts");
  const { renderComparison } = await import("../evals/report.ts");
  const comparison = await compareFolders(
    scoredFolders(options.folders),
    options.base === undefined ? {} : { base: options.base },
  );
  io.print(
    io.json
      ? JSON.stringify({ schema: "grace-compare/1", comparison })
      : renderComparison(comparison, options.format).trimEnd(),
  );
  return ExitCode.success;
}

/**
 * The folders with scores in what was named: a run has one for each arm. An arm of the only run is called by its name,
 * of one among several "<run>/<arm>"; an evaluation is called by the last part of its path.
 *
 * @throws MissingError if a folder is not there
 */
export function scoredFolders(folders: readonly string[]): ArmFolder[] {
  return folders.flatMap((folder) => {
    const name = basename(folder);
    const arms = armsOf(folder);
    if (arms.length === 0) return [{ name, folder }];
    return arms.map((arm) => ({
      name: folders.length === 1 ? arm : `${name}/${arm}`,
      folder: join(folder, "scores", arm),
    }));
  });
}

/** Arms that a run has scores of, in the order of the table; none for an evaluation, which has its scores there. */
function armsOf(folder: string): string[] {
  const arms: string[] = [];
  try {
    for (const entry of Deno.readDirSync(join(folder, "scores"))) {
      if (entry.isDirectory) arms.push(entry.name);
    }
  } catch (cause) {
    throw new MissingError(
      `"${folder}" holds no scores`,
      "name the folder of a run or of an evaluation",
      { cause },
    );
  }
  const rank = (arm: string) => (ARMS as readonly string[]).indexOf(arm) >>> 0;
  return arms.sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
}
