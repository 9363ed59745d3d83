/**
 * Executes the first steps of an arm's training again, from the backbone's weights: what the journals of the run must say, and the
 * weights of its checkpoint, to the last bit.
 *
 * @module
 */
import type { JournalRecord } from "../journal/append.ts";
import type { JournalName } from "../journal/layout.ts";
import { dosage } from "./data_order.ts";
import { journalRecords, stepOf, type TrainArmOptions } from "./loop.ts";
import { openTrainedModel } from "./trained_model.ts";

/** What {@linkcode replaySteps} needs. */
export interface ReplayOptions extends
  Pick<
    TrainArmOptions,
    "training" | "device" | "backbone" | "prompter" | "examples" | "signal" | "onTokens"
  > {
  /** Steps to execute, from the first on; no more than the arm has. */
  readonly steps: number;
}

/** A step that was executed again. */
export interface ReplayedStep {
  readonly step: number;
  /** What it leaves in the journals, but for what a clock says of it. */
  readonly records: Readonly<Record<JournalName, readonly JournalRecord[]>>;
  /** Writes the checkpoint after this step into an empty folder; to be called before the next step. */
  writeCheckpoint(folder: string): Promise<void>;
}

/**
 * Executes steps again, one at a time.
 *
 * @throws the signal's reason when it is aborted
 * @throws {NumericError} as {@linkcode trainArm} does
 */
export async function* replaySteps(options: ReplayOptions): AsyncGenerator<ReplayedStep> {
  const { training: { arm, manifest }, device, backbone, steps, signal } = options;
  const model = openTrainedModel(device, backbone, manifest), last = dosage(arm, manifest).steps;
  try {
    const { decoder, optimizer, untrained } = model,
      run = stepOf(arm, { ...options, manifest, decoder, optimizer, untrained });
    for (let step = 1; step <= steps; step++) {
      yield {
        step,
        records: journalRecords(step, await run(step)),
        writeCheckpoint: (folder) => model.writeCheckpoint(folder, step === last),
      };
      // Lets a signal be delivered: a step itself may never wait.
      await new Promise((resolve) => setTimeout(resolve, 0));
      signal?.throwIfAborted();
    }
  } finally {
    model.free();
  }
}
