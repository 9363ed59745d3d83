/**
 * A whole run: evaluate the untouched backbone, train what the arms need, evaluate them, compare. Every stage leaves its
 * records in the run's folder and does again only what they lack, so the same command continues an interrupted run:
 * training goes on from the newest checkpoint (a finished arm is not trained again), evaluation embeds and asks what is not
 * stored, and scores and report are made anew from the records.
 *
 * @module
 */
import { join } from "node:path";
import type { Device } from "../kernels/device.ts";
import { comparesAnswers, isGeneral } from "../evals/general/general_task.ts";
import { runSuite, type SuiteProgress } from "../evals/run_suite.ts";
import type { ResolvedTask } from "../evals/suite.ts";
import { scoresPath } from "../lib/journal/layout.ts";
import { RunFolder } from "../lib/journal/run_folder.ts";
import type { PlannedArm, Training } from "../lib/manifest/arms.ts";
import { resolvedText } from "../lib/manifest/identity.ts";
import { loadLock, type Lock, lockText } from "../lib/manifest/lock.ts";
import type { ResolvedManifest } from "../lib/manifest/resolve.ts";
import { requireLock } from "../lib/manifest/verify.ts";
import type { Prompter } from "../lib/rollout/prompt.ts";
import { openCheckpointWeights } from "../lib/train/checkpoint.ts";
import { dosage } from "../lib/train/data_order.ts";
import { trainArm } from "../lib/train/loop.ts";
import type { Inputs } from "./inputs.ts";
import type { CommandIo } from "./io.ts";
import type { KnownOutputs } from "./known_outputs.ts";
import { keepLock } from "./lock_file.ts";
import { loadModel, modelEncoder, modelGenerator, readingOf } from "./model.ts";
import { type PreparedRun, prepareRun } from "./prepared_run.ts";
import { describeReference } from "./reference_memory.ts";
import { type Job, RunClock } from "./run_clock.ts";
import { type RunReport, writeReport } from "./run_report.ts";
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
  /** Folder of the data sets that are not built in, if one is given. */
  readonly dataRoot: string | undefined;
  /** Folder in which the run's folder is made. */
  readonly out: string;
  readonly device: Device;
  /** Outputs of other runs that may stand for this one's; none if undefined. */
  readonly known?: KnownOutputs | undefined;
}

/** A finished run. */
export interface ExperimentResult extends RunReport {
  readonly folder: string;
}

/** What the stages of a run share. */
interface Stage {
  readonly options: ExperimentOptions;
  readonly inputs: Inputs;
  readonly prompter: Prompter;
  readonly lock: Lock;
  readonly run: RunFolder;
  readonly clock: RunClock;
  readonly io: CommandIo;
}

/** Does the whole run. */
export async function runExperiment(options: ExperimentOptions, io: CommandIo): Promise<ExperimentResult> {
  const prepared = await prepareRun(options.resolved.manifest, options.dataRoot, options.device);
  try {
    return await runPrepared(prepared, options, io);
  } finally {
    prepared.inputs.backbone.close();
  }
}

/** The same for a run whose inputs were opened before; they stay open. */
export async function runPrepared(
  prepared: PreparedRun,
  options: ExperimentOptions,
  io: CommandIo,
): Promise<ExperimentResult> {
  const { plans, inputs, prompter, lock, identity } = prepared, { manifest } = options.resolved;
  if (options.lockFile && options.frozen) requireLock(loadLock(options.lockFile), lock);
  const folder = join(options.out, prepared.name);
  using run = RunFolder.open(folder, {
    identity,
    intent: options.intent,
    lock: lockText(lock),
    resolved: resolvedText(options.resolved, identity),
  });
  // Only now: a run that was refused must not leave a lock that speaks for it.
  if (options.lockFile && !options.frozen) keepLock(options.lockFile, lockText(lock));
  tellBeginning(run, options.resolved, inputs, io);
  for (const note of describeReference(plans, inputs.backbone, options.device)) io.progress.note(note);
  const clock = new RunClock(jobsOf(plans, inputs.tasks));
  await runArms(plans, { options, inputs, prompter, lock, run, clock, io });
  const { backbone: { name }, suite, examples, overlaps } = inputs;
  const reported = { plans, name, suite, examples: examples.length, kind: manifest.data.kind, overlaps };
  return { folder, ...await writeReport(reported, run) };
}

function tellBeginning(
  run: RunFolder,
  { manifest, provenance }: ResolvedManifest,
  inputs: Inputs,
  io: CommandIo,
): void {
  io.progress.note(`${run.resumed ? "continuing" : "run"} ${run.path}`);
  io.progress.note(`preset ${manifest.preset} (${provenance.preset})`);
  for (const { source, rows, task } of inputs.overlaps) {
    io.progress.note(
      `${rows} of ${inputs.examples.length} training rows are from "${source}", and so is ${task}`,
    );
  }
  for (const trace of run.recovered) io.progress.note(`recovered: ${trace}`);
}

