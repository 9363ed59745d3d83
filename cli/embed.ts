/**
 * `grace-repro embed`: texts in, rationale and vector of each out.
 *
 * @module
 */
import type { ExitCode } from "#errors";
import { type DeviceName, type Preset, PRESETS } from "../lib/manifest/names.ts";
import { openDevice } from "./device.ts";
import type { CommandIo } from "./io.ts";
import { backboneOption, deviceOption, seedOption } from "./options.ts";
import { newCommand, oneOf, type Syntax } from "./syntax.ts";
import { readTexts } from "./texts.ts";

/** What was asked for; what is undefined comes from the preset. */
export interface EmbedOptions {
  /** Texts of the command line; empty where `input` is given. */
  readonly texts: readonly string[];
  /** JSON Lines with a "text" in each, or "-" for stdin. */
  readonly input?: string | undefined;
  readonly backbone?: string | undefined;
  readonly preset?: Preset | undefined;
  /** Whether the model writes a rationale before a text is embedded. */
  readonly rationale: boolean;
  /** Whether results repeat the text. */
  readonly withText?: true | undefined;
  readonly device: DeviceName;
  readonly seed?: number | undefined;
}

const examples = [
  'grace-repro embed --backbone ./my-model "How do plants make food?"',
  "grace-repro embed --backbone ./my-model --input texts.jsonl --json > vectors.jsonl",
  `printf '{"text": "a cat"}\\n' | grace-repro embed --backbone ./my-model --input - --json`,
];

/** Syntax of the command; `onParsed` gets what was asked for. */
export function embedSyntax(onParsed: (options: EmbedOptions) => void): Syntax {
  return newCommand("embed", "write a rationale about each text and embed both", examples)
    .argument("[text...]", "texts to embed")
    .option("--input <file>", 'JSON Lines with {"text": ...}, or - for stdin')
    .addOption(backboneOption())
    .option("--preset <name>", "prompt, sampling and pooling", oneOf(PRESETS))
    .option("--no-rationale", "embed texts as they are, without a rationale")
    .option("--with-text", "repeat the text in the results")
    .addOption(deviceOption())
    .addOption(seedOption())
    .addHelpText("after", '\nWith --json, each line is {"text"?, "rationale", "embedding"}.')
    .action((texts, options) => onParsed({ ...options, texts }));
}

/** Embeds and prints one result a text, in order. */
export async function embedCommand(options: EmbedOptions, io: CommandIo): Promise<ExitCode> {
  const _texts = await readTexts(options.texts, options.input, io.signal);
  const device = await openDevice(options.device);
  try {
    throw new Error("not connected yet");
  } finally {
    device.dispose();
  }
}
