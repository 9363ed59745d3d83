/**
 * The leaves of a manifest by path ("train.steps"): what provenance, diff and flags speak about.
 *
 * @module
 */
import { z } from "zod";
import { type Manifest, manifestSchema } from "./schema.ts";
import type { Control } from "./sections/controls.ts";

/** A setting: text, number, truth value, a list of texts, or a whole control. */
export type Leaf = string | number | boolean | readonly string[] | Control;

/** The section whose entries are leaves, each a control with a name of its own, which may hold dots. */
const NAMED = "controls.";

/** Every setting of a manifest (or of a part of one) by its dotted path, in the order of its keys. */
export function leavesOf(manifest: object): Map<string, Leaf> {
  const leaves = new Map<string, Leaf>();
  const visit = (value: object, prefix: string) => {
    for (const [key, entry] of Object.entries(value)) {
      if (entry === undefined) continue;
      if (isSection(entry) && prefix !== NAMED) visit(entry, `${prefix}${key}.`);
      else leaves.set(prefix + key, entry as Leaf);
    }
  };
  visit(manifest, "");
  return leaves;
}

/** Builds the nested object that {@linkcode leavesOf} takes apart. */
export function fromLeaves(leaves: Iterable<readonly [string, unknown]>): Record<string, unknown> {
  const root: Record<string, unknown> = {};
  for (const [path, value] of leaves) {
    const keys = path.startsWith(NAMED) ? ["controls", path.slice(NAMED.length)] : path.split(".");
    let section = root;
    for (const key of keys.slice(0, -1)) section = (section[key] ??= {}) as Record<string, unknown>;
    section[keys.at(-1)!] = value;
  }
  return root;
}

/** Paths of all settings that exist, in the order of the schema; controls, whose names are free, are not among them. */
export function leafPaths(): string[] {
  const paths: string[] = [];
  for (const [key, schema] of Object.entries(manifestSchema.shape)) {
    if (schema instanceof z.ZodObject) {
      paths.push(...Object.keys(schema.shape).map((leaf) => `${key}.${leaf}`));
    } else if (!(schema instanceof z.ZodRecord)) paths.push(key);
  }
  return paths;
}

function isSection(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Settings that say where things lie or what to use if it is there: no part of a run's identity. */
export const LOCATION_LEAVES: readonly string[] = ["backbone", "data.train", "device"] satisfies (
  | keyof Manifest
  | `data.${keyof Manifest["data"]}`
)[];
