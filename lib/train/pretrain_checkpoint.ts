/**
 * Checkpoints of a pretraining: weights and moments of the optimiser, and the identity of what is trained on what, so
 * that a checkpoint is only ever continued by the training that wrote it.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { UsageError } from "#errors";
import type { Weights } from "../backbone/weights.ts";
import { removeLeftovers, writeDirectoryAtomic } from "../journal/atomic.ts";
import { checkpointName, checkpointStep } from "../journal/layout.ts";
import {
  openCheckpointWeights,
  readOptimizer,
  writeCheckpointWeights,
  writeOptimizer,
} from "./checkpoint.ts";
import type { PretrainDocument } from "./next_token_update.ts";
import type { Optimizer } from "./optimizer.ts";

/** Where checkpoints go. Nothing else may write there. */
export interface PretrainCheckpoints {
  /** Holds the newest checkpoint, as `step-000100`. */
  readonly folder: string;
  /** Steps between checkpoints. */
  readonly every: number;
}

const identityFile = "identity";

/**
 * Digest of everything that decides the bits of a training: its settings, its documents and the weights it starts from.
 *
 * @param settings as JSON, which keeps the order of keys
 */
export async function pretrainIdentity(
  settings: unknown,
  documents: readonly PretrainDocument[],
  start: Weights,
): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify(settings));
  const update = ({ buffer, byteOffset, byteLength }: ArrayBufferView) =>
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  for (const { ids, loss } of documents) {
    // The length tells where a document ends.
    update(Int32Array.of(ids.length));
    update(ids);
    update(loss);
  }
  for (const tensor of start.tensors.values()) update(await start.device.read(tensor));
  return hash.digest("hex");
}

/** Writes the checkpoint of the optimiser's count of updates, whole or not at all, and then removes older ones. */
export async function writePretrainCheckpoint(
  folder: string,
  identity: string,
  weights: Weights,
  optimizer: Optimizer,
): Promise<void> {
  const older = steps(folder);
  await writeDirectoryAtomic(join(folder, checkpointName(optimizer.updates)), async (part) => {
    await writeCheckpointWeights(part, weights);
    await writeOptimizer(part, optimizer);
    Deno.writeTextFileSync(join(part, identityFile), identity);
  });
  for (const step of older) Deno.removeSync(join(folder, checkpointName(step)), { recursive: true });
}

/**
 * Loads the newest checkpoint of a folder, if there is one, into weights and optimiser.
 *
 * @throws {UsageError} if it belongs to another training
 */
export function readPretrainCheckpoint(
  folder: string,
  identity: string,
  weights: Weights,
  optimizer: Optimizer,
): void {
  Deno.mkdirSync(folder, { recursive: true });
  removeLeftovers(folder);
  const step = Math.max(-1, ...steps(folder));
  if (step < 0) return;
  const path = join(folder, checkpointName(step));
  if (Deno.readTextFileSync(join(path, identityFile)) !== identity) {
    throw new UsageError(
      `the checkpoint "${path}" is of a training with other settings or documents`,
      "remove it, or give another folder",
    );
  }
  const source = openCheckpointWeights(path);
  try {
    for (const [name, tensor] of weights.tensors) weights.device.write(tensor, source.read(name));
  } finally {
    source.close();
  }
  readOptimizer(path, optimizer);
}

function steps(folder: string): number[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => checkpointStep(name)).filter((step) =>
    step !== undefined
  );
}
