/**
 * What differs between two resolved manifests, setting by setting.
 *
 * @module
 */
import { canonicalJson } from "./canonical.ts";
import { type Leaf, leafPaths, leavesOf } from "./leaves.ts";
import { numbersOf } from "./numbers.ts";
import type { ResolvedManifest } from "./resolve.ts";

/** A setting on which two manifests differ. */
export interface Difference {
  /** Path of the setting. */
  path: string;
  /** Its value and origin in the first manifest; null for a control that is not there. */
  left: { value: Leaf; source: string } | null;
  /** Its value and origin in the second manifest; null for a control that is not there. */
  right: { value: Leaf; source: string } | null;
  /** Numbers of the documented discrepancies that the setting is about; often none. */
  ids: readonly string[];
}

/** All settings and controls on which two resolved manifests differ: in the order of the schema, then by name. */
export function diffManifests(left: ResolvedManifest, right: ResolvedManifest): Difference[] {
  const [a, b] = [leavesOf(left.manifest), leavesOf(right.manifest)];
  const named = [...new Set([...a.keys(), ...b.keys()])].filter((path) => !leafPaths().includes(path)).sort();
  const text = (value: Leaf | undefined) => value === undefined ? undefined : canonicalJson(value);
  const differing = [...leafPaths(), ...named].filter((path) => text(a.get(path)) !== text(b.get(path)));
  const side = (leaves: Map<string, Leaf>, { provenance }: ResolvedManifest, path: string) =>
    leaves.has(path) ? { value: leaves.get(path)!, source: provenance[path]! } : null;
  return differing.map((path) => ({
    path,
    left: side(a, left, path),
    right: side(b, right, path),
    ids: numbersOf(path),
  }));
}

/** One line for a difference: `train.steps: 100 (preset smollm2-cpu) -> 10 (--steps)`. */
export function describeDifference({ path, left, right, ids }: Difference): string {
  const side = (one: Difference["left"]) =>
    one ? `${JSON.stringify(one.value)} (${one.source})` : "not there";
  return `${path}${ids.length > 0 ? ` [${ids.join(", ")}]` : ""}: ${side(left)} -> ${side(right)}`;
}
