/**
 * The checkpoint of an arm: the one that its journal ends with, made of the backbone's files, with the weights that its evaluations
 * name.
 *
 * @module
 */
import { HF_FILES } from "../backbone/hf_folder.ts";
import type { Backbone } from "../backbone/open.ts";
import { openSafetensors } from "../backbone/safetensors.ts";
import { checkpointName, checkpointStep } from "../journal/layout.ts";
import type { Training } from "../manifest/arms.ts";
import { canonicalHash } from "../manifest/canonical.ts";
import { digestFile } from "../manifest/hash.ts";
import type { Lock } from "../manifest/lock.ts";
import { ADAPTER_FOLDER } from "../train/checkpoint.ts";
import { dosage } from "../train/data_order.ts";
import { checkAdapter } from "./adapter.ts";
import { type Check, type Checking, runCheck } from "./check.ts";
import type { RunFiles } from "./run_files.ts";
import { newestCheckpoint } from "./stages.ts";

/** Files of a checkpoint that are not the tokenizer's. */
const WEIGHTS = "model.safetensors", STATE = "trainer.json";
const MOMENTS = ["adam_m.safetensors", "adam_v.safetensors"];

/** What checking a checkpoint needs. */
export interface CheckpointCheckOptions {
  readonly files: RunFiles;
  readonly training: Training;
  readonly lock: Lock;
  /** Whether the run goes on after this training. */
  readonly finished: boolean;
  /** The files beside the weights as they are made of the backbone; undefined where that is not here. */
  readonly frame: ReadonlyMap<string, string | Uint8Array> | undefined;
  /** Undefined where it is not here. */
  readonly backbone: Pick<Backbone, "config" | "tensors"> | undefined;
}

/** A checked checkpoint. */
export interface CheckedCheckpoint {
  readonly checks: Check[];
  /** SHA-256 of the weights; undefined if there are none, or they cannot be read. */
  readonly weights: string | undefined;
  /** Its folder inside the run; empty if there is none. */
  readonly folder: string;
}

/** Checks the checkpoint of an arm. */
export async function checkCheckpoint(options: CheckpointCheckOptions): Promise<CheckedCheckpoint> {
  const { files, training: { arm, name, manifest }, finished, backbone } = options;
  const { steps } = dosage(arm, manifest), newest = newestCheckpoint(files, name);
  const file = newest === undefined ? "" : `arms/${name}/checkpoints/${checkpointName(newest)}`;
  let weights: string | undefined;
  const check = await runCheck("checkpoints", `${name}: checkpoint`, "files", (it) => {
    if (newest === undefined) {
      if (!finished) return it.notReached(`there is no checkpoint of ${steps} steps yet`);
      return it.notPossible(`its checkpoint is not in the folder; --replay ${steps} makes its weights again`);
    }
    files.requirePlain(file);
    checkSteps(files, name, newest, steps, finished, it);
    checkTokenizer(options, file, it);
    checkFrame(options, file, it);
    checkState(options, file, newest, it);
    weights = checkWeights(files, file, it);
    checkAdapter({ files, lora: manifest.lora, checkpoint: file, weights: WEIGHTS, backbone }, it);
  });
  return { checks: [check], weights, folder: file };
}

/** There is one checkpoint, and it is not ahead of the run. */
function checkSteps(
  files: RunFiles,
  name: string,
  newest: number,
  steps: number,
  finished: boolean,
  it: Checking,
): void {
  const folder = `arms/${name}/checkpoints`;
  for (const other of files.names(folder)) {
    const step = checkpointStep(other);
    if (step === undefined) {
      it.problem({ file: `${folder}/${other}`, what: "is not the name of a checkpoint" });
    } else if (step < newest) it.note(`${folder}/${other} is older, and is removed when the run goes on`);
  }
  const at = `${folder}/${checkpointName(newest)}`;
  if (newest > steps) it.problem({ file: at, what: `is after step ${newest}, the run has ${steps}` });
  if (finished && newest < steps) {
    it.problem({ file: at, what: `is after step ${newest} of ${steps}, although training was finished` });
  }
}

/** The tokenizer's files are those that the lock has the digest of. */
function checkTokenizer({ files, lock }: CheckpointCheckOptions, file: string, it: Checking): void {
  const others = [
    WEIGHTS,
    STATE,
    ...MOMENTS,
    HF_FILES.config,
    HF_FILES.generation,
    HF_FILES.template,
    ADAPTER_FOLDER,
  ];
  const names = files.names(file).filter((name) => !others.includes(name));
  const digest = (name: string) => digestFile(files.path(`${file}/${name}`)).sha256;
  it.count(names.length);
  it.same(
    { file, field: `tokenizer (${names.join(", ")})` },
    canonicalHash(Object.fromEntries(names.map((name) => [name, digest(name)]))),
    lock.prompt.tokenizer,
  );
  if (files.entry(`${file}/${HF_FILES.template}`) === undefined) {
    it.problem({ file, field: HF_FILES.template, what: "is not there" });
    return;
  }
  it.count();
  it.same(
    { file: `${file}/${HF_FILES.template}`, field: "SHA-256" },
    digest(HF_FILES.template),
    lock.prompt.chatTemplate,
  );
}

/** The files beside the weights are what the backbone gives. */
function checkFrame({ files, frame }: CheckpointCheckOptions, file: string, it: Checking): void {
  if (frame === undefined) {
    it.note(`${HF_FILES.config} and ${HF_FILES.generation} are not compared: the backbone is not here`);
    return;
  }
  for (const name of [HF_FILES.config, HF_FILES.generation]) {
    const content = frame.get(name)!,
      wanted = typeof content === "string" ? content : new TextDecoder().decode(content);
    const stored = files.text(`${file}/${name}`);
    it.count();
    if (stored !== wanted) it.problem({ file: `${file}/${name}`, what: "is not what the backbone gives" });
  }
}

/** A finished arm has no moments; another one counts its updates. */
function checkState(
  { files, training }: CheckpointCheckOptions,
  file: string,
  newest: number,
  it: Checking,
): void {
  const { arm, manifest } = training, { steps } = dosage(arm, manifest);
  if (newest >= steps) {
    for (const name of [STATE, ...MOMENTS]) {
      if (files.entry(`${file}/${name}`)) {
        it.problem({ file: `${file}/${name}`, what: "is nothing that a finished arm has" });
      }
    }
    return;
  }
  for (const name of MOMENTS) {
    openSafetensors([files.path(`${file}/${name}`)]).close();
    it.count();
  }
  const state = JSON.parse(files.text(`${file}/${STATE}`)) as { updates?: unknown } | null;
  it.count();
  const updates = newest * (arm === "cl" ? 1 : manifest.train.miniBatches);
  it.same({ file: `${file}/${STATE}`, field: "updates" }, state?.updates, updates);
  it.note("nothing names the digest of these weights until the arm is evaluated; a replay compares them");
}

/** The weights can be read, and their header fits the file: only then are they digested. */
function checkWeights(files: RunFiles, file: string, it: Checking): string {
  const path = files.path(`${file}/${WEIGHTS}`);
  openSafetensors([path]).close();
  it.count();
  return digestFile(path).sha256;
}
