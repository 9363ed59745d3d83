/**
 * What `check` compares with a baseline: a model that is evaluated as the baseline says, or scores that are there already.
 *
 * @module
 */
import { dirname } from "node:path";
import { MissingError, UsageError } from "#errors";
import { findSuite, suiteId } from "../evals/find_suite.ts";
import { isGivenEmbeddings } from "../evals/given_embeddings.ts";
import type { Baseline } from "../evals/regression/baseline.ts";
import type { Measured } from "../evals/regression/make_baseline.ts";
import { type LoadedScore, readScores } from "../evals/score_record.ts";
import { isFolder } from "../lib/files.ts";
import { digestSource } from "../lib/manifest/environment.ts";
import { digestFile } from "../lib/manifest/hash.ts";
import type { DeviceName } from "../lib/manifest/names.ts";
import config from "../deno.json" with { type: "json" };
import type { CheckCommandOptions } from "./check.ts";
import { scoredFolders } from "./compare.ts";
import { openDevice } from "./device.ts";
import { evaluateEncoder, evaluateGiven, evaluateModel } from "./evaluation.ts";
import type { CommandIo } from "./io.ts";
import { measuredOf, programText } from "./measured.ts";
import { manifestOf } from "./reading_settings.ts";
import { dataRootOf, evaluationSettings, noteUnusedDataRoot } from "./settings.ts";

/** Scores, and what they are scores of. */
export interface Candidate {
  readonly folder: string;
  readonly scores: readonly LoadedScore[];
  readonly measured: Measured;
}

/** The baseline whose settings are taken, and the name by which messages call it. */
export interface SettingsSource {
  readonly baseline: Baseline;
  readonly path: string;
}

/** Evaluates the model that is named, or reads what was evaluated. */
export async function candidateOf(
  options: CheckCommandOptions,
  from: SettingsSource | undefined,
  io: CommandIo,
): Promise<Candidate> {
  return await stored(await folderOf(options, from, io));
}

/**
 * The scores in a folder: of an evaluation, or of an arm of a run.
 *
 * @throws UsageError if it is that of a run with several arms
 */
export async function stored(folder: string): Promise<Candidate> {
  const arms = scoredFolders([folder]);
  if (arms.length > 1) {
    throw new UsageError(
      `"${folder}" is a run with the arms ${arms.map(({ name }) => name).join(", ")}`,
      `name one of them: ${arms[0]!.folder}`,
    );
  }
  const scored = arms[0]!.folder;
  return { folder: scored, scores: await readScores(scored), measured: measuredOf(scored) };
}

async function folderOf(
  options: CheckCommandOptions,
  from: SettingsSource | undefined,
  io: CommandIo,
): Promise<string> {
  const { encoder, from: given, out } = options, dataRoot = dataRootOf(options.dataRoot);
  if (given !== undefined && !isFolder(given)) {
    throw new MissingError(`there is no folder "${given}"`, "name the folder of an evaluation");
  }
  if (given !== undefined && !isGivenEmbeddings(given)) return given;
  // What another program computed is another evaluation: nothing of it may stand for what this one would.
  const identity = {
    program: programText(config.version, digestSource(dirname(import.meta.dirname!))),
  };
  const embedding = encoder ?? given;
  if (embedding === undefined) return await evaluateBackbone(options, from, identity, io);
  if (from !== undefined) requireKind(from, "encoder", encoder === undefined ? "--from" : "--encoder");
  const suite = from?.baseline.suite ?? suiteId(options, "mteb-eng-v1");
  if (suite === undefined) {
    throw new UsageError("no suite is named", "name one with --suite, or choose with --tasks or --types");
  }
  if (findSuite(suite).embedded) noteUnusedDataRoot(options, suite, io);
  const place = { suite, dataRoot, out, identity };
  const { folder } = encoder !== undefined
    ? await evaluateEncoder({ ...place, encoder }, io)
    : await evaluateGiven({ ...place, from: given! }, io);
  return folder;
}

async function evaluateBackbone(
  options: CheckCommandOptions,
  from: SettingsSource | undefined,
  identity: Readonly<Record<string, string>>,
  io: CommandIo,
): Promise<string> {
  const { rationales, out } = options, dataRoot = dataRootOf(options.dataRoot);
  const { resolved, rationale } = from === undefined
    ? { ...await evaluationSettings(options), rationale: options.rationale }
    : settledBy(from, options);
  const suite = findSuite(resolved.manifest.suite);
  if (suite.embedded) noteUnusedDataRoot(options, suite.id, io);
  const device = await openDevice(resolved.manifest.device, io.progress);
  try {
    const origin = from && { origin: `settings of ${from.path}` };
    const { folder } = await evaluateModel(
      { resolved, rationale, rationales, dataRoot, out, device, identity, ...origin },
      io,
    );
    return folder;
  } finally {
    device.dispose();
  }
}

/** Settings, engine and suite of a baseline; the command line may name another engine. */
function settledBy(source: SettingsSource, { backbone, device, rationales, update }: CheckCommandOptions) {
  const { baseline, path } = source;
  requireKind(source, "backbone", "--backbone");
  const kinds: readonly DeviceName[] = ["cpu", "webgpu"];
  const same = kinds.find((kind) => kind === baseline.engine["engine"]) ?? "auto";
  const place = { backbone: backbone!, suite: baseline.suite, device: device ?? same };
  const { resolved, reading } = manifestOf(baseline.settings, place, path);
  const needed = reading.rationale === "given" ? reading.rationales : undefined;
  if (needed === undefined && rationales !== undefined) {
    throw new UsageError(
      `--rationales together with "${path}", whose texts were embedded without any that were given`,
      "leave --rationales out, or measure anew: --update with --suite",
    );
  }
  const isOther = rationales === undefined || !update && digestFile(rationales).sha256 !== needed;
  if (needed !== undefined && isOther) {
    throw new UsageError(
      `the texts of "${path}" were embedded with the rationales of a file with SHA-256 ${needed}`,
      "name that file with --rationales",
    );
  }
  return { resolved, rationale: reading.rationale !== "none" };
}

function requireKind({ baseline, path }: SettingsSource, kind: string, flag: string): void {
  const found = baseline.settings["kind"];
  if (found === kind) return;
  throw new UsageError(
    `"${path}" is a baseline of ${found === "encoder" ? "an encoder" : "a backbone"}, ${flag} names ${
      kind === "encoder" ? "an encoder" : "a backbone"
    }`,
    found === "encoder"
      ? "name one with --encoder, or its embeddings or evaluation with --from"
      : "name one with --backbone, or its evaluation with --from",
  );
}
