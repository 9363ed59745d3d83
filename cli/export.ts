/**
 * `grace-repro export`: a trained model, or a whole run, in a form that other programs read.
 *
 * @module
 */
import { ExitCode } from "#errors";
import type { CommandIo } from "./io.ts";
import { backboneHereOption, dataRootOption } from "./options.ts";
import { dataRootOf } from "./settings.ts";
import { newCommand, nonBlank, oneOf, type Syntax } from "./syntax.ts";
import { formatBytes } from "./table.ts";

/** Values of `--format`. */
export const EXPORT_FORMATS = ["hf", "sentence-transformers", "gguf", "ro-crate"] as const;

/** One of {@linkcode EXPORT_FORMATS}. */
export type ExportFormat = typeof EXPORT_FORMATS[number];

/** What was asked for. */
export interface ExportOptions {
  /** Folder of the run. */
  readonly folder: string;
  /** Arm or control; undefined for the formats that take the whole run. */
  readonly arm?: string | undefined;
  readonly format: ExportFormat;
  /** Folder to make. */
  readonly out: string;
  /** Where the backbone is here. */
  readonly backbone?: string | undefined;
  readonly dataRoot?: string | undefined;
}

const examples = [
  "grace-repro export runs/<run> --arm grace --out my-model",
  "grace-repro export runs/<run> --arm grace-plain --format sentence-transformers --out my-encoder",
  "grace-repro export runs/<run> --format ro-crate --out deposit",
];

const FORMATS = `Formats:
  hf                     Hugging Face folder with model card, lock and SHA-256 list
  sentence-transformers  the same for SentenceTransformer(path) of Python, which
                         embeds texts alone, without a rationale
  gguf                   one file for llama.cpp in F32, with model card
  ro-crate               the whole run as an RO-Crate (Process Run Crate), to deposit

The run is verified first, as far as it is exported; what does not verify is not
exported. Scores in the forms of mteb and lm-eval are in every run already:
scores/<arm>/results and scores/<arm>/lm_eval.`;

/** Syntax of the command; `onParsed` gets what was asked for. */
export function exportSyntax(onParsed: (options: ExportOptions) => void): Syntax {
  return newCommand("export", "hand on a trained model, or a whole run, in a form that others read", examples)
    .argument("<run>", "folder of a run")
    .option(
      "--arm <name>",
      "arm or control whose weights are exported; all formats but ro-crate need it",
      nonBlank,
    )
    .option("--format <name>", `what to write: ${EXPORT_FORMATS.join(", ")}`, oneOf(EXPORT_FORMATS), "hf")
    .requiredOption("--out <dir>", "folder to make; what is there is never overwritten", nonBlank)
    .addOption(backboneHereOption())
    .addOption(dataRootOption())
    .addHelpText("after", `\n${FORMATS}`)
    .action((folder, options) => onParsed({ ...options, folder }));
}

/** Exports, and prints what was written. */
export async function exportCommand(options: ExportOptions, io: CommandIo): Promise<ExitCode> {
  const { exportRun } = await import("./export_run.ts");
  const written = await exportRun({ ...options, dataRoot: dataRootOf(options.dataRoot) }, io);
  io.progress.end();
  if (io.json) io.print(JSON.stringify({ schema: "grace-export/1", ...written }));
  else {
    const { files, folder, format, remarks } = written,
      bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    io.print(`${folder}: ${format}, ${files.length} files, ${formatBytes(bytes)}`);
    for (const remark of remarks) io.print(remark);
  }
  return ExitCode.success;
}
