/**
 * `verify --replay`: executes the first steps of each trained arm again, and makes the first embeddings and answers of each arm again,
 * and compares them with what the run stored, bit for bit. Nothing is written but to a temporary folder.
 *
 * @module
 */
import type { Device } from "../kernels/device.ts";
import { textRecord } from "../evals/embedding_store.ts";
import type { Generation, Likelihood } from "../evals/encoder.ts";
import { generalRequests, isGeneral } from "../evals/general/general_task.ts";
import { type ModelRequest, requestKey } from "../evals/generation_store.ts";
import { MissingInputs } from "../evals/inputs.ts";
import type { ResolvedTask } from "../evals/suite.ts";
import type { Backbone } from "../lib/backbone/open.ts";
import { checkpointName } from "../lib/journal/layout.ts";
import { jsonDifferences } from "../lib/journal/json_differences.ts";
import type { PlannedArm, Training } from "../lib/manifest/arms.ts";
import { filesBelow } from "../lib/export/checksums.ts";
import { digestFile } from "../lib/manifest/hash.ts";
import { Prompter } from "../lib/rollout/prompt.ts";
import { openCheckpointWeights } from "../lib/train/checkpoint.ts";
import { dosage } from "../lib/train/data_order.ts";
import { replaySteps } from "../lib/train/replay.ts";
import type { Example } from "../lib/train/session.ts";
import { type Check, Checking, runCheck } from "../lib/verify/check.ts";
import { recordsIn } from "../lib/verify/journal_file.ts";
import { compareReplayed, readStoredSteps } from "../lib/verify/replayed.ts";
import type { RunFiles } from "../lib/verify/run_files.ts";
import { newestCheckpoint } from "../lib/verify/stages.ts";
import { trainingsOf } from "./inputs.ts";
import type { CommandIo } from "./io.ts";
import { type LoadedModel, loadModel, modelEncoder, modelGenerator, readingOf } from "./model.ts";

/** What a replay needs; what is undefined is not here, or is not what the lock says. */
export interface ReplayRunOptions {
  readonly files: RunFiles;
  readonly plans: readonly PlannedArm[];
  /** Steps of each arm. */
  readonly steps: number;
  readonly device: Device | undefined;
  readonly backbone: Backbone | undefined;
  readonly examples: readonly Example[] | undefined;
  readonly tasks: readonly ResolvedTask[] | undefined;
  /** In what program and machine differ from those of the run. */
  readonly elsewhere: readonly string[];
}

/** Texts that are embedded again, and requests of each kind that are answered again. */
const SAMPLE = 8;

/** Replays a run. */
export async function replayRun(options: ReplayRunOptions, io: CommandIo): Promise<Check[]> {
  const checks: Check[] = [];
  for (const training of trainingsOf(options.plans)) checks.push(await replayTraining(training, options, io));
  for (const plan of options.plans) checks.push(await replayEvaluation(plan, options, io));
  return checks;
}

/** Said beside whatever does not come out again. */
function noteElsewhere({ elsewhere }: ReplayRunOptions, it: Checking): void {
  if (it.problemCount === 0 || elsewhere.length === 0) return;
  it.note(`bits are promised on one machine, with one program: here ${elsewhere.join("; ")}`);
}

function replayTraining(training: Training, options: ReplayRunOptions, io: CommandIo): Promise<Check> {
  const { arm, name, manifest } = training, { files, device, backbone, examples } = options;
  const { steps: planned } = dosage(arm, manifest);
  return runCheck("replay", `${name}: training`, "records", async (it) => {
    if (!device || !backbone || !examples) return it.notPossible(lacks(options));
    // Lines that cannot be read are told by the check of the journal.
    const stored = readStoredSteps(files, name, planned, new Checking());
    const there = Math.max(0, ...[...stored.steps.keys()].map(Number).filter(Number.isSafeInteger));
    const steps = Math.min(options.steps, planned, there), checkpoint = newestCheckpoint(files, name);
    if (steps === 0) return it.notReached("no step is in the journal");
    if (steps < options.steps) {
      it.note(
        `${options.steps} steps were asked for, the journal has ${there} of ${planned}: ${steps} are executed`,
      );
    }
    const differing: number[] = [];
    const show = (done: number) =>
      io.progress.update({ task: `replay ${name}`, done, total: steps, unit: "steps" });
    show(0);
    const prompter = new Prompter(backbone, manifest.prompt);
    for await (
      const replayed of replaySteps({
        training,
        device,
        backbone,
        prompter,
        examples,
        steps,
        signal: io.signal,
      })
    ) {
      if (!compareReplayed(name, stored, replayed, it)) differing.push(replayed.step);
      if (replayed.step === checkpoint) await compareCheckpoint(files, name, replayed, it);
      show(replayed.step);
    }
    const equal = differing.length === 0 ? "all" : String(steps - differing.length);
    it.note(`${equal} of ${steps} executed steps are the same to the last bit`);
    if (differing.length > 0) it.note(`the first that is not is step ${differing[0]}`);
    if (checkpoint === undefined || checkpoint > steps) {
      it.note(`the weights are compared by --replay ${checkpoint ?? planned}`);
    }
    noteElsewhere(options, it);
  });
}

