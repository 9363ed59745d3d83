/**
 * `grace-repro eval`: evaluates one model on a suite and stores per-item scores.
 *
 * @module
 */
import { ExitCode, UsageError } from "#errors";
import { Option } from "@commander-js/extra-typings";
import type { DeviceName, Preset } from "../lib/manifest/names.ts";
import { openDevice } from "./device.ts";
import type { EvaluationFrom } from "./eval_from.ts";
import type { EvaluationResult } from "./evaluation.ts";
import type { CommandIo } from "./io.ts";
import {
  backboneOption,
  dataRootOption,
  deviceOption,
  encoderOption,
  manifestOption,
  PRESET_RULE,
  presetOption,
  rationalesOption,
  seedOption,
} from "./options.ts";
import { formatOf, formatOption, printAs, type ReportFormat } from "./report_format.ts";
import { dataRootOf, evaluationSettings, noteUnusedDataRoot } from "./settings.ts";
import { listOfNames, newCommand, nonBlank, type Syntax } from "./syntax.ts";

/** What was asked for; what is undefined comes from the manifest or the preset. */
export interface EvalOptions {
  readonly backbone?: string | undefined;
  /** A sentence encoder in place of a backbone. */
  readonly encoder?: string | undefined;
  readonly manifest?: string | undefined;
  readonly preset?: Preset | undefined;
  readonly suite?: string | undefined;
  /** Tasks of the suite, or of MTEB. */
  readonly tasks?: readonly string[] | undefined;
  /** Types of tasks of the suite, or of MTEB. */
  readonly types?: readonly string[] | undefined;
  /** Whose numbers are reproduced. */
  readonly profile?: string | undefined;
  /** Stored outputs, or embeddings made elsewhere, in place of a model. */
  readonly from?: string | undefined;
  /** Show the tasks instead of evaluating. */
  readonly list?: true | undefined;
  /** Whether the model writes a rationale before a text is embedded. */
  readonly rationale: boolean;
  /** Rationales made elsewhere. */
  readonly rationales?: string | undefined;
  readonly device?: DeviceName | undefined;
  readonly dataRoot?: string | undefined;
  readonly out?: string | undefined;
  readonly seed?: number | undefined;
  readonly format?: ReportFormat | undefined;
}

/** The suite that `--list` shows where nothing is chosen. */
const LISTED = "mteb-eng-v1";

const examples = [
  "grace-repro eval --backbone SmolLM2-135M-Instruct.Q4_1.gguf --data-root data --suite mini",
  "grace-repro eval --backbone ./run/arms/grace/checkpoints/step-000010 --suite mini --out scores/grace",
  "grace-repro eval --backbone ./my-model --suite mini --no-rationale --json",
  "grace-repro eval --backbone ./my-model --data-root data --tasks STSBenchmark,SciFact --profile mteb-2",
  "grace-repro eval --encoder onnx:./all-MiniLM-L6-v2 --data-root data --types STS",
  "grace-repro eval --from scores/all-MiniLM-L6-v2-mteb-eng-v1-0123456789ab --data-root data",
  "grace-repro eval --from ./my-embeddings --data-root data --types STS",
  "grace-repro eval --list --suite mteb-eng-v1 --data-root data",
];

/** Syntax of the command; `onParsed` gets what was asked for. */
export function evalSyntax(onParsed: (options: EvalOptions) => void): Syntax {
  return newCommand("eval", "evaluate one model on a suite and store the score of every item", examples)
    .addOption(backboneOption())
    .addOption(encoderOption())
    .addOption(fromOption())
    .addOption(manifestOption())
    .addOption(presetOption())
    .option("--suite <id>", "tasks to evaluate on (--list shows all suites)")
    .option(
      "--tasks <list>",
      "only these tasks of the suite, or of MTEB where no suite is named",
      listOfNames(),
    )
    .option("--types <list>", "only tasks of these types, such as STS,Retrieval", listOfNames())
    .option(
      "--profile <id>",
      "whose numbers to reproduce: mteb-1.38.33 or mteb-2, +sklearn-1.2, 1.3, 1.4, 1.8, 1.9",
    )
    .option("--list", "show the tasks, their data sets and which of these are there, and evaluate nothing")
    .option("--no-rationale", "embed texts as they are, without a rationale")
    .addOption(rationalesOption())
    .addOption(deviceOption())
    .addOption(dataRootOption())
    .option(
      "--out <dir>",
      "folder for the records (default: one below scores/, named after model and suite)",
      nonBlank,
    )
    .addOption(seedOption())
    .addOption(formatOption())
    .addHelpText("after", `\n${PRESET_RULE}\nThe same command continues an evaluation that was interrupted.`)
    .action(onParsed);
}

