/**
 * A whole run: evaluate the untouched backbone, train each arm, evaluate it, compare. Every stage leaves its records in
 * the run's folder and does again only what they lack, so the same command continues an interrupted run: training goes
 * on from the newest checkpoint (a finished arm is not trained again), evaluation embeds and asks what is not stored,
 * and scores and report are made anew from the records.
 *
 * @module
 */
import { dirname, join } from "node:path";
import type { Device } from "../kernels/device.ts";
import { compareFolders, type Comparison } from "../evals/compare.ts";
import { type Overlap, overlaps } from "../evals/overlap.ts";
import { paperComparison } from "../evals/paper/comparison.ts";
import { renderComparison, renderScores } from "../evals/report.ts";
import { runSuite } from "../evals/run_suite.ts";
import { readScores, type ScoreRecord } from "../evals/score_record.ts";
import { findSuite, resolveSuite, type Suite } from "../evals/suite.ts";
import { type Backbone, openBackbone } from "../lib/backbone/open.ts";
import type { DataFile } from "../lib/data/data_file.ts";
import { sha256Hex } from "../lib/manifest/hash.ts";
import { Mirror } from "../lib/data/mirror.ts";
import { loadTexts, loadTriplets } from "../lib/data/training.ts";
import { writeFileAtomic } from "../lib/journal/atomic.ts";
import { scoresPath } from "../lib/journal/layout.ts";
import { RunFolder } from "../lib/journal/run_folder.ts";
import { canonicalHash } from "../lib/manifest/canonical.ts";
import { describeEngine, digestSource } from "../lib/manifest/environment.ts";
import { manifestHash, resolvedText, runFolderName } from "../lib/manifest/identity.ts";
import { loadLock, type Lock, lockText } from "../lib/manifest/lock.ts";
import { type RationaleSection, requirePositions } from "../lib/manifest/positions.ts";
import type { ResolvedManifest } from "../lib/manifest/resolve.ts";
import type { Arm, Manifest } from "../lib/manifest/schema.ts";
import { requireLock } from "../lib/manifest/verify.ts";
import { Prompter } from "../lib/rollout/prompt.ts";
import { openCheckpointWeights } from "../lib/train/checkpoint.ts";
import { DataOrder } from "../lib/train/data_order.ts";
import { trainArm, type TrainedArm } from "../lib/train/loop.ts";
import type { Example } from "../lib/train/session.ts";
import config from "../deno.json" with { type: "json" };
import type { CommandIo } from "./io.ts";
import { type LoadedModel, loadModel, modelEncoder, modelGenerator, type Reading } from "./model.ts";
import { requireBackbone } from "./settings.ts";
import { suiteProgress } from "./suite_progress.ts";
import { takeOverAnswers } from "./take_over_answers.ts";

/** What a run needs besides its settings. */
export interface ExperimentOptions {
  readonly resolved: ResolvedManifest;
  /** Text of `grace.json`, or what stands for it where there is none. */
  readonly intent: string;
  /** Where `grace.lock.json` is kept beside a manifest of the user's; null where there is no such file. */
  readonly lockFile: string | null;
  /** Fail instead of updating that file. */
  readonly frozen: boolean;
  readonly dataRoot: string;
  /** Folder in which the run's folder is made. */
  readonly out: string;
  readonly device: Device;
}

/** A finished run. */
export interface ExperimentResult {
  readonly folder: string;
  /** Null for a run of a single arm. */
  readonly comparison: Comparison | null;
  /** Scores of the single arm; null where several are compared. */
  readonly scores: readonly ScoreRecord[] | null;
  /** Tables for people. */
  readonly text: string;
}

interface Inputs {
  readonly backbone: Backbone;
  readonly suite: Suite;
  readonly examples: readonly Example[];
  readonly files: readonly DataFile[];
  readonly overlaps: readonly Overlap[];
}

const trains = (arm: Arm): arm is TrainedArm => arm === "cl" || arm === "grace";

