/**
 * Everything that is known of a setting, a section, a control of a preset, or a documented discrepancy: meaning, permitted values,
 * value in every preset and why, what reads it. All of it is read off the tables that define the presets.
 *
 * @module
 */
import { UsageError } from "#errors";
import { type Readers, readersOf } from "./arms.ts";
import { type PresetControl, presetControls } from "./controls.ts";
import { PROTOCOL_SETTINGS } from "./departures.ts";
import { type Defect, DEFECTS, DISCREPANCIES, type Discrepancy } from "./discrepancies.ts";
import { type Leaf, leafPaths, leavesOf, LOCATION_LEAVES } from "./leaves.ts";
import { type Preset, PRESETS } from "./names.ts";
import { numbersOf } from "./numbers.ts";
import { unknownKey } from "./parse.ts";
import { describePermitted, settingSchema } from "./permitted.ts";
import { presetManifest, sizeDepartures } from "./presets.ts";
import { type Rule, rulesAbout } from "./resolve.ts";
import type { Manifest } from "./schema.ts";
import { suggest } from "./suggest.ts";

type Kind = Manifest["data"]["kind"];

/** Value of a setting in a preset. */
export interface PresetValue {
  readonly preset: Preset;
  /** Kind of training data that it is for; null: both. */
  readonly kind: Kind | null;
  readonly value: Leaf;
  /** Why a preset of another size departs from `fixed`; null where it does not. */
  readonly why: string | null;
}

/** A setting. */
export interface SettingExplanation {
  readonly what: "setting";
  readonly path: string;
  readonly meaning: string;
  /** In words. */
  readonly permitted: string;
  /** What is asked of it together with other settings. */
  readonly rules: readonly Pick<Rule, "paths" | "says" | "cure">[];
  readonly presets: readonly PresetValue[];
  /** Why paper, released code and `fixed` have the values that they have; empty where the protocol says nothing. */
  readonly why: readonly string[];
  readonly numbers: readonly (Discrepancy | Defect)[];
  /** Null where it is the same for all arms, and no control can set it. */
  readonly readBy: Readers | null;
  /** Whether runs with other values are other runs; the content of what lies elsewhere is told by the lock. */
  readonly inIdentity: boolean;
}

/** A section: its settings in short. */
export interface SectionExplanation {
  readonly what: "section";
  readonly path: string;
  readonly meaning: string;
  readonly settings: readonly Pick<SettingExplanation, "path" | "meaning" | "permitted">[];
  /** Of the section `controls`: those of the presets. */
  readonly controls: readonly ControlExplanation[];
}

/** A control of presets. */
export interface ControlExplanation extends PresetControl {
  readonly what: "control";
  readonly path: string;
  readonly presets: readonly Preset[];
}

/** What a P or B number stands for. */
export interface NumberExplanation {
  readonly what: "number";
  readonly number: Discrepancy | Defect;
  /** Paths of the settings that are about it; often none. */
  readonly settings: readonly string[];
}

/** What {@linkcode explainKey} finds. */
export type Explanation = SettingExplanation | SectionExplanation | ControlExplanation | NumberExplanation;

/**
 * Explains a setting ("reward.lambda2"), a section ("reward"), a control of a preset ("controls.grace-plain") or a number ("P8").
 *
 * @throws {UsageError} if there is none of that name, with the nearest one
 */
export function explainKey(key: string): Explanation {
  if (leafPaths().includes(key)) return explainSetting(key);
  if (key === "controls" || settingSchema(key)?.properties) return explainSection(key);
  const numbers: readonly (Discrepancy | Defect)[] = [...DISCREPANCIES, ...DEFECTS];
  if (/^[pb]\d+$/i.test(key)) {
    const number = numbers.find(({ id }) => id === key.toUpperCase());
    if (number !== undefined) return explainNumber(number);
    throw new UsageError(
      `unknown number "${key}"`,
      `there are P1 to ${DISCREPANCIES.at(-1)!.id} and B1 to ${DEFECTS.at(-1)!.id}`,
    );
  }
  const controls = explainControls(), control = controls.find(({ path }) => path === key);
  if (control !== undefined) return control;
  const paths = controls.map(({ path }) => path);
  const near = key.startsWith("controls.") ? suggest(key, paths) : undefined;
  throw new UsageError(
    near === undefined ? unknownKey(key) : `unknown control "${key}", did you mean "${near}"?`,
    "grace-repro manifest show lists every setting",
  );
}

function explainSetting(path: string): SettingExplanation {
  const { description, ...schema } = settingSchema(path)!;
  const protocol = PROTOCOL_SETTINGS.filter((row) => row.path === path);
  return {
    what: "setting",
    path,
    meaning: description!,
    permitted: describePermitted(schema),
    rules: rulesAbout(path).map(({ paths, says, cure }) => ({ paths, says, cure })),
    presets: PRESETS.flatMap((preset) => valuesIn(preset, path)),
    why: [...new Set(protocol.map(({ why }) => why))],
    numbers: [...DISCREPANCIES, ...DEFECTS].filter(({ id }) => numbersOf(path).includes(id)),
    readBy: readersOf(presetManifest("fixed"), path) ?? null,
    inIdentity: path !== "preset" && !LOCATION_LEAVES.includes(path),
  };
}

/** One value, or one for each kind of training data where the preset tells them apart. */
function valuesIn(preset: Preset, path: string): PresetValue[] {
  const why = sizeDepartures(preset).find((row) => row.path === path)?.why ?? null;
  const valueFor = (kind: Kind) => leavesOf(presetManifest(preset, kind)).get(path)!;
  const value = valueFor("supervised"), other = valueFor("unsupervised");
  // The kind itself is not the preset's to tell apart.
  if (path === "data.kind" || JSON.stringify(value) === JSON.stringify(other)) {
    return [{ preset, kind: null, value, why }];
  }
  return [{ preset, kind: "supervised", value, why }, { preset, kind: "unsupervised", value: other, why }];
}

function explainSection(path: string): SectionExplanation {
  const { description, properties = {} } = settingSchema(path)!;
  return {
    what: "section",
    path,
    meaning: description!,
    settings: Object.entries(properties).map(([key, schema]) => ({
      path: `${path}.${key}`,
      meaning: schema.description!,
      permitted: describePermitted(schema),
    })),
    controls: path === "controls" ? explainControls() : [],
  };
}

/** All controls of the presets, for supervised data, each once. */
function explainControls(): ControlExplanation[] {
  const presetsWith = new Map<string, ControlExplanation & { presets: Preset[] }>();
  for (const preset of PRESETS) {
    for (const control of presetControls(preset, "supervised")) {
      const known = presetsWith.get(control.name);
      if (known) known.presets.push(preset);
      else {
        presetsWith.set(control.name, {
          what: "control",
          path: `controls.${control.name}`,
          ...control,
          presets: [preset],
        });
      }
    }
  }
  return [...presetsWith.values()];
}

function explainNumber(number: Discrepancy | Defect): NumberExplanation {
  return {
    what: "number",
    number,
    settings: leafPaths().filter((path) => numbersOf(path).includes(number.id)),
  };
}
