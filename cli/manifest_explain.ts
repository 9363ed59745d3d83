/**
 * `manifest explain`: one setting, section, control or number in words.
 *
 * @module
 */
import { ExitCode } from "#errors";
import type { Defect, Discrepancy } from "../lib/manifest/discrepancies.ts";
import {
  type ControlExplanation,
  explainKey,
  type Explanation,
  type NumberExplanation,
  type PresetValue,
  type SectionExplanation,
  type SettingExplanation,
} from "../lib/manifest/explain.ts";
import type { CommandIo } from "./io.ts";
import { layOut } from "./table.ts";

/** Prints the explanation. */
export function explainManifest(key: string, io: CommandIo): ExitCode {
  const explanation = explainKey(key);
  io.print(
    io.json
      ? JSON.stringify({ schema: "grace-manifest-explain/1", ...explanation })
      : render(explanation).join("\n"),
  );
  return ExitCode.success;
}

function render(explanation: Explanation): string[] {
  switch (explanation.what) {
    case "setting":
      return renderSetting(explanation);
    case "section":
      return renderSection(explanation);
    case "control":
      return renderControl(explanation);
    case "number":
      return renderNumber(explanation);
  }
}

function renderSetting(setting: SettingExplanation): string[] {
  const { path, meaning, permitted, rules, presets, why, numbers } = setting;
  return [
    path,
    `  ${meaning}`,
    "",
    ...layOut([
      ["  permitted", permitted],
      ...rules.map(({ says, cure }) => ["  checked", `${says}: ${cure}`]),
      ["  read by", readers(setting)],
      ["  identity", identity(setting)],
    ]),
    "",
    ...layOut(presetRows(presets)),
    ...why.length === 0 ? [] : ["", ...why.map((reason) => `  ${reason}.`)],
    ...numbers.flatMap((number) => ["", ...describeNumber(number)]),
  ];
}

/** A line for each preset, or one where all have the same. */
function presetRows(values: readonly PresetValue[]): string[][] {
  const texts = values.map(({ value, why }) => JSON.stringify(value) + (why === null ? "" : ` (${why})`));
  if (new Set(texts).size === 1) return [["  every preset", texts[0]!]];
  return values.map(({ preset, kind }, i) => [`  ${preset}${kind === null ? "" : `, ${kind}`}`, texts[i]!]);
}

function readers({ readBy }: SettingExplanation): string {
  if (readBy === null) return "the whole run: it is the same for all arms, and no control can set it";
  const arms = readBy.arms.join(", ");
  return readBy.training
    ? `${arms}, and controls of these; where such an arm is trained, a control that sets it is trained by itself`
    : `${arms}, and controls of these, when texts are embedded for scores: a control that sets it needs no training`;
}

function identity({ inIdentity, path }: SettingExplanation): string {
  if (inIdentity) return "another value is another run, in a folder of its own";
  return path === "preset"
    ? "not part of it: only the values are, wherever they come from"
    : "not part of it: what lies there is, by its SHA-256 in the lock";
}

function renderSection({ path, meaning, settings, controls }: SectionExplanation): string[] {
  return [
    path,
    `  ${meaning}`,
    ...settings.flatMap(({ path, meaning, permitted }) => ["", `  ${path}: ${permitted}`, `    ${meaning}`]),
    ...controls.flatMap((control) => ["", ...renderControl(control).map((line) => `  ${line}`)]),
  ];
}

function renderControl({ path, of, rationale, set = {}, why, presets }: ControlExplanation): string[] {
  const changes = Object.entries(set).map(([path, value]) => `${path} = ${JSON.stringify(value)}`);
  const reading = rationale === undefined ? [] : [rationale ? "with rationales" : "without rationales"];
  return [
    path,
    ...layOut([
      ["  is", `${of}, ${[...reading, ...changes].join(", ")}`],
      ["  tells", why],
      ["  presets", presets.join(", ")],
    ]),
  ];
}

function renderNumber({ number, settings }: NumberExplanation): string[] {
  return [
    ...describeNumber(number),
    "",
    settings.length === 0 ? "  No setting is about it." : `  Settings: ${settings.join(", ")}`,
  ];
}

function describeNumber(number: Discrepancy | Defect): string[] {
  const rows = "defect" in number
    ? [["defect", number.defect], ["here", number.here]]
    : [["paper", number.paper], ["code", number.code], ["here", number.here]];
  return [
    "topic" in number ? `${number.id}: ${number.topic}` : number.id,
    ...layOut(rows.map(([name, text]) => [`  ${name}`, text!])),
  ];
}