/** Does the whole run. */
export async function runExperiment(options: ExperimentOptions, io: CommandIo): Promise<ExperimentResult> {
  const { manifest } = options.resolved;
  const inputs = await openInputs(manifest, options.dataRoot);
  try {
    const prompter = new Prompter(inputs.backbone, manifest.prompt);
    requirePositions(manifest, inputs.backbone.config.maxPositions, rationaleSections(manifest));
    const lock = makeLock(manifest, inputs, prompter, options.device);
    if (options.lockFile && options.frozen) requireLock(loadLock(options.lockFile), lock);
    const identity = manifestHash(manifest, lock);
    const folder = join(options.out, runFolderName(inputs.backbone.name, identity));
    using run = RunFolder.open(folder, {
      identity,
      intent: options.intent,
      lock: lockText(lock),
      resolved: resolvedText(options.resolved, identity),
    });
    // Only now: a run that was refused must not leave a lock that speaks for it.
    if (options.lockFile && !options.frozen) writeFileAtomic(options.lockFile, lockText(lock));
    io.progress.note(`${run.resumed ? "continuing" : "run"} ${folder}`);
    for (const { source, rows, task } of inputs.overlaps) {
      io.progress.note(
        `${rows} of ${inputs.examples.length} training rows are from "${source}", and so is ${task}`,
      );
    }
    for (const trace of run.recovered) io.progress.note(`recovered: ${trace}`);
    let untrained: string | undefined;
    for (const arm of manifest.arms) {
      const trained = trains(arm) ? await train(arm, options, inputs, prompter, run, io) : undefined;
      const scores = await evaluate(
        arm,
        trained,
        trained ? undefined : untrained,
        options,
        inputs,
        folder,
        io,
      );
      if (!trained) untrained = scores;
    }
    const result = await report(manifest, inputs.backbone.name, folder);
    run.writeFile("report.md", result.markdown);
    run.writeFile("report.txt", result.text);
    if (result.comparison) {
      run.writeFile("report.json", renderComparison(result.comparison, "json"));
      run.writeFile("report.csv", renderComparison(result.comparison, "csv"));
    }
    return { folder, comparison: result.comparison, scores: result.scores, text: result.text };
  } finally {
    inputs.backbone.close();
  }
}

async function openInputs(manifest: Manifest, dataRoot: string): Promise<Inputs> {
  const path = requireBackbone(manifest);
  const suite = findSuite(manifest.suite);
  const tasks = await resolveSuite(suite, new Mirror(dataRoot));
  const needsTraining = manifest.arms.some(trains);
  const label = manifest.data.train;
  const load = manifest.data.kind === "supervised" ? loadTriplets : loadTexts;
  const training = needsTraining ? await load(join(dataRoot, label), { label }) : null;
  const backbone = await openBackbone(path);
  return {
    backbone,
    suite,
    examples: training?.rows ?? [],
    files: [...tasks.flatMap((task) => task.files), ...(training ? [training.file] : [])],
    overlaps: overlaps(training?.rows ?? [], tasks),
  };
}

function makeLock(manifest: Manifest, inputs: Inputs, prompter: Prompter, device: Device): Lock {
  const { backbone, files, examples } = inputs;
  const { engine, threads, ...runtime } = device.description;
  const order = manifest.arms.filter(trains).map((arm) => {
    const [batch, steps] = arm === "cl"
      ? [manifest.cl.batch, manifest.cl.steps]
      : [manifest.train.promptsPerStep, manifest.train.steps];
    const data = new DataOrder(examples.length, batch, manifest.seed);
    return Array.from({ length: steps }, (_, step) => data.at(step + 1));
  });
  return {
    version: 1,
    tool: { version: config.version, source: digestSource(dirname(import.meta.dirname!)) },
    inputs: Object.fromEntries([
      ...backbone.files.map(({ name, bytes, sha256 }) => [`backbone/${name}`, { bytes, sha256 }]),
      ...files.map(({ path, bytes, sha256, rows }) => [`data/${path}`, { bytes, sha256, rows }]),
    ]),
    prompt: {
      tokenizer: canonicalHash(
        Object.fromEntries([...backbone.tokenizerFiles].map(([name, bytes]) => [name, sha256Hex(bytes)])),
      ),
      chatTemplate: sha256Hex(backbone.chatTemplate.source),
      system: sha256Hex(manifest.prompt.system),
      systemTokens: prompter.frame.prefix,
      eosIds: [...backbone.eosIds].sort((a, b) => a - b),
    },
    order: canonicalHash(order),
    engine: describeEngine({
      device: String(engine),
      runtime: Object.entries(runtime).map(([name, version]) => `${name} ${version}`).join(", "),
      threads: Number(threads),
    }),
  };
}

