/**
 * The identity of a run: a hash of its settings and of everything that goes in. Same identity, same bits.
 *
 * @module
 */
import { z } from "zod";
import { UsageError } from "#errors";
import { LORA_TARGETS } from "../backbone/lora_options.ts";
import { canonicalHash } from "./canonical.ts";
import { fromLeaves, leavesOf, LOCATION_LEAVES } from "./leaves.ts";
import { type Lock, lockSchema } from "./lock.ts";
import type { ResolvedManifest } from "./resolve.ts";
import { type Manifest, manifestSchema } from "./schema.ts";

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

/** A resolved manifest as it is stored. */
export interface StoredManifest extends ResolvedManifest {
  /** Identity of the run. */
  identity: string;
}

/**
 * Reads the text of `manifest.resolved.json`.
 *
 * @param source the file's name, for messages
 * @throws {UsageError} if it is not a resolved manifest of this version
 */
export function parseResolved(text: string, source: string): StoredManifest {
  try {
    const { identity, manifest, provenance } = storedSchema.parse(withLaterSettings(JSON.parse(text)));
    return { identity, manifest, provenance };
  } catch (cause) {
    throw new UsageError(
      `"${source}" is not a resolved manifest of this version`,
      "restore the file, or repeat the run",
      { cause },
    );
  }
}

/** Runs from before there were these settings read what the values say. */
function withLaterSettings(stored: { manifest?: { data?: object; lora?: object; loss?: object } }): unknown {
  const data = { split: "train", subset: "", columns: [], ...stored.manifest?.data };
  const lora = { rank: 0, alpha: 32, targets: [...LORA_TARGETS], ...stored.manifest?.lora };
  const loss = { klEstimator: "k3", ...stored.manifest?.loss };
  return { ...stored, manifest: { ...stored.manifest, data, lora, loss } };
}

const storedSchema = z.strictObject({
  identity: z.string().regex(/^[0-9a-f]{64}$/),
  manifest: manifestSchema,
  provenance: z.record(z.string(), z.string()),
});
