/**
 * `grace-repro sweep`: runs of a grid of settings and seeds, and one table of what each cell gives.
 *
 * @module
 */
import type { ExitCode } from "#errors";
import type { CommandIo } from "./io.ts";
import { dataRootOption, PRESET_RULE, withRunSettings } from "./options.ts";
import type { SettingOptions } from "./settings.ts";
import { listOfNames, newCommand, nonBlank, type Syntax, wholeNumber } from "./syntax.ts";

/** What was asked for; what is undefined comes from the file, the manifest or the preset. */
export interface SweepOptions extends SettingOptions {
  /** Settings with their values, such as "reward.lambda1=0,0.3". */
  readonly sweep: readonly string[];
  /** File with settings and seeds. */
  readonly file?: string | undefined;
  readonly seeds?: readonly string[] | undefined;
  /** Cell that the others are compared with; the first if undefined. */
  readonly base?: string | undefined;
  readonly maxRuns: number;
  /** Run nothing, and report what is there. */
  readonly reportOnly?: true | undefined;
  readonly dataRoot?: string | undefined;
  readonly out: string;
}

const examples = [
  "grace-repro sweep --set reward.lambda1=0,0.3,0.7 --set reward.lambda2=0,0.5 --seeds 1,2,3 --out sweeps/lambda",
  "grace-repro sweep --set advantage.estimator=grpo,rloo --arms base,grace --seeds 1,2 --out sweeps/estimator",
  "grace-repro sweep --file sweep.json --manifest grace.json --out sweeps/mine",
  "grace-repro sweep --report-only --base reward.lambda1=0,reward.lambda2=0 --out sweeps/lambda",
];

const RULES = `Every cell is an ordinary run in its own folder below --out, to be verified and compared
like any other. The same command continues a sweep that was interrupted, and runs no cell
again. A run that fails is told at the end, and the others go on; the exit code is then
that of the first failure. A file has the form {"set": {"reward.lambda1": [0, 0.3]}, "seeds": [1, 2]}.`;

/** Runs that are not too many to be started by a slip. */
const MOST_RUNS = 32;

/** Syntax of the command; `onParsed` gets what was asked for. */
export function sweepSyntax(onParsed: (options: SweepOptions) => void): Syntax {
  const command = newCommand("sweep", "runs of a grid of settings and seeds, and a table of them", examples);
  return withRunSettings(command)
    .option(
      "--set <setting=values>",
      "a setting and the values that it takes in turn; give it again for another setting",
      (text: string, before: readonly string[] = []) => [...before, nonBlank(text)],
    )
    .option("--file <file>", "settings and seeds in a file instead", nonBlank)
    .option(
      "--seeds <list>",
      "seeds that every cell is run with (default: the one of the settings)",
      listOfNames(),
    )
    .option(
      "--base <cell>",
      "what the others are compared with, such as setting=value,... (default: the first)",
    )
    .option("--max-runs <n>", "fail if there would be more", wholeNumber(1), MOST_RUNS)
    .option("--report-only", "run nothing: make the report anew from the runs in --out")
    .requiredOption("--out <dir>", "folder for the runs and the report", nonBlank)
    .addOption(dataRootOption())
    .addHelpText("after", `\n${PRESET_RULE}\n\n${RULES}`)
    .action(({ set, ...options }) => onParsed({ ...options, sweep: set ?? [] }));
}

/** Runs the cells that are not there yet, and prints the table. */
export async function sweepCommand(options: SweepOptions, io: CommandIo): Promise<ExitCode> {
  const { runSweep } = await import("./sweep_run.ts");
  return await runSweep(options, io);
}