async function train(
  arm: TrainedArm,
  options: ExperimentOptions,
  inputs: Inputs,
  prompter: Prompter,
  run: RunFolder,
  io: CommandIo,
): Promise<string> {
  return await trainArm({
    arm,
    manifest: options.resolved.manifest,
    device: options.device,
    backbone: inputs.backbone,
    prompter,
    examples: inputs.examples,
    run,
    signal: io.signal,
    onStep: ({ done, total, tokens, summary }) => {
      const task = `train ${arm}`;
      io.progress.update({ task, done, total, unit: "steps", tokens, ...(summary && { detail: summary }) });
    },
  });
}

/**
 * Evaluates an arm into `scores/<arm>`. Arms with the same weights answer the general benchmarks alike, so the answers in
 * the folder `sameWeights` are taken over.
 *
 * @returns the arm's folder of scores
 */
async function evaluate(
  arm: Arm,
  trained: string | undefined,
  sameWeights: string | undefined,
  options: ExperimentOptions,
  inputs: Inputs,
  folder: string,
  io: CommandIo,
): Promise<string> {
  const { manifest } = options.resolved;
  const out = join(scoresPath(folder), arm);
  const source = trained === undefined ? undefined : openCheckpointWeights(trained);
  let model: LoadedModel | undefined;
  try {
    model = loadModel(
      options.device,
      inputs.backbone,
      manifest,
      source && { source, file: join(trained!, "model.safetensors") },
    );
    const { onTokens, onProgress } = suiteProgress(io, `evaluate ${arm}`);
    if (sameWeights) takeOverAnswers(sameWeights, out);
    await runSuite({
      suite: inputs.suite,
      dataRoot: options.dataRoot,
      encoder: modelEncoder(model, manifest, readingOf(arm, manifest), onTokens),
      generator: modelGenerator(model, onTokens),
      out,
      signal: io.signal,
      onProgress,
    });
  } finally {
    model?.free();
    source?.close();
  }
  return out;
}

/** Where the lengths of the rationales are set that the arms write. */
function rationaleSections({ arms }: Manifest): RationaleSection[] {
  return [
    ...(arms.includes("grace") ? ["sampling" as const] : []),
    ...(arms.includes("grace") || arms.includes("reasoning") ? ["evaluation" as const] : []),
  ];
}

/** How the arms are read (paper section 4.2): GRACE and "reasoning" write rationales, the others embed the text alone. */
export function readingOf(arm: Arm, manifest: Manifest): Reading {
  return {
    rationale: arm === "reasoning" || arm === "grace",
    templateSuffix: arm === "cl" ? manifest.cl.templateSuffix : manifest.pooling.templateSuffix,
  };
}

async function report(
  manifest: Manifest,
  backbone: string,
  folder: string,
): Promise<Omit<ExperimentResult, "folder"> & { markdown: string }> {
  const folders = manifest.arms.map((arm) => ({ name: arm, folder: join(scoresPath(folder), arm) }));
  if (folders.length === 1) {
    const scores = (await readScores(folders[0]!.folder)).map(({ record }) => record);
    return {
      comparison: null,
      scores,
      text: renderScores(scores, "text"),
      markdown: renderScores(scores, "markdown"),
    };
  }
  const comparison = await compareFolders(folders);
  const paper = paperComparison(comparison, backbone, manifest.data.kind);
  return {
    comparison,
    scores: null,
    text: `${renderComparison(comparison, "text")}\n${paper.text}`,
    markdown: `${renderComparison(comparison, "markdown")}\n${paper.markdown}`,
  };
}
