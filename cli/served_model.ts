/**
 * The model that `serve` is asked to serve: a backbone as `embed` reads it, an arm of a run as the run evaluated it, or an exported
 * encoder.
 *
 * @module
 */
import { basename } from "node:path";
import { CheckFailedError, MissingError, UsageError } from "#errors";
import type { Device } from "../kernels/device.ts";
import type { Encoder } from "../evals/encoder.ts";
import { type Backbone, openBackbone } from "../lib/backbone/open.ts";
import { latestCheckpoint } from "../lib/journal/run_folder.ts";
import type { PlannedArm } from "../lib/manifest/arms.ts";
import type { DeviceName, Preset } from "../lib/manifest/names.ts";
import { requirePositions } from "../lib/manifest/positions.ts";
import type { Manifest } from "../lib/manifest/schema.ts";
import { suggest } from "../lib/manifest/suggest.ts";
import { verifyLock } from "../lib/manifest/verify.ts";
import { Prompter } from "../lib/rollout/prompt.ts";
import { openCheckpointWeights } from "../lib/train/checkpoint.ts";
import { dosage } from "../lib/train/data_order.ts";
import { readDocuments, type RunDocuments } from "../lib/verify/documents.ts";
import { RunFiles } from "../lib/verify/run_files.ts";
import { openDevice } from "./device.ts";
import { openEncoder } from "./encoder.ts";
import { backboneInputs, promptFacts } from "./inputs.ts";
import { loadModel, modelEncoder, type Reading, readingOf } from "./model.ts";
import { settingsOf } from "./settings.ts";

/** Which model, and how it is read; what is undefined comes from the manifest, the preset or the run. */
export interface ServedModelOptions {
  readonly backbone?: string | undefined;
  /** Folder of a run, and the name of one of its arms. */
  readonly run?: string | undefined;
  readonly arm?: string | undefined;
  /** Such as `onnx:<folder>`. */
  readonly encoder?: string | undefined;
  readonly manifest?: string | undefined;
  readonly preset?: Preset | undefined;
  readonly rationale: boolean;
  readonly device?: DeviceName | undefined;
  readonly seed?: number | undefined;
}

/** A model, loaded. */
export interface OpenedModel extends Disposable {
  readonly name: string;
  readonly encoder: Encoder;
  /** Whether it writes rationales. */
  readonly rationales: boolean;
}

/** Told of what the user should know about the model. */
export type OnNote = (text: string) => void;

/** Opens what the options name. */
export function openServedModel(options: ServedModelOptions, onNote: OnNote): Promise<OpenedModel> {
  const { run, encoder } = options;
  if (encoder !== undefined) return openExported(encoder, onNote);
  return run === undefined ? openUntrained(options, onNote) : openArm({ ...options, run }, onNote);
}

async function openExported(specification: string, onNote: OnNote): Promise<OpenedModel> {
  const opened = await openEncoder(specification), { encoder, name } = opened;
  const { standard = "", named = {} } = encoder.prompts ?? {};
  if (standard !== "") onNote(`every text stands behind the encoder's standard prompt "${standard}"`);
  const others = Object.entries(named).map(([role, prompt]) => `${role} "${prompt}"`);
  if (others.length > 0) {
    onNote(`the encoder knows prompts that clients have to put before texts: ${others.join(", ")}`);
  }
  return {
    name,
    encoder: {
      ...encoder,
      encode: (texts, encoding = {}) => encoder.encode(texts, { prompt: standard, ...encoding }),
    },
    rationales: false,
    [Symbol.dispose]: () => opened[Symbol.dispose](),
  };
}

/** A model as `embed` reads it. */
async function openUntrained(options: ServedModelOptions, onNote: OnNote): Promise<OpenedModel> {
  const { manifest, provenance } = (await settingsOf(options)).resolved;
  onNote(`preset ${manifest.preset} (${provenance["preset"]})`);
  const reading = { rationale: options.rationale, templateSuffix: manifest.pooling.templateSuffix };
  const backbone = await openBackbone(manifest.backbone);
  return await load({ name: backbone.name, backbone, manifest, reading, checkpoint: undefined }, onNote);
}

