/**
 * A run as an RO-Crate: one JSON-LD document that says which program made which files from which inputs, with the SHA-256 of each.
 *
 * RO-Crate 1.1 and the profile Process Run Crate 0.5. Inputs are named by their content (`ni:` URIs of RFC 6920): where they lay is
 * no part of a run, and the same file has the same name everywhere.
 *
 * @module
 */
import type { StoredManifest } from "../manifest/identity.ts";
import type { Lock } from "../manifest/lock.ts";
import type { WrittenFile } from "./checksums.ts";

/** Name of the document, at the root of the crate. */
export const CRATE_FILE = "ro-crate-metadata.json";

/** What a crate is about. */
export interface CrateSubject {
  /** Folder of the run inside the crate. */
  readonly folder: string;
  readonly stored: StoredManifest;
  readonly lock: Lock;
  /** Files of the run's folder, with paths below it. */
  readonly files: readonly WrittenFile[];
  /** When the last file of the run was written, as the file system says. */
  readonly ended: Date;
  /** When the crate was made. */
  readonly published: Date;
  /** What was checked before, in a sentence. */
  readonly checked: string;
}

type Entity = { readonly "@id": string } & Readonly<Record<string, unknown>>;

const PROCESS_RUN = "https://w3id.org/ro/wfrun/process/0.5";

/** The document. */
export function roCrate(subject: CrateSubject): { "@context": unknown; "@graph": Entity[] } {
  const { folder, stored, lock, files, ended, published, checked } = subject;
  const inputs = inputEntities(lock),
    run = `${encodePath(folder)}/`,
    action = `#run-${stored.identity.slice(0, 12)}`;
  const outputs = files.map((file) => fileEntity(folder, file));
  const settings = Object.entries(lock.engine).map(([name, value]): Entity => ({
    "@id": `#engine-${name}`,
    "@type": "PropertyValue",
    name: `engine.${name}`,
    value,
  }));
  const tool = contentName(lock.tool.source);
  return {
    "@context": ["https://w3id.org/ro/crate/1.1/context", "https://w3id.org/ro/terms/workflow-run/context"],
    "@graph": [
      {
        "@id": CRATE_FILE,
        "@type": "CreativeWork",
        conformsTo: { "@id": "https://w3id.org/ro/crate/1.1" },
        about: { "@id": "./" },
      },
      {
        "@id": "./",
        "@type": "Dataset",
        name: `Run ${folder} of grace-repro`,
        description:
          `A run of grace-repro ${lock.tool.version} with identity ${stored.identity}: settings, digests of all inputs, ` +
          `journals, checkpoints, scores of every item and report. ${checked}`,
        datePublished: published.toISOString().slice(0, 10),
        license:
          "The licences of the backbone and of the data sets apply; whoever deposits the crate names its own.",
        identifier: stored.identity,
        conformsTo: { "@id": PROCESS_RUN },
        mentions: { "@id": action },
        hasPart: [{ "@id": run }, ...refs(inputs)],
      },
      { "@id": PROCESS_RUN, "@type": "CreativeWork", name: "Process Run Crate", version: "0.5" },
      {
        "@id": action,
        "@type": "CreateAction",
        name: `grace-repro run, ${stored.manifest.arms.length} arms, suite ${stored.manifest.suite}`,
        description: `Trained and evaluated ${
          stored.manifest.arms.join(", ")
        } with the settings in ${folder}/manifest.resolved.json.`,
        instrument: { "@id": tool },
        object: refs(inputs),
        result: [{ "@id": run }, ...refs(outputs)],
        endTime: ended.toISOString().replace("Z", "+00:00"),
        actionStatus: "http://schema.org/CompletedActionStatus",
        environment: refs(settings),
      },
      {
        "@id": tool,
        "@type": "SoftwareApplication",
        name: "grace-repro",
        softwareVersion: lock.tool.version,
        description: `SHA-256 of the list of its source files, with that of each: ${lock.tool.source}`,
      },
      ...settings,
      { "@id": run, "@type": "Dataset", name: folder, hasPart: refs(outputs) },
      ...outputs,
      ...inputs,
    ],
  };
}

function refs(entities: readonly Entity[]): { "@id": string }[] {
  return entities.map((entity) => ({ "@id": entity["@id"] }));
}

/** Name of a content by its digest (RFC 6920). */
function contentName(sha256: string): string {
  return `ni:///sha-256;${Uint8Array.fromHex(sha256).toBase64({ alphabet: "base64url", omitPadding: true })}`;
}

/** Inputs, each content once: two names of one file are one entity. */
function inputEntities({ inputs }: Lock): Entity[] {
  const bySha = Map.groupBy(Object.entries(inputs), ([, { sha256 }]) => sha256);
  return [...bySha].map(([sha256, named]) => {
    const [, { bytes, rows }] = named[0]!, names = named.map(([name]) => name);
    return {
      "@id": contentName(sha256),
      "@type": "File",
      name: names.join(", "),
      ...rows !== undefined && { description: `${rows} rows` },
      ...encoding(names[0]!),
      contentSize: String(bytes),
      sha256,
    };
  });
}

function fileEntity(folder: string, { path, bytes, sha256 }: WrittenFile): Entity {
  return {
    "@id": encodePath(`${folder}/${path}`),
    "@type": "File",
    name: path,
    ...encoding(path),
    contentSize: String(bytes),
    sha256,
  };
}

/** Media types by ending; what has none here is told without. */
const MEDIA: Readonly<Record<string, string>> = {
  json: "application/json",
  jsonl: "application/jsonl",
  gz: "application/gzip",
  csv: "text/csv",
  tsv: "text/tab-separated-values",
  txt: "text/plain",
  md: "text/markdown",
  html: "text/html",
  svg: "image/svg+xml",
  jinja: "text/plain",
  arrow: "application/vnd.apache.arrow.file",
  parquet: "application/vnd.apache.parquet",
  safetensors: "application/octet-stream",
  gguf: "application/octet-stream",
  f32: "application/octet-stream",
};

function encoding(path: string): { encodingFormat?: string } {
  const type = MEDIA[path.split(".").at(-1)!];
  return type === undefined ? {} : { encodingFormat: type };
}

/** A path as a relative URI. */
function encodePath(path: string): string {
  return path.split("/").map(encodeURIComponent).join("/");
}
