/**
 * Where things lie inside a run folder.
 *
 * ```text
 * <backbone>-<first 12 digits of the identity>/
 *   grace.json                     settings that the person wrote or typed: a manifest that alone gives the run
 *   grace.lock.json                digests of everything that went in
 *   manifest.resolved.json         every setting, where it came from, and the run's identity
 *   arms/<arm>/steps.jsonl         one record per training step
 *   arms/<arm>/rationales.jsonl    samples of what the model wrote
 *   arms/<arm>/checkpoints/step-000010/
 *   scores/                        per-item scores of the evaluations
 *   report.*                       derived from the above
 *   .lock                          held by the one process that writes here
 * ```
 *
 * @module
 */
import { join } from "node:path";
import { UsageError } from "#errors";

/** Names of the documents at the top of a run folder. */
export const RunDocument = {
  /** Settings that the person wrote or typed, as a manifest that alone gives the run. */
  intent: "grace.json",
  /** Digests of everything that went in. */
  lock: "grace.lock.json",
  /** Every setting, its provenance and the run's identity; written last, so its presence means a complete folder. */
  resolved: "manifest.resolved.json",
} as const;

/** Name of one of the journals of an arm. */
export type JournalName = "steps" | "rationales";

/** Folder of one arm. */
export function armPath(run: string, arm: string): string {
  return join(run, "arms", arm);
}

/** File of one journal of an arm. */
export function journalPath(run: string, arm: string, journal: JournalName): string {
  return join(armPath(run, arm), `${journal}.jsonl`);
}

/** Folder that holds the checkpoints of an arm. */
export function checkpointsPath(run: string, arm: string): string {
  return join(armPath(run, arm), "checkpoints");
}

/** Most updates that a checkpoint can have the number of. */
export const MOST_STEPS = 999_999;

/** Name of the folder of the checkpoint after `step` updates: six digits, so that names sort as numbers do. */
export function checkpointName(step: number): string {
  if (!Number.isInteger(step) || step < 0 || step > MOST_STEPS) {
    throw new UsageError(
      `checkpoint step ${step} is not an integer from 0 to ${MOST_STEPS}`,
      "use fewer steps",
    );
  }
  return `step-${String(step).padStart(6, "0")}`;
}

/** Folder of the checkpoint of an arm after `step` updates. */
export function checkpointPath(run: string, arm: string, step: number): string {
  return join(checkpointsPath(run, arm), checkpointName(step));
}

/** The step in a checkpoint folder's name; undefined for any other name. */
export function checkpointStep(name: string): number | undefined {
  const match = /^step-(\d{6})$/.exec(name);
  return match ? Number(match[1]) : undefined;
}

/** Folder of the per-item scores. */
export function scoresPath(run: string): string {
  return join(run, "scores");
}