/** Arms in the order of the table; what several have in common is trained, and asked, when the first of them comes. */
async function runArms(plans: readonly PlannedArm[], stage: Stage): Promise<void> {
  const checkpoints = new Map<Weights, string>(), answered = new Map<Weights, string>();
  for (const plan of plans) {
    const weights = weightsOf(plan);
    if (plan.training && !checkpoints.has(weights)) {
      checkpoints.set(weights, await train(plan.training, stage));
    }
    const scores = await evaluate(plan, checkpoints.get(weights), answered.get(weights), stage);
    if (!answered.has(weights)) answered.set(weights, scores);
  }
}

/** Name of the training that made an arm's weights; null for the untrained ones, as any name may be one of a control. */
type Weights = string | null;

/** Arms of which this is equal have the same weights. */
function weightsOf({ training }: PlannedArm): Weights {
  return training?.name ?? null;
}

/** What {@linkcode runArms} does, part by part. */
function jobsOf(plans: readonly PlannedArm[], tasks: readonly ResolvedTask[]): Job[] {
  const asks = (stage: SuiteProgress["stage"]) =>
    tasks.some(({ data }) =>
      !isGeneral(data)
        ? stage === "embedding texts"
        : comparesAnswers(data)
        ? stage === "comparing answers"
        : stage === "generating answers" || data.kind === "humaneval" && stage === "running programs"
    );
  const seen = new Set<Weights>();
  return plans.flatMap((plan): Job[] => {
    const { name, training, rationale } = plan, weights = weightsOf(plan), isNew = !seen.has(weights);
    seen.add(weights);
    const stages: SuiteProgress["stage"][] = ["embedding texts"];
    if (isNew) stages.push("generating answers", "comparing answers");
    stages.push("running programs");
    return [
      ...(training && isNew ? [trainingJob(training)] : []),
      ...stages.filter(asks).map((stage) => ({
        name: `evaluate ${name}: ${stage}`,
        kind: `${stage}${stage === "embedding texts" && rationale ? " with rationales" : ""}`,
        amount: 1,
      })),
    ];
  });
}

function trainingJob({ arm, name, manifest }: Training): Job {
  const { steps, batch } = dosage(arm, manifest);
  return { name: `train ${name}`, kind: `train ${arm}`, amount: steps * batch };
}

/** Trains what an arm needs and returns the folder of its last checkpoint. */
async function train(
  training: Training,
  { options, inputs, prompter, run, clock, io }: Stage,
): Promise<string> {
  const task = `train ${training.name}`;
  let tokens = 0, last: { done: number; total: number; summary: string } | undefined;
  const show = () => {
    const { done, total, summary } = last!;
    clock.update(task, done, total);
    const whole = { place: clock.place, left: clock.left };
    io.progress.update({
      task,
      done,
      total,
      unit: "steps",
      tokens,
      whole,
      ...(summary && { detail: summary }),
    });
  };
  return await trainArm({
    training,
    device: options.device,
    backbone: inputs.backbone,
    prompter,
    examples: inputs.examples,
    run,
    signal: io.signal,
    onStep: (report) => {
      last = report;
      show();
    },
    onTokens: (count) => {
      tokens += count;
      if (last!.done < last!.total) show();
    },
  });
}

/**
 * Evaluates an arm into `scores/<arm>`. Arms with the same weights answer the general benchmarks alike, so the answers in
 * the folder `sameWeights` are taken over.
 *
 * @param checkpoint folder of the trained weights; undefined for the untrained ones
 * @returns the arm's folder of scores
 */
async function evaluate(
  plan: PlannedArm,
  checkpoint: string | undefined,
  sameWeights: string | undefined,
  { options, inputs, lock, run, clock, io }: Stage,
): Promise<string> {
  const { name, manifest } = plan;
  const out = join(scoresPath(run.path), name);
  const source = checkpoint === undefined ? undefined : openCheckpointWeights(checkpoint);
  try {
    const trained = source && { source, file: join(checkpoint!, "model.safetensors") };
    const model = loadModel(options.device, inputs.backbone, manifest, trained);
    try {
      const { onTokens, onProgress } = suiteProgress(io, `evaluate ${name}`, clock);
      if (sameWeights) takeOverAnswers(sameWeights, out);
      const encoder = modelEncoder(model, manifest, readingOf(plan), onTokens);
      const generator = modelGenerator(model, onTokens);
      options.known?.takeOver(out, lock, encoder.digest, generator.digest);
      await runSuite({
        suite: inputs.suite,
        dataRoot: options.dataRoot,
        encoder,
        generator,
        out,
        signal: io.signal,
        onProgress,
      });
    } finally {
      model.free();
    }
  } finally {
    source?.close();
  }
  return out;
}
