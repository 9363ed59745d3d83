/**
 * `grace-repro check`: whether a model has become worse than a baseline that is kept beside the code.
 *
 * @module
 */
import { ExitCode, UsageError } from "#errors";
import { Option } from "@commander-js/extra-typings";
import type { EvalOptions } from "./eval.ts";
import type { CommandIo } from "./io.ts";
import {
  backboneOption,
  dataRootOption,
  deviceOption,
  encoderOption,
  manifestOption,
  presetOption,
  rationalesOption,
  seedOption,
} from "./options.ts";
import { formatOption } from "./report_format.ts";
import { listOfNames, newCommand, nonBlank, numberWithin, type Syntax } from "./syntax.ts";

/** What was asked for, with what an evaluation is asked for; what is undefined is as the baseline says. */
export interface CheckCommandOptions extends Omit<EvalOptions, "list"> {
  /** File of a baseline, or folder of an evaluation. */
  readonly baseline: string;
  readonly update?: true | undefined;
  readonly exact?: true | undefined;
  /** Points that every task may lose. */
  readonly maxDrop?: number | undefined;
  readonly confidence?: number | undefined;
  /** File for a report in the form of JUnit. */
  readonly junit?: string | undefined;
}

const examples = [
  "grace-repro check --update baseline.json --backbone ./my-model --data-root data --suite mini",
  "grace-repro check baseline.json --backbone ./my-model --data-root data --junit report.xml",
  "grace-repro check baseline.json --encoder onnx:./my-encoder --data-root data --format markdown",
  "grace-repro check baseline.json --from scores/my-model --max-drop 0.5",
  "grace-repro check scores/trusted --backbone ./my-model --exact",
];

const WITH_UPDATE = "Settings of the measurement (with --update; a check takes those of the baseline):";

/** Syntax of the command; `onParsed` gets what was asked for. */
export function checkSyntax(onParsed: (options: CheckCommandOptions) => void): Syntax {
  return newCommand(
    "check",
    "fail if a model is worse than a baseline that is kept beside the code",
    examples,
  )
    .argument("<baseline>", "file that --update wrote, or folder of an evaluation", nonBlank)
    .addOption(backboneOption(false))
    .addOption(encoderOption())
    .addOption(
      new Option(
        "--from <dir>",
        "no model: the scores of an evaluation, or of an arm of a run; or embeddings made elsewhere",
      ).argParser(nonBlank).conflicts(["backbone", "encoder", "device"]),
    )
    .option("--update", "measure and write the baseline, and say what changes in it")
    .option(
      "--max-drop <points>",
      "what every task may lose (default: as the baseline says, or 1)",
      numberWithin(0, 100),
    )
    .option(
      "--confidence <share>",
      "of all intervals together, 0 to 0.99; 0: the drop alone decides (default: as the baseline says, or 0.95)",
      numberWithin(0, 0.99),
    )
    .addOption(
      new Option("--exact", "fail if any bit of a score, an item or an embedding differs").conflicts(
        "update",
      ),
    )
    .addOption(
      new Option("--junit <file>", "write a report that CI systems read").argParser(nonBlank).conflicts(
        "update",
      ),
    )
    .addOption(formatOption())
    .addOption(deviceOption())
    .addOption(dataRootOption())
    .option("--out <dir>", "folder for the records (default: one below scores/)", nonBlank)
    .addOption(rationalesOption())
    .optionsGroup(WITH_UPDATE)
    .option("--suite <id>", "tasks to measure on (eval --list shows all suites)")
    .option("--tasks <list>", "only these tasks", listOfNames())
    .option("--types <list>", "only tasks of these types", listOfNames())
    .option("--profile <id>", "whose numbers to reproduce (see eval)")
    .addOption(manifestOption())
    .addOption(presetOption())
    .option("--no-rationale", "embed texts as they are, without a rationale")
    .addOption(seedOption())
    .addHelpText("after", "\nThe same command continues a check that was interrupted.")
    .action((baseline, options) => onParsed({ ...options, baseline }));
}

/** Checks, or measures. */
export async function checkCommand(options: CheckCommandOptions, io: CommandIo): Promise<ExitCode> {
  const { backbone, encoder, from, manifest } = options;
  if ((backbone ?? encoder ?? from ?? (options.update ? manifest : undefined)) === undefined) {
    throw new UsageError(
      "nothing to check is named",
      "name a model with --backbone or --encoder, or an evaluation with --from",
    );
  }
  if (options.update) {
    const { updateBaseline } = await import("./check_update.ts");
    return await updateBaseline(options, io);
  }
  const fixed = settingsIn(options);
  if (fixed.length > 0) {
    throw new UsageError(
      `${fixed.join(", ")} without --update: a check is made with the settings of its baseline`,
      `leave ${fixed.length === 1 ? "it" : "them"} out, or measure anew with --update`,
    );
  }
  const { checkBaseline } = await import("./check_run.ts");
  return await checkBaseline(options, io);
}

/** Flags among the options that are settings of a measurement. */
export function settingsIn(options: CheckCommandOptions): string[] {
  const names = ["suite", "tasks", "types", "profile", "manifest", "preset", "seed"] as const;
  const given = names.filter((name) => options[name] !== undefined).map((name) => `--${name}`);
  return options.rationale ? given : [...given, "--no-rationale"];
}
