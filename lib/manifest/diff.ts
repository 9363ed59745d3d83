/**
 * What differs between two resolved manifests, setting by setting.
 *
 * @module
 */
import { PROTOCOL_DEPARTURES } from "./departures.ts";
import { type Leaf, leafPaths, leavesOf } from "./leaves.ts";
import type { ResolvedManifest } from "./resolve.ts";

/** A setting on which two manifests differ. */
export interface Difference {
  /** Path of the setting. */
  path: string;
  /** Its value and origin in the first manifest. */
  left: { value: Leaf; source: string };
  /** Its value and origin in the second manifest. */
  right: { value: Leaf; source: string };
  /** Numbers of the documented discrepancies that the setting is about; often none. */
  ids: readonly string[];
}

/** All settings on which two resolved manifests differ, in the order of the schema. */
export function diffManifests(left: ResolvedManifest, right: ResolvedManifest): Difference[] {
  const [a, b] = [leavesOf(left.manifest), leavesOf(right.manifest)];
  const differing = leafPaths().filter((path) => JSON.stringify(a.get(path)) !== JSON.stringify(b.get(path)));
  return differing.map((path) => ({
    path,
    left: { value: a.get(path)!, source: left.provenance[path]! },
    right: { value: b.get(path)!, source: right.provenance[path]! },
    ids: PROTOCOL_DEPARTURES.flatMap((row) => row.path === path ? row.ids : []),
  }));
}

/** One line for a difference: `train.steps: 100 (preset smollm2-cpu) -> 10 (--steps)`. */
export function describeDifference({ path, left, right, ids }: Difference): string {
  const side = ({ value, source }: Difference["left"]) => `${JSON.stringify(value)} (${source})`;
  return `${path}${ids.length > 0 ? ` [${ids.join(", ")}]` : ""}: ${side(left)} -> ${side(right)}`;
}
