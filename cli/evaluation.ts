/**
 * Evaluates one model into a folder of its own. The folder belongs to one model, read in one way, on one suite; the same
 * command continues an evaluation that was interrupted.
 *
 * @module
 */
import { join } from "node:path";
import { UsageError } from "#errors";
import type { Device } from "../kernels/device.ts";
import type { Encoder, Generator } from "../evals/encoder.ts";
import { runSuite } from "../evals/run_suite.ts";
import type { ScoreRecord } from "../evals/score_record.ts";
import { entryCategory, entryName, findSuite } from "../evals/find_suite.ts";
import { resolveSuite, type Suite } from "../evals/suite.ts";
import { type Backbone, openBackbone } from "../lib/backbone/open.ts";
import { Mirror } from "../lib/data/mirror.ts";
import { removeLeftovers, writeFileAtomic } from "../lib/journal/atomic.ts";
import { LOCK_FILE, RunLock } from "../lib/journal/run_lock.ts";
import { canonicalHash } from "../lib/manifest/canonical.ts";
import { runFolderName } from "../lib/manifest/identity.ts";
import { requirePositions } from "../lib/manifest/positions.ts";
import type { ResolvedManifest } from "../lib/manifest/resolve.ts";
import { openEncoder } from "./encoder.ts";
import type { CommandIo } from "./io.ts";
import { loadModel, modelEncoder, modelGenerator } from "./model.ts";
import { suiteProgress } from "./suite_progress.ts";

/** What an evaluation needs. */
export interface EvaluationOptions {
  readonly resolved: ResolvedManifest;
  /** Whether the model writes a rationale before a text is embedded. */
  readonly rationale: boolean;
  readonly dataRoot: string | undefined;
  /** Folder for the records; undefined for one below `scores/` that is named after model and suite. */
  readonly out: string | undefined;
  readonly device: Device;
}

/** A finished evaluation. */
export interface EvaluationResult {
  readonly folder: string;
  readonly scores: readonly ScoreRecord[];
}

/** Says what the folder is the evaluation of. */
const DOCUMENT = "evaluation.json";

/** Evaluates the model that the manifest names. */
export async function evaluateModel(options: EvaluationOptions, io: CommandIo): Promise<EvaluationResult> {
  const { manifest } = options.resolved;
  const suite = findSuite(manifest.suite);
  // Read again when it is evaluated: data that are missing are told of before a model is read, and leave no folder.
  await resolveSuite(suite, new Mirror(options.dataRoot));
  const backbone = await openBackbone(manifest.backbone);
  try {
    return await evaluateBackbone(options, suite, backbone, io);
  } finally {
    backbone.close();
  }
}

/** What the evaluation of an encoder needs. */
export interface EncoderEvaluationOptions extends Pick<EvaluationOptions, "dataRoot" | "out"> {
  /** Such as `onnx:<folder>`. */
  readonly encoder: string;
  /** Id of the suite. */
  readonly suite: string;
}

/** Texts that an encoder is given at once: enough that many have the same length and run together. */
const ENCODER_BATCH = 512;

/**
 * Evaluates a sentence encoder, which embeds texts and can do nothing else.
 *
 * @throws UsageError if the suite has tasks that ask for answers
 */
export async function evaluateEncoder(
  options: EncoderEvaluationOptions,
  io: CommandIo,
): Promise<EvaluationResult> {
  const { dataRoot, out } = options;
  const suite = findSuite(options.suite);
  requireEmbeddings(suite);
  await resolveSuite(suite, new Mirror(dataRoot));
  const { onTokens, onProgress } = suiteProgress(io, "evaluate");
  using opened = await openEncoder(options.encoder, onTokens);
  const { encoder, name, files, settings } = opened;
  const about = { suite: suite.id, encoder: encoder.digest };
  const details = { files, settings, prompts: encoder.prompts ?? null };
  const place = { name, out, dataRoot, onProgress, batchSize: ENCODER_BATCH };
  return await evaluateInto({ ...place, suite, about, details, encoder, notes: [] }, io);
}

