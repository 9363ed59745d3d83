/**
 * `grace-repro eval`: evaluates one model on a suite and stores per-item scores.
 *
 * @module
 */
import { ExitCode } from "#errors";
import { type DeviceName, type Preset, PRESETS } from "../lib/manifest/names.ts";
import { openDevice } from "./device.ts";
import type { CommandIo } from "./io.ts";
import { backboneOption, dataRootOption, deviceOption, PRESET_RULE, seedOption } from "./options.ts";
import { dataRootOf, settingsOf } from "./settings.ts";
import { newCommand, oneOf, type Syntax } from "./syntax.ts";

/** What was asked for; what is undefined comes from the manifest or the preset. */
export interface EvalOptions {
  readonly backbone?: string | undefined;
  readonly manifest?: string | undefined;
  readonly preset?: Preset | undefined;
  readonly suite?: string | undefined;
  /** Whether the model writes a rationale before a text is embedded. */
  readonly rationale: boolean;
  readonly device?: DeviceName | undefined;
  readonly dataRoot?: string | undefined;
  readonly out?: string | undefined;
  readonly seed?: number | undefined;
}

const examples = [
  "grace-repro eval --backbone SmolLM2-135M-Instruct.Q4_1.gguf --data-root data --suite mini",
  "grace-repro eval --backbone ./run/arms/grace/checkpoints/step-000010 --suite mini --out scores/grace",
  "grace-repro eval --backbone ./my-model --suite mini --no-rationale --json",
];

/** Syntax of the command; `onParsed` gets what was asked for. */
export function evalSyntax(onParsed: (options: EvalOptions) => void): Syntax {
  return newCommand("eval", "evaluate one model on a suite and store the score of every item", examples)
    .addOption(backboneOption())
    .option("--manifest <file>", "grace.json: a preset and the settings that differ from it")
    .option("--preset <name>", "settings to start from, where there is no manifest", oneOf(PRESETS))
    .option("--suite <id>", "tasks to evaluate on")
    .option("--no-rationale", "embed texts as they are, without a rationale")
    .addOption(deviceOption())
    .addOption(dataRootOption())
    .option("--out <dir>", "folder for the records (default: one below scores/, named after model and suite)")
    .addOption(seedOption())
    .addHelpText("after", `\n${PRESET_RULE}\nThe same command continues an evaluation that was interrupted.`)
    .action(onParsed);
}

/** Evaluates and prints the scores. */
export async function evalCommand(options: EvalOptions, io: CommandIo): Promise<ExitCode> {
  const { evaluateModel } = await import("./evaluation.ts");
  const { renderScores } = await import("../evals/report.ts");
  const { resolved } = await settingsOf(options);
  const device = await openDevice(resolved.manifest.device, io.progress);
  try {
    const { folder, scores } = await evaluateModel({
      resolved,
      rationale: options.rationale,
      dataRoot: dataRootOf(options.dataRoot),
      out: options.out,
      device,
    }, io);
    io.progress.end();
    if (io.json) io.print(JSON.stringify({ schema: "grace-eval/1", folder, scores }));
    else io.print(`${renderScores(scores, "text")}\nEvery number above comes from the records in ${folder}`);
    return ExitCode.success;
  } finally {
    device.dispose();
  }
}
