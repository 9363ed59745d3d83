/**
 * `grace-repro compare`: scores of two or more runs side by side.
 *
 * @module
 */
import type { ExitCode } from "#errors";
import type { CommandIo } from "./io.ts";
import { newCommand, type Syntax } from "./syntax.ts";

/** What was asked for. */
export interface CompareOptions {
  /** Folders of runs or of scores; the first is what the others are compared with. At least two. */
  readonly folders: readonly string[];
}

const examples = [
  "grace-repro compare runs/base scores/grace",
  "grace-repro compare runs/a runs/b runs/c --json",
];

/** Syntax of the command; `onParsed` gets what was asked for. */
export function compareSyntax(onParsed: (options: CompareOptions) => void): Syntax {
  return newCommand("compare", "scores of two or more runs side by side", examples)
    .argument("<first>", "folder of a run or of its scores, which the others are compared with")
    .argument("<others...>", "folders of other runs")
    .action((first, others) => onParsed({ folders: [first, ...others] }));
}

/** Prints a table of the tasks with a column for each folder. */
export function compareCommand(_options: CompareOptions, _io: CommandIo): Promise<ExitCode> {
  return Promise.reject(new Error("not connected yet"));
}
