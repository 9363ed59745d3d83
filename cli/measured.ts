/**
 * What the folder of an evaluation says of how its scores came about: model, settings, engine and program.
 *
 * @module
 */
import { basename, dirname, join } from "node:path";
import { MissingError, UsageError } from "#errors";
import type { Measured } from "../evals/regression/make_baseline.ts";
import { isObject } from "../lib/backbone/json.ts";
import { isFile, readTextIfThere } from "../lib/files.ts";
import { RunDocument } from "../lib/journal/layout.ts";
import { planArm } from "../lib/manifest/arms.ts";
import { engineDescription } from "../lib/manifest/environment.ts";
import { digestFile } from "../lib/manifest/hash.ts";
import { parseResolved } from "../lib/manifest/identity.ts";
import { loadLock } from "../lib/manifest/lock.ts";
import { EVALUATION_DOCUMENT } from "./evaluation_folder.ts";
import { readingSettings } from "./reading_settings.ts";
import { readingOf } from "./model.ts";

/** Name under which the digest of given rationales stands among the files of an evaluation. */
const RATIONALES = "rationales";

/**
 * Reads what an evaluation, or an arm of a run, says of itself.
 *
 * @throws MissingError if it says nothing; UsageError if what it says is damaged
 */
export function measuredOf(folder: string): Measured {
  const embeddings = join(folder, "embeddings.f32");
  const own = ofEvaluation(folder) ?? ofArm(folder);
  if (own === undefined) {
    throw new MissingError(
      `"${folder}" does not say with which settings its scores were made`,
      "name the folder of an evaluation, or that of an arm: runs/<run>/scores/<arm>",
    );
  }
  return { ...own, embeddings: isFile(embeddings) ? digestFile(embeddings).sha256 : null };
}

function ofEvaluation(folder: string): Omit<Measured, "embeddings"> | undefined {
  const path = join(folder, EVALUATION_DOCUMENT), text = readTextIfThere(path);
  if (text === undefined) return undefined;
  const damaged = (cause?: unknown) =>
    new UsageError(`"${path}" is not the document of an evaluation`, "restore it, or evaluate again", {
      cause,
    });
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw damaged(cause);
  }
  if (!isObject(document)) throw damaged();
  const { name, manifest, identity, provenance, rationale, engine, settings, prompts, program } = document;
  const listed = (Array.isArray(document["files"]) ? document["files"] : []) as {
    name: string;
    sha256: string;
  }[];
  const files = Object.fromEntries(
    listed.filter((file) => file.name !== RATIONALES).map((file) => [file.name, file.sha256]),
  );
  const common = {
    model: { name: typeof name === "string" ? name : basename(folder), files },
    program: typeof program === "string" ? program : null,
  };
  if (manifest === undefined) {
    const own = { kind: "encoder", settings: settings ?? null, prompts: prompts ?? null };
    return { ...common, engine: {}, settings: own as Measured["settings"] };
  }
  const resolved = parseResolved(JSON.stringify({ identity, manifest, provenance }), path);
  const rationales = listed.find((file) => file.name === RATIONALES)?.sha256;
  return {
    ...common,
    engine: (engine ?? {}) as Measured["engine"],
    settings: readingSettings(resolved.manifest, { rationale: rationale === true, rationales }),
  };
}

/** An arm lies in its run, whose manifest and lock say everything. */
function ofArm(folder: string): Omit<Measured, "embeddings"> | undefined {
  const run = dirname(dirname(folder)), path = join(run, RunDocument.resolved), text = readTextIfThere(path);
  if (text === undefined) return undefined;
  const arm = planArm(parseResolved(text, path).manifest, basename(folder));
  const { tool, inputs, engine } = loadLock(join(run, RunDocument.lock));
  const { rationale, templateSuffix } = readingOf(arm);
  const pooling = { ...arm.manifest.pooling, templateSuffix };
  const prefix = "backbone/";
  const files = Object.entries(inputs).filter(([name]) => name.startsWith(prefix))
    .map(([name, { sha256 }]) => [name.slice(prefix.length), sha256]);
  return {
    model: { name: `${basename(run)}/${arm.name}`, files: Object.fromEntries(files) },
    program: programText(tool.version, tool.source),
    engine: { ...engineDescription(engine) ?? engine },
    settings: readingSettings({ ...arm.manifest, pooling }, { rationale }),
  };
}

/** Version and source of a program, as a baseline records it. */
export function programText(version: string, source: string): string {
  return `${version} (${source.slice(0, 12)})`;
}