/** The checkpoint of the run has the same bytes as the one that is written now. */
async function compareCheckpoint(
  files: RunFiles,
  arm: string,
  { step, writeCheckpoint }: { step: number; writeCheckpoint: (folder: string) => Promise<void> },
  it: Checking,
): Promise<void> {
  const folder = `arms/${arm}/checkpoints/${checkpointName(step)}`;
  files.requirePlain(folder);
  const again = Deno.makeTempDirSync({ prefix: "grace-verify-" });
  try {
    await writeCheckpoint(again);
    for (const { path, sha256 } of filesBelow(again)) {
      const file = `${folder}/${path}`;
      it.count();
      if (files.entry(file) === undefined) it.problem({ file, what: "is not there" });
      else {
        it.same(
          { file, at: `step ${step}`, field: "SHA-256" },
          digestFile(files.path(file)).sha256,
          sha256,
        );
      }
    }
  } finally {
    Deno.removeSync(again, { recursive: true });
  }
}

function lacks({ device, backbone, examples, tasks }: ReplayRunOptions): string {
  const missing = [
    ...backbone ? [] : ["the backbone"],
    ...examples ? [] : ["the training data"],
    ...tasks ? [] : ["the data of the suite"],
    ...device ? [] : ["the engine"],
  ];
  return `not here, or not as the lock says: ${missing.join(", ")}`;
}

function replayEvaluation(plan: PlannedArm, options: ReplayRunOptions, io: CommandIo): Promise<Check> {
  const { files, device, backbone, tasks } = options, { name, training, manifest } = plan;
  return runCheck("replay", `${name}: first embeddings and answers`, "records", async (it) => {
    const folder = `scores/${name}`;
    if (files.names(folder).length === 0) return it.notReached(`there is nothing in ${folder} yet`);
    if (!device || !backbone || !tasks) return it.notPossible(lacks({ ...options, examples: [] }));
    files.requirePlain(folder);
    const step = training && newestCheckpoint(files, training.name);
    if (training && step !== dosage(training.arm, training.manifest).steps) {
      return it.notPossible(`its checkpoint is not in the folder`);
    }
    const checkpoint = training && `arms/${training.name}/checkpoints/${checkpointName(step!)}`;
    if (checkpoint) files.requirePlain(checkpoint);
    const source = checkpoint ? openCheckpointWeights(files.path(checkpoint)) : undefined;
    let model: LoadedModel | undefined;
    try {
      const trained = source && { source, file: files.path(`${checkpoint}/model.safetensors`) };
      model = loadModel(device, backbone, manifest, trained);
      io.progress.update({ task: `replay ${name}`, done: 0, total: 2, unit: "samples" });
      await compareEmbeddings(model, plan, options, folder, it);
      io.progress.update({ task: `replay ${name}`, done: 1, total: 2, unit: "samples" });
      io.signal.throwIfAborted();
      await compareAnswers(model, options, folder, it);
      io.progress.update({ task: `replay ${name}`, done: 2, total: 2, unit: "samples" });
    } finally {
      model?.free();
      source?.close();
    }
    noteElsewhere(options, it);
  });
}

async function compareEmbeddings(
  model: LoadedModel,
  plan: PlannedArm,
  { files, tasks }: ReplayRunOptions,
  folder: string,
  it: Checking,
): Promise<void> {
  if (tasks!.every(({ data }) => isGeneral(data))) return;
  let taken = 0;
  const inputs = new MissingInputs(tasks!, undefined, () => ++taken > SAMPLE), texts: string[] = [];
  await inputs.read(({ text }) => void texts.push(text));
  const encoded = await modelEncoder(model, plan.manifest, readingOf(plan)).encode(texts, {});
  const again = texts.map((text, i) => textRecord(text, encoded[i]!));
  compareRecords(files, `${folder}/rationales.jsonl`, "text", again, it);
}

async function compareAnswers(
  model: LoadedModel,
  { files, tasks }: ReplayRunOptions,
  folder: string,
  it: Checking,
): Promise<void> {
  const requests = tasks!.flatMap(({ data }): ModelRequest[] => isGeneral(data) ? generalRequests(data) : []);
  if (requests.length === 0) return;
  const generator = modelGenerator(model);
  const generations = requests.filter((request) => "prompt" in request).slice(0, SAMPLE);
  const likelihoods = requests.filter((request) => "context" in request).slice(0, SAMPLE);
  const answers: (Generation | Likelihood)[] = [
    ...generations.length === 0 ? [] : await generator.generate(generations),
    ...likelihoods.length === 0 ? [] : await generator.logLikelihood(likelihoods),
  ];
  const again = [...generations, ...likelihoods].map((request, i) => ({
    request: requestKey(request),
    ...answers[i]!,
  }));
  compareRecords(files, `${folder}/generations.jsonl`, "request", again, it);
}

/** Finds the stored record of each by its key, and compares it. */
function compareRecords(
  files: RunFiles,
  file: string,
  key: string,
  again: readonly object[],
  it: Checking,
): void {
  const open = new Map(again.map((record) => [(record as Record<string, unknown>)[key], record]));
  if (files.entry(file) === undefined) return it.problem({ file, what: "is not there" });
  for (const { line, record } of recordsIn(files, file, new Checking())) {
    const found = open.get(record[key]);
    if (found === undefined) continue;
    open.delete(record[key]);
    it.count();
    for (const { path, left, right } of jsonDifferences(record, JSON.parse(JSON.stringify(found)))) {
      it.problem({ file, at: `line ${line}`, field: path, stored: left, found: right });
    }
    if (open.size === 0) break;
  }
  for (const left of open.keys()) {
    it.problem({ file, at: `${key} ${String(left).slice(0, 12)}…`, what: "has no record" });
  }
}
