/**
 * Every setting as it would be used: its value, where that came from, and what the presets have instead.
 *
 * @module
 */
import { diffManifests } from "./diff.ts";
import { type Leaf, leafPaths, leavesOf, LOCATION_LEAVES } from "./leaves.ts";
import { numbersOf } from "./numbers.ts";
import { presetManifest } from "./presets.ts";
import type { ResolvedManifest } from "./resolve.ts";
import type { Preset } from "./schema.ts";

/** Presets that settings are always compared with: the paper's text and its released code. */
export const PROTOCOLS = ["paper", "code"] as const satisfies readonly Preset[];

/** A setting, or a control. */
export interface SettingView {
  readonly path: string;
  readonly value: Leaf;
  /** Where the value came from: "preset fixed", a file, a flag. */
  readonly source: string;
  /** What presets have instead, by their names; null for a control that they do not have. Presets that agree are left out. */
  readonly instead: Readonly<Partial<Record<Preset, Leaf | null>>>;
  /** Numbers of the documented discrepancies that it is about; often none. */
  readonly ids: readonly string[];
}

/**
 * All settings in the order of the schema, then the controls by name, each compared with the manifest's own preset and with
 * {@linkcode PROTOCOLS}. With these, only what belongs to the method is compared: not what is evaluated and where things lie, of
 * which paper and code say nothing.
 */
export function viewSettings(resolved: ResolvedManifest): SettingView[] {
  const { manifest, provenance } = resolved, own = manifest.preset;
  const instead = new Map<string, Partial<Record<Preset, Leaf | null>>>();
  for (const preset of new Set<Preset>([own, ...PROTOCOLS])) {
    const other = { manifest: presetManifest(preset, manifest.data.kind), provenance: {} };
    for (const { path, left } of diffManifests(other, resolved)) {
      if (path === "preset" || preset !== own && !isMethod(path)) continue;
      instead.set(path, { ...instead.get(path), [preset]: left?.value ?? null });
    }
  }
  const leaves = leavesOf(manifest), paths = leafPaths();
  const named = [...leaves.keys()].filter((path) => !paths.includes(path)).sort();
  return [...paths, ...named].map((path) => ({
    path,
    value: leaves.get(path)!,
    source: provenance[path]!,
    instead: instead.get(path) ?? {},
    ids: numbersOf(path),
  }));
}

/** Whether a setting says how is trained and read, not what is compared and where it lies: the sections do. */
function isMethod(path: string): boolean {
  return path.includes(".") && !path.startsWith("controls.") && !LOCATION_LEAVES.includes(path);
}
