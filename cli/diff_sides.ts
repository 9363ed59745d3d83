/**
 * What `diff` compares: a run's folder, a manifest with the lock beside it, or a preset.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { MissingError } from "#errors";
import { infoIfThere, isFile } from "../lib/files.ts";
import { RunDocument } from "../lib/journal/layout.ts";
import { loadLock, type Lock } from "../lib/manifest/lock.ts";
import { PRESETS } from "../lib/manifest/names.ts";
import { loadManifest } from "../lib/manifest/parse.ts";
import { type ResolvedManifest, resolveManifest } from "../lib/manifest/resolve.ts";
import { suggest } from "../lib/manifest/suggest.ts";
import { readDocuments } from "../lib/verify/documents.ts";
import { RunFiles } from "../lib/verify/run_files.ts";

/** One of the two. */
export interface DiffSide {
  /** As it was named. */
  readonly name: string;
  readonly kind: "run" | "manifest" | "preset";
  readonly resolved: ResolvedManifest;
  /** Null where nothing says what went in. */
  readonly lock: Lock | null;
  /** Of a run. */
  readonly files: RunFiles | null;
}

/**
 * Reads what was named: a preset by its name (a folder of that name is written `./tiny`), else a folder, else a file.
 *
 * @throws MissingError if there is nothing of that name
 * @throws UsageError if it is damaged
 */
export function readSide(name: string): DiffSide {
  const preset = PRESETS.find((one) => one === name);
  if (preset !== undefined) {
    const resolved = resolveManifest({}, [{ path: "preset", value: preset, source: `the name ${name}` }]);
    return { name, kind: "preset", resolved, lock: null, files: null };
  }
  const info = infoIfThere(name);
  if (info?.isDirectory) {
    const files = RunFiles.open(name), { stored, lock } = readDocuments(files);
    return { name, kind: "run", resolved: stored, lock, files };
  }
  if (info?.isFile) {
    const resolved = resolveManifest(loadManifest(name), [], name),
      beside = join(dirname(name), RunDocument.lock);
    return { name, kind: "manifest", resolved, lock: isFile(beside) ? loadLock(beside) : null, files: null };
  }
  const near = suggest(name, PRESETS);
  throw new MissingError(
    `"${name}" is neither a folder, nor a file, nor a preset`,
    `name the folder of a run, a grace.json, or a preset: ${PRESETS.join(", ")}${
      near === undefined ? "" : ` (did you mean ${near}?)`
    }`,
  );
}