/** What is stored was made by a model with settings of its own. */
const fromOption = () =>
  new Option(
    "--from <dir>",
    "no model: compute the scores of an evaluation again from what it stored, and compare; or score embeddings made elsewhere",
  ).argParser(nonBlank).conflicts([
    "backbone",
    "encoder",
    "manifest",
    "preset",
    "rationale",
    "device",
    "seed",
  ]);

/** Evaluates and prints the scores. */
export async function evalCommand(options: EvalOptions, io: CommandIo): Promise<ExitCode> {
  const { findSuite, suiteId } = await import("../evals/find_suite.ts");
  const format = formatOf(options.format, io);
  if (options.list) {
    const { printTasks } = await import("./list_tasks.ts");
    if (format !== "text" && format !== "json") {
      throw new UsageError(`--list together with --format ${format}`, "choose text or json");
    }
    const json = format === "json";
    await printTasks(suiteId(options, LISTED) ?? LISTED, dataRootOf(options.dataRoot), { ...io, json });
    return ExitCode.success;
  }
  const { from } = options;
  if (from !== undefined) {
    const { evaluateFrom } = await import("./eval_from.ts");
    const result = await evaluateFrom({ ...options, from, dataRoot: dataRootOf(options.dataRoot) }, io);
    await printScores(result, format, io);
    return result.exitCode;
  }
  const { evaluateEncoder, evaluateModel } = await import("./evaluation.ts");
  const { encoder, out } = options, dataRoot = dataRootOf(options.dataRoot);
  if (encoder !== undefined) {
    const suite = suiteId(options, LISTED);
    if (suite === undefined) {
      throw new UsageError("no suite is named", "name one with --suite, or choose with --tasks or --types");
    }
    if (findSuite(suite).embedded) noteUnusedDataRoot(options, suite, io);
    await printScores(await evaluateEncoder({ encoder, suite, dataRoot, out }, io), format, io);
    return ExitCode.success;
  }
  const { resolved } = await evaluationSettings(options);
  const { id, embedded } = findSuite(resolved.manifest.suite);
  if (embedded) noteUnusedDataRoot(options, id, io);
  const device = await openDevice(resolved.manifest.device, io.progress);
  try {
    const { rationale, rationales } = options;
    await printScores(
      await evaluateModel({ resolved, rationale, rationales, dataRoot, out, device }, io),
      format,
      io,
    );
    return ExitCode.success;
  } finally {
    device.dispose();
  }
}

async function printScores(
  result: EvaluationResult & Partial<EvaluationFrom>,
  format: ReportFormat,
  io: CommandIo,
): Promise<void> {
  const { folder, scores, differences, finding } = result;
  const { renderScores } = await import("../evals/report.ts");
  const { scoreTable } = await import("../evals/report_table.ts");
  const behind = `\nEvery number above comes from the records in ${folder}${
    finding == null ? "" : `\n\n${finding}`
  }`;
  io.progress.end();
  // A table for another program has nothing behind it.
  if (finding != null && (format === "csv" || format === "arrow")) io.progress.note(finding);
  await printAs(format, {
    people: (form) => renderScores(scores, form) + behind,
    table: () => scoreTable(scores),
    json: () => ({ schema: "grace-eval/1", folder, scores, ...differences == null ? {} : { differences } }),
  }, io);
}
