/**
 * Options that several commands have, each defined once.
 *
 * @module
 */
import { Option } from "@commander-js/extra-typings";
import { DEVICES } from "../lib/manifest/names.ts";
import { nonBlank, oneOf, wholeNumber } from "./syntax.ts";

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
