/**
 * What `grace-repro pull` writes down of a commit: every file with the SHA-256 that it had when it arrived.
 *
 * @module
 */
import { UsageError } from "#errors";
import { readTextIfThere } from "../files.ts";
import type { PulledFile } from "./pull.ts";

/** Content of `grace-repro/<commit>.json` in a repository's folder of the cache. */
export interface PullRecord {
  readonly schema: "grace-pull/1";
  readonly type: "model" | "dataset";
  readonly id: string;
  readonly commit: string;
  /** Where it came from. */
  readonly endpoint: string;
  readonly files: readonly PulledFile[];
}

/**
 * Reads a record; undefined if there is none, as of what another program pulled.
 *
 * @throws UsageError if it is damaged
 */
export function readPullRecord(path: string): PullRecord | undefined {
  const text = readTextIfThere(path);
  if (text === undefined) return undefined;
  try {
    const record = JSON.parse(text) as PullRecord;
    if (record.schema === "grace-pull/1" && Array.isArray(record.files)) return record;
  } catch {
    // Told below.
  }
  throw new UsageError(`"${path}" is not a record of a pull`, "remove it, and pull the repository again");
}
