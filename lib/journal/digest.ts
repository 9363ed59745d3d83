/**
 * One digest for everything in a run folder that must come out the same when the run is repeated.
 *
 * Left out: wall-clock measurements (every key `timing`, at any depth of a JSON or JSONL file), `grace.json` and
 * `manifest.resolved.json` (they hold paths of this machine; the identity inside the latter is taken instead),
 * `report.*` (derived), the lock file and unfinished writes.
 *
 * @module
 */
import { join } from "node:path";
import { MissingError, UsageError } from "#errors";
import { canonicalJson } from "../manifest/canonical.ts";
import { digestFile, sha256Hex } from "../manifest/hash.ts";
import { isLeftover } from "./atomic.ts";
import { RunDocument } from "./layout.ts";
import { readJournal } from "./read.ts";
import { LOCK_FILE } from "./run_lock.ts";

/** Key whose value holds wall-clock measurements. */
export const TIMING_KEY = "timing";

/** Digest of one file of a run. */
export interface RunFileDigest {
  /** Path inside the run folder, with `/`. */
  path: string;
  /** SHA-256 of the deterministic part of its content. */
  sha256: string;
}

/** Digest of a run. */
export interface RunDigest {
  /** SHA-256 over {@linkcode RunDigest.files}, 64 hexadecimal digits. */
  digest: string;
  /** All files that count, sorted by path, so that two digests can be compared file by file. */
  files: RunFileDigest[];
}

/**
 * Digests a run folder. Two runs of the same manifest on the same device have the same digest.
 *
 * @throws {MissingError} if there is no such folder
 * @throws {UsageError} if a JSON or JSONL file in it is damaged
 */
export function digestRun(run: string): RunDigest {
  const files = listFiles(run).map((path) => ({ path, sha256: digestOf(run, path) }));
  files.sort((a, b) => a.path < b.path ? -1 : 1);
  return { digest: sha256Hex(canonicalJson(files)), files };
}

function listFiles(run: string): string[] {
  const found: string[] = [];
  const visit = (folder: string) => {
    for (const entry of Deno.readDirSync(join(run, folder))) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (isLeftover(entry.name)) continue;
      if (entry.isDirectory) visit(path);
      else if (counts(path)) found.push(path);
    }
  };
  try {
    visit("");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new MissingError(`there is no run folder "${run}"`, "check the path", { cause: error });
  }
  return found;
}

function counts(path: string): boolean {
  return path !== LOCK_FILE && path !== RunDocument.intent && !path.startsWith("report.");
}

function digestOf(run: string, name: string): string {
  const path = join(run, name);
  if (path.endsWith(".jsonl")) {
    return sha256Hex(readJournal(path).map((record) => canonicalJson(withoutTiming(record)) + "\n").join(""));
  }
  if (!path.endsWith(".json")) return digestFile(path).sha256;
  const value = parseJson(path);
  if (name === RunDocument.resolved) return sha256Hex(String((value as { identity?: unknown }).identity));
  return sha256Hex(canonicalJson(withoutTiming(value)));
}

function parseJson(path: string): unknown {
  try {
    return JSON.parse(Deno.readTextFileSync(path));
  } catch (error) {
    throw new UsageError(
      `"${path}" is not JSON: ${(error as Error).message}`,
      "the run is damaged; restore the file",
    );
  }
}

/** A JSON value without its wall-clock measurements: the one list of what may differ between equal runs. */
export function withoutTiming(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutTiming);
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(([key]) => key !== TIMING_KEY);
  return Object.fromEntries(kept.map(([key, entry]) => [key, withoutTiming(entry)]));
}
