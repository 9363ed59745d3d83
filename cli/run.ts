/**
 * `grace-repro run`: evaluates a backbone, trains it in each arm, evaluates again, and prints the comparison.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { ExitCode, UsageError } from "#errors";
import { ARMS, type DeviceName, type Preset, PRESETS } from "../lib/manifest/names.ts";
import { openDevice } from "./device.ts";
import type { CommandIo } from "./io.ts";
import { backboneOption, dataRootOption, deviceOption, PRESET_RULE, seedOption } from "./options.ts";
import { dataRootOf, noteUnusedDataRoot, settingsOf } from "./settings.ts";
import { listOfNames, newCommand, nonBlank, oneOf, type Syntax, wholeNumber } from "./syntax.ts";

/** What was asked for; what is undefined comes from the manifest or the preset. */
export interface RunOptions {
  readonly backbone?: string | undefined;
  readonly manifest?: string | undefined;
  readonly preset?: Preset | undefined;
  /** Names of arms and controls. */
  readonly arms?: readonly string[] | undefined;
  readonly full?: true | undefined;
  readonly suite?: string | undefined;
  readonly steps?: number | undefined;
  readonly device?: DeviceName | undefined;
  readonly dataRoot?: string | undefined;
  readonly out?: string | undefined;
  readonly seed?: number | undefined;
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
  return newCommand("run", "evaluate a backbone, train it in each arm, evaluate again, compare", examples)
    .addOption(backboneOption())
    .option("--manifest <file>", "grace.json: a preset and the settings that differ from it", nonBlank)
    .option("--preset <name>", "settings to start from, where there is no manifest", oneOf(PRESETS))
    .option("--arms <list>", `what to compare: ${ARMS.join(",")}, and names of controls`, listOfNames())
    .option("--full", "also the arms that the manifest lists as fullArms: in the presets, all controls")
    .option("--suite <id>", "tasks to evaluate on")
    .option("--steps <n>", "training steps of each arm", wholeNumber(1))
    .addOption(deviceOption())
    .addOption(dataRootOption())
    .option("--out <dir>", "folder to make the run's folder in", nonBlank)
    .addOption(seedOption())
    .option("--frozen", "fail instead of updating grace.lock.json")
    .addHelpText("after", `\n${PRESET_RULE}\nThe same command continues a run that was interrupted.`)
    .action(onParsed);
}

/** Does the whole run and prints the comparison. */
export async function runCommand(options: RunOptions, io: CommandIo): Promise<ExitCode> {
  const { runExperiment } = await import("./experiment.ts");
  const { resolved, intent } = await settingsOf(options);
  if (options.frozen && options.manifest === undefined) {
    throw new UsageError(
      "--frozen without --manifest",
      "name the grace.json whose grace.lock.json must not change",
    );
  }
  const { suite: suiteId, data } = resolved.manifest;
  const { isEmbedded } = await import("../lib/data/embedded.ts");
  const { findSuite } = await import("../evals/find_suite.ts");
  if (findSuite(suiteId).embedded && isEmbedded(data.train)) noteUnusedDataRoot(options, suiteId, io);
  const device = await openDevice(resolved.manifest.device, io.progress);
  try {
    const result = await runExperiment({
      resolved,
      intent,
      lockFile: options.manifest === undefined ? null : join(dirname(options.manifest), "grace.lock.json"),
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
