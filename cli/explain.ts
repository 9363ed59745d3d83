/**
 * `grace-repro explain`: what happens to one triplet: template, pooled tokens, rationale, and the reward's parts.
 *
 * @module
 */
import type { ExitCode } from "#errors";
import { type DeviceName, type Preset, PRESETS } from "../lib/manifest/names.ts";
import { openDevice } from "./device.ts";
import type { CommandIo } from "./io.ts";
import { backboneOption, deviceOption, seedOption } from "./options.ts";
import { newCommand, nonBlank, oneOf, type Syntax } from "./syntax.ts";

/** What was asked for; what is undefined comes from the preset. */
export interface ExplainOptions {
  readonly query: string;
  readonly positive: string;
  readonly negative: string;
  readonly backbone?: string | undefined;
  readonly preset?: Preset | undefined;
  readonly device: DeviceName;
  readonly seed?: number | undefined;
}

const examples = [
  'grace-repro explain --backbone ./my-model --query "what do cats eat" --positive "Cats are carnivores." \\\n' +
  '      --negative "Dogs bark."',
];

/** Syntax of the command; `onParsed` gets what was asked for. */
export function explainSyntax(onParsed: (options: ExplainOptions) => void): Syntax {
  return newCommand("explain", "show template, pooled tokens, rationales and reward of one triplet", examples)
    .requiredOption("--query <text>", "the query", nonBlank)
    .requiredOption("--positive <text>", "a text that answers it", nonBlank)
    .requiredOption("--negative <text>", "a text that does not", nonBlank)
    .addOption(backboneOption())
    .option("--preset <name>", "prompt, sampling, pooling and reward", oneOf(PRESETS))
    .addOption(deviceOption())
    .addOption(seedOption())
    .action(onParsed);
}

/** Prints what happens to the triplet. */
export async function explainCommand(options: ExplainOptions, _io: CommandIo): Promise<ExitCode> {
  const device = await openDevice(options.device);
  try {
    throw new Error("not connected yet");
  } finally {
    device.dispose();
  }
}
