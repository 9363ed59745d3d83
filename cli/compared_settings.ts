/**
 * In what the folders that `compare` puts side by side differ besides their scores: settings of runs, and of evaluations also files,
 * prompts, engine and its version.
 *
 * @module
 */
import { join } from "node:path";
import { UsageError } from "#errors";
import { isObject } from "../lib/backbone/json.ts";
import { readTextIfThere } from "../lib/files.ts";
import { RunDocument } from "../lib/journal/layout.ts";
import { canonicalJson } from "../lib/manifest/canonical.ts";
import { describeDifference, type Difference, diffManifests } from "../lib/manifest/diff.ts";
import { parseResolved } from "../lib/manifest/identity.ts";
import type { Leaf } from "../lib/manifest/leaves.ts";
import type { ResolvedManifest } from "../lib/manifest/resolve.ts";
import { EVALUATION_DOCUMENT } from "./evaluation_folder.ts";

/** How the settings of a folder differ from those of the first one that was named. */
export interface SettingDifferences {
  readonly left: string;
  readonly right: string;
  readonly differences: readonly Difference[];
}

/** What a folder says of how its scores came about. */
interface Settings {
  readonly folder: string;
  /** Of a run, and of an evaluation of a backbone. */
  readonly resolved: ResolvedManifest | null;
  /** Of an evaluation, by path: "engine.onnxruntime", "prompts.named.query", "files.model.safetensors". */
  readonly facts: ReadonlyMap<string, Leaf>;
}

/**
 * The differences of each folder from the first; of those only that have settings.
 *
 * @throws UsageError if a document is damaged
 */
export function settingDifferences(folders: readonly string[]): SettingDifferences[] {
  const [first, ...others] = folders.flatMap((folder) => settingsOf(folder) ?? []);
  return others.map((other) => ({
    left: first!.folder,
    right: other.folder,
    differences: [
      ...first!.resolved && other.resolved ? diffManifests(first!.resolved, other.resolved) : [],
      ...factDifferences(first!.facts, other.facts),
    ],
  }));
}

/** Lines that say so; those of a pair begin with an empty one. */
export function describeSettings(settings: readonly SettingDifferences[]): string[] {
  return settings.flatMap(({ left, right, differences }) => [
    "",
    differences.length === 0
      ? `The settings of "${left}" and "${right}" are the same.`
      : `Settings of "${left}" -> "${right}":`,
    ...differences.map((difference) => `- ${describeDifference(difference)}`),
  ]);
}

function settingsOf(folder: string): Settings | undefined {
  const run = join(folder, RunDocument.resolved), text = readTextIfThere(run);
  if (text !== undefined) return { folder, resolved: parseResolved(text, run), facts: new Map() };
  const path = join(folder, EVALUATION_DOCUMENT), document = readTextIfThere(path);
  if (document === undefined) return undefined;
  let parsed: unknown;
  try {
    parsed = JSON.parse(document);
  } catch {
    // Reported below.
  }
  if (!isObject(parsed)) {
    throw new UsageError(`"${path}" is not the document of an evaluation`, "restore it, or evaluate again");
  }
  const { manifest, provenance, identity, rationale, engine, settings, prompts, files } = parsed;
  return {
    folder,
    resolved: manifest === undefined ? null : parseResolved(
      JSON.stringify({ identity, manifest, provenance }),
      path,
    ),
    facts: new Map([
      ...leaves("rationale", rationale),
      ...leaves("engine", engine),
      ...leaves("settings", settings),
      ...leaves("prompts", prompts),
      ...filesOf(files),
    ]),
  };
}

/** The values in an object of objects, by path. */
function leaves(path: string, value: unknown): [string, Leaf][] {
  if (value === undefined || value === null) return [];
  if (!isObject(value)) return [[path, value as Leaf]];
  return Object.entries(value).flatMap(([key, inner]) => leaves(`${path}.${key}`, inner));
}

function filesOf(files: unknown): [string, Leaf][] {
  const list = (Array.isArray(files) ? files : []) as { name?: unknown; sha256?: unknown }[];
  return list.map(({ name, sha256 }) => [`files.${name}`, String(sha256)]);
}

function factDifferences(left: ReadonlyMap<string, Leaf>, right: ReadonlyMap<string, Leaf>): Difference[] {
  if (left.size === 0 || right.size === 0) return [];
  const side = (facts: ReadonlyMap<string, Leaf>, path: string) =>
    facts.has(path) ? { value: facts.get(path)!, source: EVALUATION_DOCUMENT } : null;
  return [...new Set([...left.keys(), ...right.keys()])]
    .map((path) => ({ path, left: side(left, path), right: side(right, path), ids: [] }))
    .filter(({ left, right }) => canonicalJson(left?.value ?? null) !== canonicalJson(right?.value ?? null));
}
