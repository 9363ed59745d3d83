/**
 * `manifest init` and `manifest schema`: a small `grace.json` to begin with, and the schema by which editors complete it.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { ExitCode, MissingError, UsageError } from "#errors";
import { isFolder, isTaken, readTextIfThere, reasonOf } from "../lib/files.ts";
import { writeAll, writeFileAtomic } from "../lib/journal/atomic.ts";
import { schemaText } from "../lib/manifest/emit_schema.ts";
import { fromLeaves, leavesOf } from "../lib/manifest/leaves.ts";
import { EMBEDDED_BACKBONE } from "../lib/manifest/names.ts";
import { defaultPreset } from "../lib/manifest/presets.ts";
import type { Manifest } from "../lib/manifest/schema.ts";
import type { CommandIo } from "./io.ts";
import type { InitOptions } from "./manifest.ts";
import { FLAG_SETTINGS, settingsOf } from "./settings.ts";

/** Name of the schema beside a manifest. */
const SCHEMA = "grace.schema.json";

/** Writes the manifest, and the schema beside it where there is none. */
export async function initManifest({ out, preset, backbone }: InitOptions, io: CommandIo): Promise<ExitCode> {
  const { manifest } = (await settingsOf({ preset, backbone })).resolved, leaves = leavesOf(manifest);
  const begun = ["preset", ...FLAG_SETTINGS].map((path) => [path, leaves.get(path)] as const);
  requireFittingPreset(manifest, backbone);
  const content = { $schema: `./${SCHEMA}`, ...fromLeaves(begun) };
  if (/[\/\\]$/.test(out) || isFolder(out)) {
    throw new UsageError(`--out "${out}" is a folder`, `name a file in it: ${join(out, "grace.json")}`);
  }
  const schema = join(dirname(out), SCHEMA), text = schemaText();
  const status = !isTaken(schema) ? "written" : readTextIfThere(schema) === text ? "unchanged" : "other";
  create(out, JSON.stringify(content, null, 2) + "\n");
  if (status === "written") writeFileAtomic(schema, text);
  if (status === "other") {
    io.progress.note(`${schema} is there already and not that of this version: left as it is`);
  }
  if (io.json) {
    io.print(
      JSON.stringify({
        schema: "grace-manifest-init/1",
        manifest: out,
        editorSchema: { path: schema, status },
        content,
      }),
    );
  } else {
    io.print(
      `${out}: preset ${manifest.preset}, and what run has options for; ${schema} completes the rest in editors.\n` +
        `Next: grace-repro manifest show --manifest "${out}"`,
    );
  }
  return ExitCode.success;
}

/**
 * Every preset but one asks for more positions than the built-in backbone has: `run` would refuse the file. Who names that
 * backbone has a mind to set them.
 *
 * @throws {UsageError} if such a preset was chosen and no backbone
 */
function requireFittingPreset({ preset }: Manifest, backbone: string | undefined): void {
  const own = defaultPreset(EMBEDDED_BACKBONE);
  if (backbone !== undefined || preset === own) return;
  throw new UsageError(
    `the preset "${preset}" is not sized for the built-in backbone`,
    `name the model that it is for with --backbone, or take the preset ${own}`,
  );
}

/** Prints the schema. */
export function printSchema(io: CommandIo): ExitCode {
  io.print(schemaText().trimEnd());
  return ExitCode.success;
}

/** Makes a file of this content, in a folder that is made too; one that is there stays as it is. */
function create(path: string, text: string): void {
  if (isTaken(path)) throw taken(path);
  let made = false;
  try {
    Deno.mkdirSync(dirname(path), { recursive: true });
    using file = Deno.openSync(path, { write: true, createNew: true });
    made = true;
    writeAll(file, new TextEncoder().encode(text));
  } catch (cause) {
    // Of two that are started at once, one is second.
    if (!made && cause instanceof Deno.errors.AlreadyExists && isTaken(path)) throw taken(path);
    if (made) Deno.removeSync(path);
    throw new MissingError(
      `cannot write "${path}": ${reasonOf(cause)}`,
      "name a file in a folder that can be written: --out <file>",
      { cause },
    );
  }
}

function taken(path: string): UsageError {
  return new UsageError(`"${path}" is there already`, "edit it, or name another file: --out <file>");
}
