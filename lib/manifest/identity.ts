/**
 * The identity of a run: a hash of its settings and of everything that goes in. Same identity, same bits.
 *
 * @module
 */
import { canonicalHash } from "./canonical.ts";
import { fromLeaves, leavesOf, LOCATION_LEAVES } from "./leaves.ts";
import { type Lock, lockSchema } from "./lock.ts";
import type { ResolvedManifest } from "./resolve.ts";
import type { Manifest } from "./schema.ts";

/**
 * SHA-256 (64 hexadecimal digits) over the canonical JSON of settings and lock. Left out are the settings that only
 * say where things lie, whose contents the lock has, and the preset's name, which only says where values came from.
 */
export function manifestHash(manifest: Manifest, lock: Lock): string {
  const settings = leavesOf(manifest);
  for (const path of ["preset", ...LOCATION_LEAVES]) settings.delete(path);
  return canonicalHash({ settings: fromLeaves(settings), lock: lockSchema.parse(lock) });
}

/**
 * Name of a run's folder: `<backbone>-<first 12 digits of the identity>`.
 *
 * @param backbone id or path as in the manifest; its last part names the run, without a `.gguf` ending
 */
export function runFolderName(backbone: string, identity: string): string {
  const last =
    backbone.split(/[\/\\]/).filter((part) => part !== "" && part !== "." && part !== "..").at(-1) ?? "run";
  const name = last.replace(/\.gguf$/i, "").replace(/[^A-Za-z0-9._-]+/g, "-");
  return `${name}-${identity.slice(0, 12)}`;
}

/** Text of `manifest.resolved.json`: the identity, every setting, and where each came from. */
export function resolvedText({ manifest, provenance }: ResolvedManifest, identity: string): string {
  return JSON.stringify({ identity, manifest, provenance }, null, 2) + "\n";
}