/** An arm as the run evaluates it: with the weights of its newest checkpoint and the settings of the run. */
async function openArm(
  { run, arm, backbone: elsewhere, device }: ServedModelOptions & { readonly run: string },
  onNote: OnNote,
): Promise<OpenedModel> {
  const files = RunFiles.open(run), documents = readDocuments(files);
  const plan = planOf(documents, arm), checkpoint = checkpointOf(files.root, plan, onNote);
  const backbone = await openBackbone(elsewhere ?? documents.stored.manifest.backbone);
  try {
    requireBackbone(documents, backbone);
  } catch (error) {
    backbone.close();
    throw error;
  }
  const manifest = { ...plan.manifest, ...(device !== undefined && { device }) };
  const name = `${basename(files.root)}-${plan.name}`;
  return await load({ name, backbone, manifest, reading: readingOf(plan), checkpoint }, onNote);
}

function planOf({ plans }: RunDocuments, arm: string | undefined): PlannedArm {
  const names = plans.map(({ name }) => name), plan = plans.find(({ name }) => name === arm);
  if (plan !== undefined) return plan;
  const near = arm === undefined ? undefined : suggest(arm, names);
  throw new UsageError(
    arm === undefined ? "no arm of the run is named" : `the run has no arm "${arm}"`,
    near === undefined ? `name one with --arm: ${names.join(", ")}` : `did you mean ${near}?`,
  );
}

/** Folder of an arm's trained weights; undefined for the untrained ones. */
function checkpointOf(run: string, { name, training }: PlannedArm, onNote: OnNote): string | undefined {
  if (training === null) return undefined;
  const checkpoint = latestCheckpoint(run, training.name);
  if (checkpoint === undefined) {
    throw new MissingError(
      `the run has no checkpoint of "${name}"`,
      "it was not trained yet: continue the run with its command",
    );
  }
  const { steps } = dosage(training.arm, training.manifest);
  const unfinished = checkpoint.step < steps ? ": the run is not finished" : "";
  onNote(`weights after step ${checkpoint.step} of ${steps}${unfinished}`);
  return checkpoint.path;
}

/**
 * Fails unless the backbone is the one that the run began with: tokenizer and template come from it.
 *
 * @throws CheckFailedError listing what differs
 */
function requireBackbone({ lock, stored: { manifest } }: RunDocuments, backbone: Backbone): void {
  const others = Object.entries(lock.inputs).filter(([name]) => !name.startsWith("backbone/"));
  const inputs = { ...Object.fromEntries(others), ...backboneInputs(backbone) };
  const prompt = promptFacts(manifest, backbone, new Prompter(backbone, manifest.prompt));
  const differences = verifyLock(lock, { ...lock, inputs, prompt });
  if (differences.length === 0) return;
  throw new CheckFailedError(
    `the backbone is not the one of the run: ${differences.join("; ")}`,
    "say with --backbone where that is",
  );
}

interface Loading {
  readonly name: string;
  readonly backbone: Backbone;
  readonly manifest: Manifest;
  readonly reading: Reading;
  /** Folder of the weights that take the place of the backbone's. */
  readonly checkpoint: string | undefined;
}

async function load(
  { name, backbone, manifest, reading, checkpoint }: Loading,
  onNote: OnNote,
): Promise<OpenedModel> {
  const { rationale } = reading;
  let device: Device | undefined;
  try {
    requirePositions(manifest, backbone.config.maxPositions, rationale ? ["evaluation"] : []);
    device = await openDevice(manifest.device, { note: onNote });
    const source = checkpoint === undefined ? undefined : openCheckpointWeights(checkpoint);
    const trained = source && { source, file: `${checkpoint}/model.safetensors` };
    const model = loadModel(device, backbone, manifest, trained);
    const engine = device;
    return {
      name,
      encoder: modelEncoder(model, manifest, reading),
      rationales: rationale,
      [Symbol.dispose]: () => {
        model.free();
        source?.close();
        backbone.close();
        engine.dispose();
      },
    };
  } catch (error) {
    backbone.close();
    device?.dispose();
    throw error;
  }
}
