/**
 * `grace-repro embed`: texts in, rationale and vector of each out.
 *
 * @module
 */
import { ExitCode } from "#errors";
import { type DeviceName, type Preset, PRESETS } from "../lib/manifest/names.ts";
import type { Manifest } from "../lib/manifest/schema.ts";
import type { EmbeddedText } from "../lib/rollout/embed.ts";
import { inOrder } from "../lib/rollout/in_order.ts";
import { openDevice } from "./device.ts";
import type { CommandIo } from "./io.ts";
import { backboneOption, deviceOption, seedOption } from "./options.ts";
import { settingsOf } from "./settings.ts";
import { newCommand, nonBlank, oneOf, type Syntax } from "./syntax.ts";
import { oneLine } from "./table.ts";
import { readTexts } from "./texts.ts";

/** What was asked for; what is undefined comes from the manifest or the preset. */
export interface EmbedOptions {
  /** Texts of the command line; empty where `input` is given. */
  readonly texts: readonly string[];
  /** JSON Lines with a "text" in each, or "-" for stdin. */
  readonly input?: string | undefined;
  readonly backbone?: string | undefined;
  readonly manifest?: string | undefined;
  readonly preset?: Preset | undefined;
  /** Whether the model writes a rationale before a text is embedded. */
  readonly rationale: boolean;
  /** Whether results repeat the text. */
  readonly withText?: true | undefined;
  readonly device?: DeviceName | undefined;
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
    .option("--input <file>", 'JSON Lines with {"text": ...}, or - for stdin', nonBlank)
    .addOption(backboneOption())
    .option("--manifest <file>", "grace.json with prompt, sampling and pooling, as for run", nonBlank)
    .option("--preset <name>", "settings to start from", oneOf(PRESETS))
    .option("--no-rationale", "embed texts as they are, without a rationale")
    .option("--with-text", "repeat the text in the results")
    .addOption(deviceOption())
    .addOption(seedOption())
    .addHelpText("after", '\nWith --json, each line is {"text"?, "rationale", "embedding"}.')
    .action((texts, options) => onParsed({ ...options, texts }));
}

/** Embeds and prints one result a text, in order, each as soon as it and those before it are there. */
export async function embedCommand(options: EmbedOptions, io: CommandIo): Promise<ExitCode> {
  const texts = await readTexts(options.texts, options.input, io.signal);
  const { openBackbone } = await import("../lib/backbone/open.ts");
  const { requirePositions } = await import("../lib/manifest/positions.ts");
  const { embedTexts } = await import("../lib/rollout/embed.ts");
  const { evaluationEmbedding, loadModel } = await import("./model.ts");
  const { manifest } = (await settingsOf(options)).resolved;
  const reading = { rationale: options.rationale, templateSuffix: manifest.pooling.templateSuffix };
  const device = await openDevice(manifest.device, io.progress);
  try {
    const backbone = await openBackbone(manifest.backbone);
    requirePositions(manifest, backbone.config.maxPositions, options.rationale ? ["evaluation"] : []);
    const model = loadModel(device, backbone, manifest);
    let done = 0, tokens = 0;
    const printInOrder = inOrder<EmbeddedText>((result, i) =>
      io.print((io.json ? jsonLine : describe)(options.withText ? texts[i] : undefined, result, i))
    );
    // Results on a terminal show by themselves how far it is.
    const report = () => {
      if (io.columns !== undefined) return;
      io.progress.update({ task: "embed", done, total: texts.length, unit: "texts", tokens });
    };
    report();
    const results = await embedTexts(model.decoder, backbone, model.prompter, texts, {
      ...evaluationEmbedding(manifest, reading),
      signal: io.signal,
      onTokens: (count) => tokens += count,
      onDone: (index, result) => {
        printInOrder(index, result);
        done++;
        report();
      },
    });
    io.progress.end();
    for (const remark of losses(results, manifest)) io.progress.note(remark);
    model.free();
    backbone.close();
    return ExitCode.success;
  } finally {
    device.dispose();
  }
}

/** What was cut off, in sentences; nothing is ever shortened in silence. */
function losses(results: readonly EmbeddedText[], { prompt, evaluation }: Manifest): string[] {
  const total = (count: (result: EmbeddedText) => number) =>
    results.reduce((sum, result) => sum + count(result), 0);
  const texts = total((result) => Number(result.truncatedPrompt));
  const rationales = total((result) => result.truncatedRationales);
  return [
    ...(texts > 0
      ? [
        `${texts} of ${results.length} texts lost their end: prompt.promptTokens is ${prompt.promptTokens}`,
      ]
      : []),
    ...(rationales > 0
      ? [
        `${rationales} of ${
          total((result) => result.rationales.length)
        } rationales were cut off: evaluation.maxNewTokens is ${evaluation.maxNewTokens}`,
      ]
      : []),
  ];
}

/** A result for programs; all rationales are listed where there are several. */
function jsonLine(text: string | undefined, { rationales, embedding }: EmbeddedText): string {
  const written = { rationale: rationales[0] ?? null, ...(rationales.length > 1 && { rationales }) };
  return JSON.stringify({ ...(text !== undefined && { text }), ...written, embedding: [...embedding] });
}

/** A result for people: what was written, and the beginning of the vector. */
function describe(
  text: string | undefined,
  { rationales, embedding }: EmbeddedText,
  index: number,
): string {
  const norm = Math.hypot(...embedding);
  const head = [...embedding.subarray(0, 4)].map((value) => value.toFixed(4)).join(" ");
  return [
    `[${index + 1}]${text === undefined ? "" : ` ${oneLine(text)}`}`,
    ...rationales.map((rationale) => `rationale: ${oneLine(rationale)}`),
    `embedding: ${embedding.length} dimensions, norm ${norm.toFixed(4)}, begins ${head}`,
    "",
  ].join("\n");
}