function requireEmbeddings({ id, entries }: Suite): void {
  const isGeneral = (entry: typeof entries[number]) => entryCategory(entry) === "general";
  const asked = entries.filter(isGeneral).map(entryName);
  if (asked.length === 0) return;
  const others = [...new Set(entries.filter((entry) => !isGeneral(entry)).map(entryName))];
  throw new UsageError(
    `the suite "${id}" has tasks that an encoder cannot answer: ${asked.join(", ")}`,
    others.length === 0 ? "choose another suite" : `choose its others with --tasks ${others.join(",")}`,
  );
}

async function evaluateBackbone(
  { resolved, rationale, dataRoot, out, device }: EvaluationOptions,
  suite: Suite,
  backbone: Backbone,
  io: CommandIo,
): Promise<EvaluationResult> {
  const { manifest } = resolved;
  requirePositions(manifest, backbone.config.maxPositions, rationale ? ["evaluation"] : []);
  const model = loadModel(device, backbone, manifest);
  try {
    const { onTokens, onProgress } = suiteProgress(io, "evaluate");
    const reading = { rationale, templateSuffix: manifest.pooling.templateSuffix };
    const encoder = modelEncoder(model, manifest, reading, onTokens);
    const generator = modelGenerator(model, onTokens);
    const about = { suite: suite.id, encoder: encoder.digest, generator: generator.digest };
    const details = { rationale, engine: device.description, files: backbone.files, ...resolved };
    // A checkpoint does not know under which prompt it was trained: what was chosen for it has to be seen.
    const notes = [`preset ${manifest.preset} (${resolved.provenance["preset"]})`];
    const place = { name: backbone.name, out, dataRoot, onProgress };
    return await evaluateInto({ ...place, suite, about, details, encoder, generator, notes }, io);
  } finally {
    model.free();
  }
}

/** What is evaluated, and where its records go. */
interface Evaluation {
  readonly suite: Suite;
  /** Name of the model. */
  readonly name: string;
  /** What the evaluation is of: its identity. */
  readonly about: Readonly<Record<string, unknown>>;
  /** What else its document tells. */
  readonly details: Readonly<Record<string, unknown>>;
  readonly encoder: Encoder;
  readonly generator?: Generator;
  /** Said before it begins. */
  readonly notes: readonly string[];
  readonly dataRoot: string | undefined;
  readonly out: string | undefined;
  readonly batchSize?: number;
  readonly onProgress: NonNullable<Parameters<typeof runSuite>[0]["onProgress"]>;
}

async function evaluateInto(evaluation: Evaluation, io: CommandIo): Promise<EvaluationResult> {
  const { suite, name, about, details, notes, out, ...run } = evaluation;
  const identity = canonicalHash(about);
  const folder = out ?? join("scores", runFolderName(`${name}-${folderPart(suite)}`, identity));
  Deno.mkdirSync(folder, { recursive: true });
  using _lock = RunLock.take(folder);
  removeLeftovers(folder);
  const found = identityOf(folder);
  if (found === undefined) {
    const document = { identity, ...about, ...details };
    writeFileAtomic(join(folder, DOCUMENT), JSON.stringify(document, null, 2) + "\n");
  } else if (found !== identity) {
    throw new UsageError(
      `"${folder}" holds another evaluation (identity ${found.slice(0, 12)}, not ${identity.slice(0, 12)})`,
      `choose another folder with --out; what is in it is told by its ${DOCUMENT}`,
    );
  }
  io.progress.note(`${found === undefined ? "evaluation" : "continuing"} ${folder}`);
  for (const note of notes) io.progress.note(note);
  const { scores } = await runSuite({ ...run, suite, out: folder, signal: io.signal });
  return { folder, scores };
}

/** What a folder's name says of its suite: not which tasks of it, which may be many. The identity tells them apart. */
function folderPart({ id }: Suite): string {
  return id.replace(/[:@].*/, "");
}

/**
 * Identity of the evaluation in a folder; undefined if the folder is empty.
 *
 * @throws {UsageError} if something else is in it
 */
function identityOf(folder: string): string | undefined {
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name !== LOCK_FILE);
  if (names.length === 0) return undefined;
  try {
    const { identity } = JSON.parse(Deno.readTextFileSync(join(folder, DOCUMENT)));
    if (typeof identity === "string") return identity;
  } catch {
    // Reported below.
  }
  throw new UsageError(
    `"${folder}" holds "${
      names[0]
    }" but no ${DOCUMENT} with an identity: it is not the folder of an evaluation`,
    "choose an empty or a new folder with --out",
  );
}
