/**
 * `grace-repro explain`: what happens to one triplet: template, pooled tokens, rationale, and the reward's parts.
 *
 * @module
 */
import { ExitCode } from "#errors";
import { type DeviceName, type Preset, PRESETS } from "../lib/manifest/names.ts";
import { openDevice } from "./device.ts";
import type { CommandIo } from "./io.ts";
import { backboneOption, deviceOption, seedOption } from "./options.ts";
import { settingsOf } from "./settings.ts";
import { newCommand, nonBlank, oneOf, type Syntax } from "./syntax.ts";

/** What was asked for; what is undefined comes from the manifest or the preset. */
export interface ExplainOptions {
  readonly query: string;
  readonly positive: string;
  readonly negative: string;
  readonly backbone?: string | undefined;
  readonly manifest?: string | undefined;
  readonly preset?: Preset | undefined;
  readonly device?: DeviceName | undefined;
  readonly seed?: number | undefined;
}

const examples = [
  'grace-repro explain --backbone ./my-model --query "what do cats eat" --positive "Cats are carnivores." \\\n' +
  '      --negative "Dogs bark."',
  'grace-repro explain --backbone ./my-model --preset code --query "..." --positive "..." --negative "..." --json',
];

/** Syntax of the command; `onParsed` gets what was asked for. */
export function explainSyntax(onParsed: (options: ExplainOptions) => void): Syntax {
  return newCommand("explain", "show template, pooled tokens, rationales and reward of one triplet", examples)
    .requiredOption("--query <text>", "the query", nonBlank)
    .requiredOption("--positive <text>", "a text that answers it", nonBlank)
    .requiredOption("--negative <text>", "a text that does not", nonBlank)
    .addOption(backboneOption())
    .option("--manifest <file>", "grace.json with prompt, sampling, pooling and reward, as for run", nonBlank)
    .option("--preset <name>", "settings to start from", oneOf(PRESETS))
    .addOption(deviceOption())
    .addOption(seedOption())
    .action(onParsed);
}

/** Prints what happens to the triplet. */
export async function explainCommand(options: ExplainOptions, io: CommandIo): Promise<ExitCode> {
  const { openBackbone } = await import("../lib/backbone/open.ts");
  const { requirePositions } = await import("../lib/manifest/positions.ts");
  const { explainTriplet } = await import("./explanation.ts");
  const { renderExplanation } = await import("./explanation_text.ts");
  const { loadModel } = await import("./model.ts");
  const { manifest } = (await settingsOf(options)).resolved;
  const { query, positive, negative } = options;
  const device = await openDevice(manifest.device, io.progress);
  try {
    const backbone = await openBackbone(manifest.backbone);
    requirePositions(manifest, backbone.config.maxPositions, ["sampling"]);
    const model = loadModel(device, backbone, manifest);
    const triplet = { query, positive, negative, source: "command line" };
    const explanation = await explainTriplet(model, manifest, triplet);
    model.free();
    backbone.close();
    if (io.json) io.print(JSON.stringify({ schema: "grace-explain/1", ...explanation }));
    else for (const line of renderExplanation(explanation)) io.print(line);
    return ExitCode.success;
  } finally {
    device.dispose();
  }
}
