/**
 * The loop around a training step: resume from the newest checkpoint, keep the journal, write checkpoints. Killed at any
 * moment, it continues from the checkpoint with the same bits, because nothing but the checkpoint goes into a step:
 * random numbers have addresses, and the data order is a function of the step.
 *
 * @module
 */
import { dirname, join } from "node:path";
import process from "node:process";
import { collectGarbage } from "../../kernels/collect_garbage.ts";
import type { Device } from "../../kernels/device.ts";
import type { Backbone } from "../backbone/open.ts";
import type { JournalRecord } from "../journal/append.ts";
import { TIMING_KEY } from "../journal/digest.ts";
import { checkpointStep, type JournalName } from "../journal/layout.ts";
import type { RunFolder } from "../journal/run_folder.ts";
import type { Training } from "../manifest/arms.ts";
import type { TrainedArm } from "../manifest/names.ts";
import type { Prompter } from "../rollout/prompt.ts";
import { contrastiveStep } from "./contrastive.ts";
import { dosage } from "./data_order.ts";
import { graceStep } from "./grace.ts";
import type { Example, Step, StepResult, TrainingSession } from "./session.ts";
import { openTrainedModel } from "./trained_model.ts";

/** What {@linkcode trainArm} needs. */
export interface TrainArmOptions {
  /** What to train, under which settings, and the name of its folder in the run. */
  readonly training: Training;
  readonly device: Device;
  readonly backbone: Backbone;
  readonly prompter: Prompter;
  readonly examples: readonly Example[];
  readonly run: RunFolder;
  readonly signal?: AbortSignal | undefined;
  /** Called after each step, and once at the start with what was resumed. */
  readonly onStep?: (report: { done: number; total: number; summary: string }) => void;
  /** Called with the number of tokens whenever some were generated or trained on, several times a step. */
  readonly onTokens?: (count: number) => void;
}

/** Makes the step function of an arm. */
export function stepOf(arm: TrainedArm, session: TrainingSession): Step {
  return arm === "cl" ? contrastiveStep(session) : graceStep(session);
}

/** What a step leaves in the journals, but for what a clock says of it. */
export function journalRecords(
  step: number,
  { record, rationales }: Pick<StepResult, "record" | "rationales">,
): Record<JournalName, JournalRecord[]> {
  return {
    steps: [{ step, ...record }],
    rationales: rationales.map((rationale) => ({ step, ...rationale })),
  };
}

/**
 * Trains an arm to its end, or continues it, and returns the folder of its last checkpoint, which transformers loads.
 * An arm of 0 steps has a checkpoint of the untrained weights.
 *
 * @throws the signal's reason, after writing a checkpoint, when it is aborted
 * @throws {NumericError} if a loss, reward or gradient is not finite; the journal and earlier checkpoints stay
 */
export async function trainArm(options: TrainArmOptions): Promise<string> {
  const { training: { arm, name, manifest }, device, backbone, run, signal } = options;
  const { steps } = dosage(arm, manifest);
  const newestCheckpoint = run.latestCheckpoint(name);
  if (newestCheckpoint) removeOlder(newestCheckpoint.path, newestCheckpoint.step);
  if (newestCheckpoint?.step === steps) return newestCheckpoint.path;
  const { checkpoint } = run.rollBack(name);
  const model = openTrainedModel(device, backbone, manifest, checkpoint?.path);
  try {
    const { decoder, optimizer, untrained } = model,
      step = stepOf(arm, { ...options, manifest, decoder, optimizer, untrained });
    using stepJournal = run.openJournal(name, "steps");
    using rationaleJournal = run.openJournal(name, "rationales");
    let done = checkpoint?.step ?? 0;
    options.onStep?.({ done, total: steps, summary: "" });
    const save = async () => {
      stepJournal.flush();
      rationaleJournal.flush();
      const { path } = await run.writeCheckpoint(
        name,
        done,
        (part) => model.writeCheckpoint(part, done === steps),
      );
      removeOlder(path, done);
      collectGarbage();
      return path;
    };
    let newest = done === steps ? await save() : checkpoint?.path;
    while (done < steps) {
      const start = performance.now();
      device.resetPeak();
      const result = await step(done + 1);
      done++;
      const seconds = (performance.now() - start) / 1000;
      const records = journalRecords(done, result);
      for (const rationale of records.rationales) rationaleJournal.append(rationale);
      stepJournal.append({
        ...records.steps[0],
        [TIMING_KEY]: {
          seconds,
          generatedTokens: result.generated,
          trainedTokens: result.trained,
          tokensPerSecond: (result.generated + result.trained) / seconds,
          peakDeviceBytes: device.memory.peak,
          peakResidentBytes: 1024 * process.resourceUsage().maxRSS,
        },
      });
      options.onStep?.({ done, total: steps, summary: result.summary });
      // Lets a signal be delivered: a step itself may never wait.
      await new Promise((resolve) => setTimeout(resolve, 0));
      const stopping = signal?.aborted ?? false;
      if (done === steps || done % manifest.train.checkpointEvery === 0 || stopping) newest = await save();
      signal?.throwIfAborted();
    }
    return newest!;
  } finally {
    model.free();
  }
}

/** Only the newest checkpoint is kept: with the moments, one takes twelve bytes a parameter. */
function removeOlder(newest: string, step: number): void {
  const folder = dirname(newest);
  for (const { name } of Deno.readDirSync(folder)) {
    const found = checkpointStep(name);
    if (found !== undefined && found < step) Deno.removeSync(join(folder, name), { recursive: true });
  }
}
