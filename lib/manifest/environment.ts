/**
 * What the tool itself and its machine contribute to a lock.
 *
 * @module
 */
import { cpus } from "node:os";
import { MissingError } from "#errors";
import { canonicalHash } from "./canonical.ts";
import { digestFile } from "./hash.ts";
import type { Lock } from "./lock.ts";

/** What only the engine knows about itself. */
export type EngineFacts = Pick<Lock["engine"], "device" | "runtime" | "threads">;

/** Completes the engine's facts with those of the machine. */
export function describeEngine(facts: EngineFacts): Lock["engine"] {
  const model = cpus()[0]?.model.trim();
  return { ...facts, cpu: model === undefined || model === "" ? "unknown" : model, deno: Deno.version.deno };
}

/** Folders and files that make up the tool. */
const SOURCES = ["cli", "evals", "fixtures", "kernels", "lib", "mod.ts", "deno.json", "deno.lock"];

/**
 * Digest of the tool's source: every file that can change what a run does. Tests and goldens cannot.
 *
 * @param root folder that holds `deno.json`
 * @throws {MissingError} if there is no source there
 */
export function digestSource(root: string): string {
  const files: Record<string, string> = {};
  const visit = (path: string) => {
    const info = statIfThere(`${root}/${path}`);
    if (info?.isFile) files[path] = digestFile(`${root}/${path}`).sha256;
    if (!info?.isDirectory || path === "fixtures/golden") return;
    for (const entry of Deno.readDirSync(`${root}/${path}`)) {
      if (entry.name.startsWith(".") || /_(test|bench)\.ts$/.test(entry.name)) continue;
      visit(`${path}/${entry.name}`);
    }
  };
  SOURCES.forEach(visit);
  if (files["deno.json"] === undefined) {
    throw new MissingError(
      `there is no source of grace-repro in "${root}"`,
      "run it from a complete checkout",
    );
  }
  return canonicalHash(files);
}

function statIfThere(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
