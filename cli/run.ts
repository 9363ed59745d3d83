/**
 * `grace-repro run`: evaluates a backbone, trains it in each arm, evaluates again, and prints the comparison.
 *
 * @module
 */
import { ExitCode } from "#errors";
import { openDevice } from "./device.ts";
import type { CommandIo } from "./io.ts";
import { dataRootOption, frozenOption, PRESET_RULE, withRunSettings } from "./options.ts";
import { dataRootOf, noteUnusedDataRoot, type SettingOptions, settingsOf } from "./settings.ts";
import { newCommand, nonBlank, type Syntax } from "./syntax.ts";

/** What was asked for; what is undefined comes from the manifest or the preset. */
export interface RunOptions extends SettingOptions {
  readonly dataRoot?: string | undefined;
  readonly out?: string | undefined;
  readonly frozen?: true | undefined;
}

const examples = [
  "grace-repro run",
  "grace-repro run --backbone SmolLM2-135M-Instruct.Q4_1.gguf --data-root data --suite mini --steps 10",
  "grace-repro run --manifest grace.json --frozen",
  "grace-repro run --arms base,reasoning-greedy,grace,grace-greedy --seed 2",
];

/** Syntax of the command; `onParsed` gets what was asked for. */
export function runSyntax(onParsed: (options: RunOptions) => void): Syntax {
  const command = newCommand(
    "run",
    "evaluate a backbone, train it in each arm, evaluate again, compare",
    examples,
  );
  return withRunSettings(command)
    .addOption(dataRootOption())
    .option("--out <dir>", "folder to make the run's folder in", nonBlank)
    .addOption(frozenOption())
    .addHelpText("after", `\n${PRESET_RULE}\nThe same command continues a run that was interrupted.`)
    .action(onParsed);
}

/** Does the whole run and prints the comparison. */
export async function runCommand(options: RunOptions, io: CommandIo): Promise<ExitCode> {
  const { runExperiment } = await import("./experiment.ts");
  const { lockFileOf } = await import("./lock_file.ts");
  const { resolved, intent } = await settingsOf(options);
  const lockFile = lockFileOf(options);
  const { suite: suiteId, data } = resolved.manifest;
  const { isEmbedded } = await import("../lib/data/embedded.ts");
  const { findSuite } = await import("../evals/find_suite.ts");
  if (findSuite(suiteId).embedded && isEmbedded(data.train)) noteUnusedDataRoot(options, suiteId, io);
  const device = await openDevice(resolved.manifest.device, io.progress);
  try {
    const result = await runExperiment({
      resolved,
      intent,
      lockFile,
      frozen: options.frozen ?? false,
      dataRoot: dataRootOf(options.dataRoot),
      out: options.out ?? "runs",
      device,
    }, io);
    io.progress.end();
    if (io.json) {
      const { text: _, ...machine } = result;
      io.print(JSON.stringify({ schema: "grace-run/2", ...machine }));
    } else io.print(`${result.text}\nEvery number above comes from the records in ${result.folder}`);
    return ExitCode.success;
  } finally {
    device.dispose();
  }
}
