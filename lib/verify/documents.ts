/**
 * The documents of a run: what was asked for, every setting, and the digests of all that went in. Together they are the run's
 * identity, which is its folder's name.
 *
 * @module
 */
import { basename } from "node:path";
import { GraceError } from "#errors";
import { repoNamed } from "../hub/repo.ts";
import { RunDocument } from "../journal/layout.ts";
import { planArms, type PlannedArm } from "../manifest/arms.ts";
import { diffManifests } from "../manifest/diff.ts";
import { manifestHash, parseResolved, runFolderName, type StoredManifest } from "../manifest/identity.ts";
import { leavesOf } from "../manifest/leaves.ts";
import { type Lock, lockText, parseLock } from "../manifest/lock.ts";
import { parseManifest } from "../manifest/parse.ts";
import { resolveManifest } from "../manifest/resolve.ts";
import type { Manifest } from "../manifest/schema.ts";
import { type Check, type Checking, runCheck } from "./check.ts";
import type { RunFiles } from "./run_files.ts";

/** What the documents of a run say. */
export interface RunDocuments {
  readonly stored: StoredManifest;
  /** Settings as they are in the file: a run from before a setting was there has its identity without it. */
  readonly settings: Manifest;
  readonly lock: Lock;
  readonly plans: readonly PlannedArm[];
  /** Name of the backbone as the folder's name has it; undefined if the folder has another name. */
  readonly backboneName: string | undefined;
}

/**
 * Reads the documents and checks that they belong to each other and to the folder; `documents` is undefined if one cannot be read.
 *
 * @param tool this program: what another one wrote may not be readable here, and be as it was written
 */
export async function checkDocuments(
  files: RunFiles,
  tool: Lock["tool"],
): Promise<{ checks: Check[]; documents: RunDocuments | undefined }> {
  let documents: RunDocuments | undefined;
  const identity = await runCheck("identity", "settings and lock give the folder's name", "digests", (it) => {
    try {
      documents = readDocuments(files);
    } catch (error) {
      const by = otherProgram(files, tool);
      if (by === undefined || !(error instanceof GraceError)) throw error;
      return it.notPossible(
        `${error.message}; the run was made by another program, so verify with that: ${by}`,
      );
    }
    checkIdentity(files, documents, it);
  });
  const read = documents as RunDocuments | undefined;
  const intent = await runCheck("identity", `${RunDocument.intent} gives every setting`, "settings", (it) => {
    if (read === undefined) return it.notPossible("the settings and the lock cannot be read");
    checkIntent(files, read, it);
  });
  return { checks: [identity, intent], documents: read };
}

/** The program that made the run, if it is another one and the lock can be read. */
function otherProgram(files: RunFiles, tool: Lock["tool"]): string | undefined {
  try {
    const made = parseLock(files.text(RunDocument.lock), RunDocument.lock).tool;
    return made.source === tool.source
      ? undefined
      : `version ${made.version}, source ${made.source.slice(0, 12)}…`;
  } catch {
    return undefined;
  }
}

/**
 * Reads the settings and the lock.
 *
 * @throws {UsageError} if one is damaged
 */
export function readDocuments(files: RunFiles): RunDocuments {
  const text = files.text(RunDocument.resolved), stored = parseResolved(text, RunDocument.resolved);
  const lock = parseLock(files.text(RunDocument.lock), RunDocument.lock);
  const backboneName = backboneNames(stored.manifest.backbone)
    .find((name) => runFolderName(name, stored.identity) === files.name);
  const settings = JSON.parse(text).manifest as Manifest;
  return { stored, settings, lock, plans: planArms(stored.manifest), backboneName };
}

/** Names that a backbone may have: a path and the id of a repository look alike, and what it was is not stored. */
function backboneNames(backbone: string): string[] {
  const last = basename(backbone.replace(/[\/\\]+$/, "").replaceAll("\\", "/")), repo = repoNamed(backbone);
  const named = repo === undefined ? [] : [basename(repo.file ?? repo.id)];
  return [last, ...named].map((name) => name.replace(/\.gguf$/, ""));
}

function checkIdentity(
  files: RunFiles,
  { stored, settings, lock, backboneName }: RunDocuments,
  it: Checking,
): void {
  const identity = manifestHash(settings, lock);
  it.count(2);
  it.same({ file: RunDocument.resolved, field: "identity" }, stored.identity, identity);
  const digits = identity.slice(0, 12);
  if (!files.name.endsWith(`-${digits}`)) {
    const [name] = backboneNames(stored.manifest.backbone);
    it.problem({
      file: ".",
      field: "the folder's name",
      stored: files.name,
      found: runFolderName(name!, identity),
    });
  } else if (backboneName === undefined) {
    it.note(`the backbone was called "${files.name.slice(0, -13)}", which "backbone" does not tell`);
  }
  it.count();
  if (files.text(RunDocument.lock) !== lockText(lock)) {
    it.problem({ file: RunDocument.lock, what: "is not written as a lock is: keys sorted, two spaces" });
  }
}

/** A person's manifest alone gives the settings; of what it does not say, the preset is the origin. */
function checkIntent(files: RunFiles, { stored, settings }: RunDocuments, it: Checking): void {
  const intent = parseManifest(files.text(RunDocument.intent), RunDocument.intent);
  const again = resolveManifest(intent, [], RunDocument.intent), file = RunDocument.resolved;
  const known = leavesOf(settings);
  it.count(known.size);
  for (const { path, left, right } of diffManifests(stored, again)) {
    it.problem({ file, field: path, stored: left?.value ?? null, found: right?.value ?? null });
  }
  const written = leavesOf(intent);
  for (const [path, source] of Object.entries(again.provenance)) {
    if (written.has(path) || !known.has(path)) continue;
    it.same({ file, field: `provenance.${path}` }, stored.provenance[path], source);
  }
  for (const path of Object.keys(stored.provenance)) {
    if (again.provenance[path] === undefined) {
      it.problem({ file, field: `provenance.${path}`, what: "is of no setting" });
    }
  }
}
