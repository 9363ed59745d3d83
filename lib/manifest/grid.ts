/**
 * A grid of settings: the cells that their values span, each an ordinary manifest but for them.
 *
 * @module
 */
import { UsageError } from "#errors";
import { requireControls } from "./arms.ts";
import { canonicalJson } from "./canonical.ts";
import { type Leaf, leafPaths } from "./leaves.ts";
import type { Manifest } from "./schema.ts";
import { CONTROL_SETTINGS } from "./sections/controls.ts";
import { suggest } from "./suggest.ts";

/** Settings with the values that they take in turn, and the seeds that every cell is run with. */
export interface Grid {
  readonly settings: Readonly<Record<string, readonly Leaf[]>>;
  readonly seeds: readonly number[];
}

/** A value for each setting of a grid. */
export interface GridCell {
  /** Such as "reward.lambda1=0,reward.lambda2=0.5". */
  readonly name: string;
  readonly set: Readonly<Record<string, Leaf>>;
}

/** Settings that cells must have in common, and the option that sets them. */
const COMMON: Readonly<Record<string, string>> = {
  seed: "--seeds",
  suite: "--suite",
  arms: "--arms",
  fullArms: "--arms",
  device: "--device",
};

/**
 * Fails unless a grid can be run: its settings exist and may differ between cells, and no value is there twice.
 *
 * @throws {UsageError} naming the setting and the value
 */
export function requireGrid({ settings, seeds }: Grid): void {
  const known = leafPaths();
  for (const [path, values] of Object.entries(settings)) {
    const common = Object.hasOwn(COMMON, path) ? COMMON[path] : undefined;
    if (common !== undefined) {
      throw new UsageError(
        `"${path}" cannot be swept: it is ${path === "seed" ? "not of a cell" : "the same in all cells"}`,
        `use ${common}`,
      );
    }
    if (!known.includes(path)) {
      const near = suggest(path, known);
      throw new UsageError(
        `unknown setting "${path}"${near === undefined ? "" : `, did you mean "${near}"?`}`,
        "lib/manifest/grace.schema.json lists every setting",
      );
    }
    requireDistinct(`"${path}"`, values);
  }
  requireDistinct("the seeds", seeds);
}

function requireDistinct(what: string, values: readonly Leaf[]): void {
  if (values.length === 0) throw new UsageError(`there is no value for ${what}`, "name one or more");
  const texts = values.map((value) => canonicalJson(value));
  const twice = texts.find((text, i) => texts.indexOf(text) !== i);
  if (twice !== undefined) {
    throw new UsageError(`${twice} is there twice among the values for ${what}`, "name each value once");
  }
}

/** The cells of a grid, the last setting varying fastest. One without a name if nothing is swept but the seed. */
export function gridCells({ settings }: Grid): GridCell[] {
  let sets: Record<string, Leaf>[] = [{}];
  for (const [path, values] of Object.entries(settings)) {
    sets = sets.flatMap((set) => values.map((value) => ({ ...set, [path]: value })));
  }
  return sets.map((set) => ({ name: cellName(set), set }));
}

/** A value as it is typed. */
export function valueText(value: Leaf): string {
  return typeof value === "string" ? value : canonicalJson(value);
}

function cellName(set: Readonly<Record<string, Leaf>>): string {
  return Object.entries(set).map(([path, value]) => `${path}=${valueText(value)}`).join(",");
}

/**
 * Fails if no arm of a manifest reads a setting: all its cells would be the same run.
 *
 * @param value a value that the setting may have
 * @throws {UsageError} naming the setting
 */
export function requireRead(manifest: Manifest, path: string, value: Leaf): void {
  // What no control may set is common to all arms, and read by each.
  if (!CONTROL_SETTINGS.includes(path)) return;
  const reads = (arm: string) => {
    // A control that sets what its arm does not read is refused.
    const controls = { [PROBE]: { of: arm, set: { [path]: value } } } as Manifest["controls"];
    try {
      requireControls({
        ...manifest,
        controls: { ...manifest.controls, ...controls },
      }, String);
      return true;
    } catch (error) {
      if (error instanceof UsageError) return false;
      throw error;
    }
  };
  if (manifest.arms.some(reads)) return;
  throw new UsageError(
    `no arm of ${manifest.arms.join(", ")} reads "${path}": every cell would be the same`,
    "leave it out, or add an arm that reads it with --arms",
  );
}

/** Called like no control of a person's: it ends with a digest of nothing. */
const PROBE = "probe-e3b0c44298fc";

/**
 * Reads "reward.lambda1=0,0.3,0.7": numbers, true and false are themselves, anything else is text.
 *
 * @throws {UsageError} if it has another form
 */
export function parseSetting(text: string): readonly [path: string, values: readonly Leaf[]] {
  const [, path, list] = /^\s*([\w.]+)\s*=(.*)$/s.exec(text) ?? [];
  const values = list?.split(",").map((value) => value.trim());
  if (path === undefined || values === undefined || values.includes("")) {
    throw new UsageError(
      `"${text}" is no setting with values`,
      "write a setting, an equals sign and values with commas between them: reward.lambda1=0,0.3,0.7",
    );
  }
  return [path, values.map(parseValue)];
}

function parseValue(text: string): Leaf {
  if (!/^(true|false|-?\d.*)$/.test(text)) return text;
  try {
    return JSON.parse(text) as Leaf;
  } catch {
    return text;
  }
}
