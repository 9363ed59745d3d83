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
import { requireCoverage } from "../evals/coverage.ts";
import { GivenEmbeddings } from "../evals/given_embeddings.ts";
import { GivenRationales } from "../evals/given_rationales.ts";
import { runSuite } from "../evals/run_suite.ts";
import { requireScoringEngine } from "../evals/scoring_engine.ts";
import type { ScoreRecord } from "../evals/score_record.ts";
import { entryCategory, entryName, findSuite } from "../evals/find_suite.ts";
import { resolveSuite, type Suite } from "../evals/suite.ts";
import { type Backbone, openBackbone } from "../lib/backbone/open.ts";
import { Mirror } from "../lib/data/mirror.ts";
import { canonicalHash } from "../lib/manifest/canonical.ts";
import { runFolderName } from "../lib/manifest/identity.ts";
import { requirePositions } from "../lib/manifest/positions.ts";
import type { ResolvedManifest } from "../lib/manifest/resolve.ts";
import { requireAnswerRoom } from "./answer_room.ts";
import { openEncoder } from "./encoder.ts";
import { takeFolder } from "./evaluation_folder.ts";
import type { CommandIo } from "./io.ts";
import { loadModel, modelEncoder, modelGenerator } from "./model.ts";
import { writeScoreReport } from "./score_report.ts";
import { suiteProgress } from "./suite_progress.ts";

/** What an evaluation needs. */
export interface EvaluationOptions {
  readonly resolved: ResolvedManifest;
  /** Whether the model writes a rationale before a text is embedded. */
  readonly rationale: boolean;
  /** File with rationales that take the place of what the model would write. */
  readonly rationales?: string | undefined;
  readonly dataRoot: string | undefined;
  /** Folder for the records; undefined for one below `scores/` that is named after model and suite. */
  readonly out: string | undefined;
  readonly device: Device;
  /** Where the settings come from, if not from a preset; said before the evaluation begins. */
  readonly origin?: string;
  /** What else tells this evaluation from others, such as the program: part of its identity. */
  readonly identity?: Readonly<Record<string, string>>;
}

/** A finished evaluation. */
export interface EvaluationResult {
  readonly folder: string;
  readonly scores: readonly ScoreRecord[];
}

/** Evaluates the model that the manifest names. */
export async function evaluateModel(options: EvaluationOptions, io: CommandIo): Promise<EvaluationResult> {
  const { manifest } = options.resolved;
  const suite = findSuite(manifest.suite);
  // Asked again when it is evaluated: data that are missing, and scorers that cannot work, are told of before a model is read,
  // and leave no folder.
  const tasks = await resolveSuite(suite, new Mirror(options.dataRoot));
  requireScoringEngine(tasks);
  const given = options.rationales === undefined ? undefined : await GivenRationales.read(options.rationales);
  await given?.requireAll(tasks);
  const backbone = await openBackbone(manifest.backbone);
  try {
    requireAnswerRoom(suite, tasks, backbone);
    return await evaluateBackbone(options, suite, backbone, given, io);
  } finally {
    backbone.close();
  }
}

/** What the evaluation of an encoder needs. */
export interface EncoderEvaluationOptions extends Pick<EvaluationOptions, "dataRoot" | "out" | "identity"> {
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
  const about = { suite: suite.id, encoder: encoder.digest, ...options.identity };
  const details = { files, settings, prompts: encoder.prompts ?? null };
  const place = { name, out, dataRoot, onProgress, batchSize: ENCODER_BATCH };
  return await evaluateInto({ ...place, suite, about, details, encoder, notes: [] }, io);
}

/** What the scoring of embeddings made elsewhere needs. */
export interface GivenEvaluationOptions extends Omit<EncoderEvaluationOptions, "encoder"> {
  /** Folder of the form that {@linkcode GivenEmbeddings} reads. */
  readonly from: string;
}

/**
 * Scores embeddings that another program made, as those of an encoder are.
 *
 * @throws UsageError if the suite has tasks that ask for answers
 * @throws MissingError if a text of the suite has none
 */
export async function evaluateGiven(
  options: GivenEvaluationOptions,
  io: CommandIo,
): Promise<EvaluationResult> {
  const { from, dataRoot, out } = options;
  const suite = findSuite(options.suite);
  requireEmbeddings(suite);
  const tasks = await resolveSuite(suite, new Mirror(dataRoot));
  using encoder = new GivenEmbeddings(from);
  const { needed, extra } = await requireCoverage(tasks, encoder, from);
  const notes = [
    `embeddings of ${needed} texts from ${from}${extra === 0 ? "" : `; ${extra} more that no task needs`}`,
  ];
  const about = { suite: suite.id, encoder: encoder.digest, ...options.identity };
  const details = { files: encoder.files, prompts: encoder.prompts ?? null };
  const { onProgress } = suiteProgress(io, "evaluate");
  const place = { name: encoder.name, out, dataRoot, onProgress };
  return await evaluateInto({ ...place, suite, about, details, encoder, notes }, io);
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
  { resolved, rationale, dataRoot, out, device, origin, identity }: EvaluationOptions,
  suite: Suite,
  backbone: Backbone,
  given: GivenRationales | undefined,
  io: CommandIo,
): Promise<EvaluationResult> {
  const { manifest } = resolved;
  requirePositions(manifest, backbone.config.maxPositions, rationale && !given ? ["evaluation"] : []);
  const model = loadModel(device, backbone, manifest);
  try {
    const { onTokens, onProgress } = suiteProgress(io, "evaluate");
    const reading = { rationale, templateSuffix: manifest.pooling.templateSuffix };
    const encoder = modelEncoder(model, manifest, reading, onTokens, given);
    const generator = modelGenerator(model, onTokens);
    const about = { suite: suite.id, encoder: encoder.digest, generator: generator.digest, ...identity };
    const files = [...backbone.files, ...given ? [{ name: "rationales", sha256: given.sha256 }] : []];
    const details = { rationale, engine: device.description, files, ...resolved };
    // A checkpoint does not know under which prompt it was trained: what was chosen for it has to be seen.
    const notes = [origin ?? `preset ${manifest.preset} (${resolved.provenance["preset"]})`];
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
  const folder = out ?? join("scores", runFolderName(`${name}-${folderPart(suite)}`, canonicalHash(about)));
  using taken = takeFolder(folder, about, { name, ...details });
  io.progress.note(`${taken.continued ? "continuing" : "evaluation"} ${folder}`);
  for (const note of notes) io.progress.note(note);
  const { scores } = await runSuite({ ...run, suite, out: folder, signal: io.signal });
  await writeScoreReport(folder, scores);
  return { folder, scores };
}

/** What a folder's name says of its suite: not which tasks of it, which may be many. The identity tells them apart. */
function folderPart({ id }: Suite): string {
  return id.replace(/[:@].*/, "");
}
