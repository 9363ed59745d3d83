/**
 * Options that several commands have, each defined once.
 *
 * @module
 */
import { type Command, Option } from "@commander-js/extra-typings";
import { ARMS, DEVICES, PRESETS } from "../lib/manifest/names.ts";
import { listOfNames, nonBlank, oneOf, wholeNumber } from "./syntax.ts";

/**
 * The model.
 *
 * @param standard whether the built-in one is taken where none is named
 */
export const backboneOption = (standard = true) =>
  new Option(
    "--backbone <id|path>",
    `model: tiny (built in${
      standard ? ", the default" : ""
    }), a Hugging Face folder, a GGUF file, or the id of one that was pulled`,
  ).argParser(nonBlank);

/** The model of a run that was made elsewhere. */
export const backboneHereOption = () =>
  new Option("--backbone <id|path>", "where the run's model is here, if not where its settings say")
    .argParser(nonBlank);

/** What a person wrote. */
export const manifestOption = () =>
  new Option("--manifest <file>", "grace.json: a preset and the settings that differ from it").argParser(
    nonBlank,
  );

/** What unset settings are taken from. */
export const presetOption = () =>
  new Option("--preset <name>", "settings to start from, where there is no manifest").argParser(
    oneOf(PRESETS),
  );

/** How the preset is chosen where none is named; stands below the options of every command that has them. */
export const PRESET_RULE = "Where neither --preset nor the manifest names one, the preset is that of the\n" +
  "run for a checkpoint in its run's folder, tiny for the built-in backbone, and\n" +
  "smollm2-cpu for any other.";

/** The engine. Without a default: what is not given must not replace what a manifest says. */
export const deviceOption = () =>
  new Option("--device <kind>", `engine to compute on: ${DEVICES.join(", ")}`).argParser(oneOf(DEVICES));

/** Where data sets are. */
export const dataRootOption = () =>
  new Option(
    "--data-root <dir>",
    "folder with the data sets that are not built in, laid out as <owner>/<name>/...",
  ).argParser(nonBlank);

/** Every random choice derives from it. */
export const seedOption = () =>
  new Option("--seed <n>", "seed of every random choice").argParser(wholeNumber(0));

/** Adds the options of a run that are settings, or say where those are: the `SettingOptions` of settings.ts. */
export const withRunSettings = (command: Command) =>
  command
    .addOption(backboneOption())
    .addOption(manifestOption())
    .addOption(presetOption())
    .option("--arms <list>", `what to compare: ${ARMS.join(",")}, and names of controls`, listOfNames())
    .option("--full", "also the arms that the manifest lists as fullArms: in the presets, all controls")
    .option("--suite <id>", "tasks to evaluate on: a suite, or <suite>:<task>,<task> (eval --list shows all)")
    .option("--steps <n>", "training steps of each arm", wholeNumber(1))
    .addOption(deviceOption())
    .addOption(seedOption());

/** Every change of the lock is refused. */
export const frozenOption = () => new Option("--frozen", "fail instead of updating grace.lock.json");

/** A model that embeds and does nothing else; everything that is a setting of a backbone says nothing to it. */
export const encoderOption = () =>
  new Option(
    "--encoder <onnx:dir>",
    "sentence encoder instead: a folder with an ONNX export of a sentence-transformers model, or a graph in it",
  ).conflicts(["backbone", "manifest", "preset", "rationale", "device", "seed"]);

/** The model writes none of its own. */
export const rationalesOption = () =>
  new Option(
    "--rationales <file>",
    "embed texts with these rationales: lines of {text, rationale}, or rationales.jsonl of another evaluation",
  ).argParser(nonBlank).conflicts(["rationale", "encoder", "from"]);
