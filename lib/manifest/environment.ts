/**
 * What the tool itself and its machine contribute to a lock.
 *
 * @module
 */
import { cpus } from "node:os";
import { MissingError } from "#errors";
import { infoIfThere } from "../files.ts";
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

/** What an engine says of itself: its name, its versions, its threads or its adapter. */
export type EngineDescription = Readonly<Record<string, string | number>>;

/** What a lock keeps of an engine's description. */
export function engineFacts({ engine, threads, ...runtime }: EngineDescription): EngineFacts {
  return {
    device: String(engine),
    runtime: Object.entries(runtime).map(([name, version]) => `${name} ${version}`).join(", "),
    threads: Number(threads ?? 0),
  };
}

/** The description that {@linkcode engineFacts} made a lock's facts from; undefined of an engine that is not known here. */
export function engineDescription({ device, runtime, threads }: EngineFacts): EngineDescription | undefined {
  const [, onnxruntime] = /^onnxruntime (.*)$/s.exec(runtime) ?? [];
  if (onnxruntime !== undefined) return { engine: device, onnxruntime, threads };
  const [, adapter, , driver, software] = /^adapter (.*?)(, driver (.*))?, software ([01])$/s.exec(runtime) ??
    [];
  if (adapter === undefined) return undefined;
  return { engine: device, adapter, ...driver !== undefined && { driver }, software: Number(software) };
}

/** Folders and files that the program is made of, and what it is pinned to. */
const SOURCES = ["cli", "evals", "kernels", "lib", "deno.json", "deno.lock"];

/** What lies among them for tests only: what the engine is compared with. */
const TEST_FOLDERS = ["kernels/conformance", "kernels/reference"];

/** Names of what no run can reach: tests, benchmarks, helpers of both ("_lab.ts"), documents and snapshots. */
const UNREACHED = /^[._]|_(test|bench)\.ts$|\.(md|txt)$/;

/**
 * Digest of the tool's source: every file that can change what a run does, and none that only tests, documents or
 * the makers of fixtures read.
 *
 * @param root folder that holds `deno.json`
 * @throws {MissingError} if there is no source there
 */
export function digestSource(root: string): string {
  const digests = sourceFiles(root).map((path) => [path, digestFile(`${root}/${path}`).sha256]);
  return canonicalHash(Object.fromEntries(digests));
}

/**
 * The files behind {@linkcode digestSource}, relative to `root`, sorted.
 *
 * @throws {MissingError} if there is no source there
 */
export function sourceFiles(root: string): string[] {
  const files: string[] = [];
  const visit = (path: string) => {
    const info = infoIfThere(`${root}/${path}`);
    if (info?.isFile) files.push(path);
    if (!info?.isDirectory || TEST_FOLDERS.includes(path)) return;
    for (const { name } of Deno.readDirSync(`${root}/${path}`)) {
      if (!UNREACHED.test(name)) visit(`${path}/${name}`);
    }
  };
  SOURCES.forEach(visit);
  if (!files.includes("deno.json")) {
    throw new MissingError(
      `there is no source of grace-repro in "${root}"`,
      "run it from a complete checkout",
    );
  }
  return files.sort();
}
