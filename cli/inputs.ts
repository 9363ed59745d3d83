/**
 * What goes into a run: backbone, tasks and training data, and the lock that pins them.
 *
 * @module
 */
import { dirname } from "node:path";
import type { Device } from "../kernels/device.ts";
import { type Overlap, overlaps } from "../evals/overlap.ts";
import { findSuite } from "../evals/find_suite.ts";
import { requireScoringEngine } from "../evals/scoring_engine.ts";
import { type ResolvedTask, resolveSuite, type Suite } from "../evals/suite.ts";
import { type Backbone, openBackbone } from "../lib/backbone/open.ts";
import type { DataFile } from "../lib/data/data_file.ts";
import { Mirror } from "../lib/data/mirror.ts";
import { loadTraining } from "../lib/data/training.ts";
import type { PlannedArm, Training } from "../lib/manifest/arms.ts";
import { canonicalHash } from "../lib/manifest/canonical.ts";
import { describeEngine, digestSource, engineFacts } from "../lib/manifest/environment.ts";
import { sha256Hex } from "../lib/manifest/hash.ts";
import type { Lock } from "../lib/manifest/lock.ts";
import type { Manifest } from "../lib/manifest/schema.ts";
import type { Prompter } from "../lib/rollout/prompt.ts";
import { orderDigest } from "../lib/train/data_order.ts";
import type { Example } from "../lib/train/session.ts";
import config from "../deno.json" with { type: "json" };

/** Everything that a run reads. */
export interface Inputs {
  readonly backbone: Backbone;
  readonly suite: Suite;
  readonly tasks: readonly ResolvedTask[];
  /** Training data; none where no arm is trained. */
  readonly examples: readonly Example[];
  readonly files: readonly DataFile[];
  readonly overlaps: readonly Overlap[];
}

/** What has to be trained for these arms, each once, in their order. */
export function trainingsOf(plans: readonly PlannedArm[]): Training[] {
  return [...new Map(plans.flatMap(({ training }) => training ? [[training.name, training]] : [])).values()];
}

/**
 * Opens the inputs of a run; the backbone is to be closed by the caller.
 *
 * @param dataRoot folder of the data sets that are not built in, if one is given
 */
export async function openInputs(
  manifest: Manifest,
  plans: readonly PlannedArm[],
  dataRoot: string | undefined,
): Promise<Inputs> {
  const suite = findSuite(manifest.suite), mirror = new Mirror(dataRoot);
  const tasks = await resolveSuite(suite, mirror);
  requireScoringEngine(tasks);
  const needed = trainingsOf(plans).length > 0;
  const training = needed ? await loadTraining(mirror, manifest.data) : null;
  const examples = training?.rows ?? [];
  return {
    backbone: await openBackbone(manifest.backbone),
    suite,
    tasks,
    examples,
    files: [...tasks.flatMap((task) => task.files), ...(training ? [training.file] : [])],
    overlaps: overlaps(examples, tasks),
  };
}

/** What a lock keeps of a backbone's files. */
export function backboneInputs({ files }: Pick<Backbone, "files">): Lock["inputs"] {
  return Object.fromEntries(files.map(({ name, bytes, sha256 }) => [`backbone/${name}`, { bytes, sha256 }]));
}

/** What a lock keeps of data files. */
export function dataInputs(files: readonly DataFile[]): Lock["inputs"] {
  return Object.fromEntries(
    files.map(({ path, bytes, sha256, rows }) => [`data/${path}`, { bytes, sha256, rows }]),
  );
}

/** What a lock keeps of how texts become the model's input. */
export function promptFacts(
  { prompt }: Manifest,
  { tokenizerFiles, chatTemplate, eosIds }: Pick<Backbone, "tokenizerFiles" | "chatTemplate" | "eosIds">,
  prompter: Prompter,
): Lock["prompt"] {
  return {
    tokenizer: canonicalHash(
      Object.fromEntries([...tokenizerFiles].map(([name, bytes]) => [name, sha256Hex(bytes)])),
    ),
    chatTemplate: sha256Hex(chatTemplate.source),
    system: sha256Hex(prompt.system),
    systemTokens: prompter.frame.prefix,
    eosIds: [...eosIds].sort((a, b) => a - b),
  };
}

/** What a lock keeps of this program. */
export function toolFacts(): Lock["tool"] {
  return { version: config.version, source: digestSource(dirname(import.meta.dirname!)) };
}

/** Digests of the inputs, the program and the engine. */
export function makeLock(
  manifest: Manifest,
  plans: readonly PlannedArm[],
  { backbone, files, examples }: Inputs,
  prompter: Prompter,
  device: Device,
): Lock {
  return {
    version: 1,
    tool: toolFacts(),
    inputs: { ...backboneInputs(backbone), ...dataInputs(files) },
    prompt: promptFacts(manifest, backbone, prompter),
    order: orderDigest(trainingsOf(plans), examples.length),
    engine: describeEngine(engineFacts(device.description)),
  };
}
