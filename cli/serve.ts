/**
 * `grace-repro serve`: embeddings behind the HTTP interface of OpenAI, for programs that speak it already.
 *
 * @module
 */
import { type ExitCode, UsageError } from "#errors";
import { Option } from "@commander-js/extra-typings";
import { PRESETS } from "../lib/manifest/names.ts";
import type { CommandIo } from "./io.ts";
import { backboneOption, deviceOption, encoderOption, PRESET_RULE, seedOption } from "./options.ts";
import type { ServedModelOptions } from "./served_model.ts";
import { newCommand, nonBlank, oneOf, type Syntax, wholeNumber } from "./syntax.ts";

/** What was asked for, with which model is to be served. */
export interface ServeOptions extends ServedModelOptions {
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  /** Name of the model in requests; undefined for its own. */
  readonly name?: string | undefined;
  /** File with a key on each line. */
  readonly apiKeyFile?: string | undefined;
  /** Most texts in a batch, waiting, and in a request. */
  readonly maxBatch: number;
  readonly maxQueue: number;
  readonly maxTexts?: number | undefined;
  /** Most MiB of a request's body. */
  readonly maxBody: number;
}

const examples = [
  "grace-repro serve --backbone ./my-model",
  "grace-repro serve --run runs/tiny-0123456789ab --arm grace --port 9000",
  "grace-repro serve --encoder onnx:./all-MiniLM-L6-v2 --name minilm",
  "grace-repro serve --backbone ./my-model --host 0.0.0.0 --api-key-file keys.txt",
];

/** Syntax of the command; `onParsed` gets what was asked for. */
export function serveSyntax(onParsed: (options: ServeOptions) => void): Syntax {
  return newCommand("serve", "embeddings behind the HTTP interface of OpenAI", examples)
    .addOption(backboneOption())
    .addOption(
      new Option("--run <dir>", "arm of a run, with the run's settings and the weights that it trained")
        .argParser(nonBlank).conflicts(["encoder", "manifest", "preset", "rationale", "seed"]),
    )
    .addOption(new Option("--arm <name>", "which arm of the run").argParser(nonBlank))
    .addOption(encoderOption())
    .option("--manifest <file>", "grace.json with prompt, sampling and pooling, as for run", nonBlank)
    .option("--preset <name>", "settings to start from", oneOf(PRESETS))
    .option("--no-rationale", "embed texts as they are, without a rationale")
    .addOption(deviceOption())
    .addOption(seedOption())
    .optionsGroup("Server:")
    .option("--host <address>", "address to listen at", nonBlank, "127.0.0.1")
    .option("--port <n>", "port to listen at; 0 for any that is free", wholeNumber(0, 65_535), 8080)
    .option("--name <id>", "name of the model in requests (default: its own)", nonBlank)
    .option("--api-key-file <file>", "keys, one a line; every request needs one of them", nonBlank)
    .option("--max-batch <n>", "texts that are embedded together", wholeNumber(1), 64)
    .option(
      "--max-queue <n>",
      "texts that may wait; more are refused for the time being",
      wholeNumber(1),
      8192,
    )
    .option("--max-texts <n>", "texts of a request (default: 2048, or what may wait)", wholeNumber(1))
    .option("--max-body <MiB>", "size of a request", wholeNumber(1), 16)
    .addHelpText(
      "after",
      "\nPOST /v1/embeddings and GET /v1/models as OpenAI's; GET /health, GET /metrics.\n" +
        "The same text has the same embedding as from embed, to the last bit, whatever\n" +
        "else is asked at the time.\n\n" + PRESET_RULE,
    )
    .action(onParsed);
}

/** Serves until it is told to stop. */
export async function serveCommand(options: ServeOptions, io: CommandIo): Promise<ExitCode> {
  const { maxQueue, maxTexts } = options;
  if (options.arm !== undefined && options.run === undefined) {
    throw new UsageError(`--arm "${options.arm}" without --run`, "name the folder of the run with --run");
  }
  if (maxTexts !== undefined && maxTexts > maxQueue) {
    throw new UsageError(
      `--max-texts ${maxTexts} is more than the ${maxQueue} texts that may wait (--max-queue)`,
      "raise --max-queue: a request waits as a whole",
    );
  }
  const { serve } = await import("./serve_run.ts");
  return await serve(options, io);
}
