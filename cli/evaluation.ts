/**
 * Evaluates one model into a folder of its own. The folder belongs to one model, read in one way, on one suite; the same
 * command continues an evaluation that was interrupted.
 *
 * @module
 */
import { join } from "node:path";
import { UsageError } from "#errors";
import type { Device } from "../kernels/device.ts";
import { runSuite } from "../evals/run_suite.ts";
import type { ScoreRecord } from "../evals/score_record.ts";
import { findSuite } from "../evals/find_suite.ts";
import { resolveSuite, type Suite } from "../evals/suite.ts";
import { type Backbone, openBackbone } from "../lib/backbone/open.ts";
import { Mirror } from "../lib/data/mirror.ts";
import { removeLeftovers, writeFileAtomic } from "../lib/journal/atomic.ts";
import { LOCK_FILE, RunLock } from "../lib/journal/run_lock.ts";
import { canonicalHash } from "../lib/manifest/canonical.ts";
import { runFolderName } from "../lib/manifest/identity.ts";
import { requirePositions } from "../lib/manifest/positions.ts";
import type { ResolvedManifest } from "../lib/manifest/resolve.ts";
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
    const identity = canonicalHash(about);
    const folder = out ?? join("scores", runFolderName(`${backbone.name}-${folderPart(suite)}`, identity));
    Deno.mkdirSync(folder, { recursive: true });
    using _lock = RunLock.take(folder);
    removeLeftovers(folder);
    const found = identityOf(folder);
    if (found === undefined) {
      const { files } = backbone;
      const document = { identity, ...about, rationale, engine: device.description, files, ...resolved };
      writeFileAtomic(join(folder, DOCUMENT), JSON.stringify(document, null, 2) + "\n");
    } else if (found !== identity) {
      throw new UsageError(
        `"${folder}" holds another evaluation (identity ${found.slice(0, 12)}, not ${identity.slice(0, 12)})`,
        `choose another folder with --out; what is in it is told by its ${DOCUMENT}`,
      );
    }
    io.progress.note(`${found === undefined ? "evaluation" : "continuing"} ${folder}`);
    // A checkpoint does not know under which prompt it was trained: what was chosen for it has to be seen.
    io.progress.note(`preset ${manifest.preset} (${resolved.provenance["preset"]})`);
    const { signal } = io;
    const { scores } = await runSuite({
      suite,
      dataRoot,
      encoder,
      generator,
      out: folder,
      signal,
      onProgress,
    });
    return { folder, scores };
  } finally {
    model.free();
  }
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
