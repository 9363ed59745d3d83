/**
 * Checkpoints of an arm: a Hugging Face folder with f32 weights, which transformers loads, and beside them the moments
 * of the optimiser, so that training goes on with the same bits. Where an adapter is trained, the weights are those with
 * the adapter in them, and the adapter itself is in a folder of its own, as PEFT loads it: beside `config.json` it would
 * be put on top once more.
 *
 * @module
 */
import { join } from "node:path";
import type { Backbone } from "../backbone/open.ts";
import { openSafetensors } from "../backbone/safetensors.ts";
import { writeSafetensors } from "../backbone/safetensors_writer.ts";
import { expectedTensors, type TensorSource } from "../backbone/tensor_source.ts";
import type { LoraAdapter } from "../backbone/lora.ts";
import { readAdapter, writeAdapter } from "../backbone/lora_files.ts";
import { shapesOf } from "../backbone/named_tensors.ts";
import type { Weights } from "../backbone/weights.ts";
import { deviceTensors, hfFolderFrame, writeHfFiles } from "../backbone/write.ts";
import { writeFileAtomic } from "../journal/atomic.ts";
import { UsageError } from "#errors";
import type { Optimizer } from "./optimizer.ts";

const file = {
  weights: "model.safetensors",
  m: "adam_m.safetensors",
  v: "adam_v.safetensors",
  state: "trainer.json",
};

/**
 * Writes a checkpoint into an empty folder.
 *
 * @param optimizer left out for a finished arm, which needs no moments
 */
export async function writeCheckpointFiles(
  folder: string,
  backbone: Backbone,
  weights: Weights,
  optimizer: Optimizer | null,
): Promise<void> {
  await writeHfFiles(folder, { ...hfFolderFrame(backbone), tensors: deviceTensors(weights), dtype: "f32" });
  if (optimizer) await writeOptimizer(folder, optimizer);
}

/** Folder inside a checkpoint that has the adapter. */
export const ADAPTER_FOLDER = "adapter";

/** Writes an adapter into the folder of a checkpoint. */
export async function writeCheckpointAdapter(
  folder: string,
  backbone: Backbone,
  adapter: LoraAdapter,
): Promise<void> {
  await writeAdapter(join(folder, ADAPTER_FOLDER), adapter, backbone.name);
}

/**
 * Loads the adapter of a checkpoint.
 *
 * @throws {UsageError} if there is none, or one of another shape
 */
export function readCheckpointAdapter(folder: string, adapter: LoraAdapter): void {
  readAdapter(join(folder, ADAPTER_FOLDER), adapter);
}

/** Writes weights alone into a folder, in f32: a checkpoint of a model that has no tokenizer yet. */
export async function writeCheckpointWeights(folder: string, weights: Weights): Promise<void> {
  const shapes = expectedTensors(weights.config);
  await writeSafetensors(join(folder, file.weights), shapes, deviceTensors(weights), "f32");
}

/** Writes the moments of an optimiser into the folder of a checkpoint. */
export async function writeOptimizer(folder: string, optimizer: Optimizer): Promise<void> {
  for (const key of ["m", "v"] as const) {
    const moments = optimizer[key];
    await writeSafetensors(join(folder, file[key]), shapesOf(moments.tensors), deviceTensors(moments), "f32");
  }
  writeFileAtomic(join(folder, file.state), JSON.stringify({ updates: optimizer.updates }) + "\n");
}

/** The weights of a checkpoint; to be closed by the caller. */
export function openCheckpointWeights(folder: string): TensorSource {
  return openSafetensors([join(folder, file.weights)]);
}

/**
 * Loads the moments of a checkpoint into an optimiser.
 *
 * @throws {UsageError} if there are none, they have no count of updates, or are of other parameters
 */
export function readOptimizer(folder: string, optimizer: Optimizer): void {
  const cure = "remove it, to resume from an earlier one";
  let state: { updates?: unknown } | null;
  try {
    state = JSON.parse(Deno.readTextFileSync(join(folder, file.state)));
  } catch (cause) {
    throw new UsageError(`the checkpoint "${folder}" has no optimizer state`, cure, { cause });
  }
  const updates = state?.updates;
  if (typeof updates !== "number" || !Number.isSafeInteger(updates) || updates < 0) {
    throw new UsageError(`the checkpoint "${folder}" has no count of updates in its ${file.state}`, cure);
  }
  optimizer.updates = updates;
  for (const key of ["m", "v"] as const) {
    const source = openSafetensors([join(folder, file[key])]);
    try {
      for (const [name, tensor] of optimizer[key].tensors) {
        if (source.shape(name).join() !== tensor.shape.join()) {
          const what = `the checkpoint "${folder}" has a ${name} of shape [${source.shape(name)}] in its ${
            file[key]
          }`;
          throw new UsageError(`${what} instead of [${tensor.shape}]`, cure);
        }
        optimizer.parameters.device.write(tensor, source.read(name));
      }
    } finally {
      source.close();
    }
  }
}
