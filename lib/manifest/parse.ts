/**
 * From the text of `grace.json` to a checked {@linkcode ManifestInput}: every problem names its key's path.
 *
 * @module
 */
import type { z } from "zod";
import { MissingError, UsageError } from "#errors";
import { leafPaths } from "./leaves.ts";
import { repeatedKey } from "./repeated_key.ts";
import { CONTROL_SETTINGS } from "./sections/controls.ts";
import { type ManifestInput, manifestInputSchema } from "./schema.ts";
import { suggest } from "./suggest.ts";

/**
 * Reads and checks a manifest file.
 *
 * @throws {MissingError} if it cannot be read
 * @throws {UsageError} if it is not JSON or not a manifest
 */
export function loadManifest(path: string): ManifestInput {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    throw new MissingError(
      `cannot read the manifest "${path}": ${(error as Error).message}`,
      "check --manifest",
      {
        cause: error,
      },
    );
  }
  return parseManifest(text, path);
}

/** Checks the text of a manifest; `source` is the file's name in messages. See {@linkcode loadManifest}. */
export function parseManifest(text: string, source: string): ManifestInput {
  let value: unknown;
  try {
    // Some editors write a byte order mark, which no JSON may have.
    text = text.replace(/^\ufeff/, "");
    value = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`"${source}" is not JSON: ${(error as Error).message}`, "fix the syntax", {
      cause: error,
    });
  }
  const repeated = repeatedKey(text);
  if (repeated !== undefined) {
    throw new UsageError(`${source}: the key "${repeated}" is there twice`, "keep the one that is meant");
  }
  return checkManifest(value, source);
}

/**
 * Checks a manifest that is already an object.
 *
 * @throws {UsageError} naming every unknown key (with the nearest known one) and every unusable value
 */
export function checkManifest(value: unknown, source: string): ManifestInput {
  const result = manifestInputSchema.safeParse(value, { reportInput: true });
  if (result.success) return result.data;
  const problems = result.error.issues.flatMap((issue) => sentences(issue));
  throw new UsageError(
    `${source}: ${problems.join("; ")}`,
    "grace-repro manifest explain <key> tells what a key means and may be",
  );
}

function sentences(issue: z.core.$ZodIssue): string[] {
  const path = issue.path.map(String).join(".");
  if (issue.code === "unrecognized_keys") {
    if (issue.path[0] === "controls") return issue.keys.map((key) => unknownControlKey(issue.path, key));
    return issue.keys.map((key) => path === "" ? unknownTopKey(key) : unknownKey(`${path}.${key}`));
  }
  if (issue.code === "invalid_key") {
    return issue.issues.map(({ message }) => `"${path}" is not a name: ${message}`);
  }
  const shown = JSON.stringify(issue.input);
  const found = shown === undefined ? "" : ` (found ${shown.length > 60 ? shown.slice(0, 60) + "…" : shown})`;
  return [`"${path === "" ? "the manifest" : path}": ${issue.message}${found}`];
}

/** Inside a control, the keys of `set` are the paths of settings. */
function unknownControlKey(path: readonly PropertyKey[], key: string): string {
  const near = suggest(key, path.at(-1) === "set" ? CONTROL_SETTINGS : ["of", "rationale", "set"]);
  return `unknown key "${key}" in "${path.map(String).join(".")}"${
    near === undefined ? "" : `, did you mean "${near}"?`
  }`;
}

/** Knows that a path such as "train.steps", which messages speak of, is written as an object in an object. */
function unknownTopKey(key: string): string {
  const leaves = leafPaths();
  const meant = leaves.includes(key) ? key : suggest(key, leaves);
  if (!key.includes(".") || !meant?.includes(".")) return unknownKey(key);
  const [section, leaf] = meant.split(".");
  return `unknown key "${key}", nest it: {"${section}": {"${leaf}": ...}}`;
}

/**
 * What is said of a key that is neither a section nor a setting: with the nearest one, or with the section that a setting was left
 * out of, or put into the wrong one.
 */
export function unknownKey(path: string): string {
  const leaves = leafPaths();
  const sections = new Set(leaves.filter((leaf) => leaf.includes(".")).map((leaf) => leaf.split(".")[0]!));
  const key = path.split(".").at(-1)!;
  const moved = leaves.filter((leaf) => leaf.split(".").at(-1) === key).join('" or "') || undefined;
  // A whole name without its section says more than one that is nearly right.
  const near = (path === key ? moved : undefined) ?? suggest(path, [...leaves, ...sections]) ?? moved;
  return `unknown key "${path}"${near === undefined ? "" : `, did you mean "${near}"?`}`;
}
