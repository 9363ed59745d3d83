/**
 * The model that an arm trains: all weights of the backbone, or an adapter of some, with the optimiser that moves them.
 *
 * @module
 */
import type { Device } from "../../kernels/device.ts";
import { Decoder } from "../backbone/decoder.ts";
import { LoraAdapter } from "../backbone/lora.ts";
import type { Backbone } from "../backbone/open.ts";
import { Weights } from "../backbone/weights.ts";
import type { Manifest } from "../manifest/schema.ts";
import {
  openCheckpointWeights,
  readCheckpointAdapter,
  readOptimizer,
  writeCheckpointAdapter,
  writeCheckpointFiles,
} from "./checkpoint.ts";
import { Optimizer } from "./optimizer.ts";

/** A decoder in training. */
export interface TrainedModel {
  /** Computes with the weights as they are at present. */
  readonly decoder: Decoder;
  readonly optimizer: Optimizer;
  /**
   * Decoder of the untrained backbone, for a KL term. Without adapters it is loaded at the first call: as much memory again as the
   * weights take where nothing is trained. With adapters it is what they adapt, and takes none.
   */
  untrained(): Decoder;
  /**
   * Writes a checkpoint into an empty folder.
   *
   * @param finished whether nothing will be trained on it: the moments are left out
   */
  writeCheckpoint(folder: string, finished: boolean): Promise<void>;
  /** Gives the memory back. */
  free(): void;
}

/**
 * Loads a backbone for training.
 *
 * @param checkpoint folder of a checkpoint to go on from
 * @throws {UsageError} if the checkpoint cannot be continued
 */
export function openTrainedModel(
  device: Device,
  backbone: Backbone,
  manifest: Manifest,
  checkpoint?: string,
): TrainedModel {
  const model = manifest.lora.rank === 0
    ? fullModel(device, backbone, manifest, checkpoint)
    : adaptedModel(device, backbone, manifest, checkpoint);
  try {
    if (checkpoint !== undefined) readOptimizer(checkpoint, model.optimizer);
  } catch (error) {
    model.free();
    throw error;
  }
  return model;
}

function fullModel(
  device: Device,
  backbone: Backbone,
  manifest: Manifest,
  checkpoint: string | undefined,
): TrainedModel {
  const source = checkpoint === undefined ? backbone.tensors : openCheckpointWeights(checkpoint);
  let weights: Weights;
  try {
    weights = Weights.read(device, backbone.config, source);
  } finally {
    if (checkpoint !== undefined) source.close();
  }
  const optimizer = new Optimizer(weights, manifest.optimizer);
  let frozen: Weights | undefined;
  return {
    decoder: new Decoder(weights),
    optimizer,
    untrained: () =>
      new Decoder(frozen ??= Weights.read(device, backbone.config, backbone.tensors, { keepStored: true })),
    writeCheckpoint: (folder, finished) =>
      writeCheckpointFiles(folder, backbone, weights, finished ? null : optimizer),
    free: () => {
      optimizer.free();
      frozen?.recycle();
      weights.free();
    },
  };
}

function adaptedModel(
  device: Device,
  backbone: Backbone,
  { lora, optimizer: settings, seed }: Manifest,
  checkpoint: string | undefined,
): TrainedModel {
  const base = Weights.read(device, backbone.config, backbone.tensors, { keepStored: true });
  const adapter = new LoraAdapter(base, lora, seed);
  const optimizer = new Optimizer(adapter, settings);
  const free = () => {
    optimizer.free();
    adapter.free();
  };
  try {
    if (checkpoint !== undefined) readCheckpointAdapter(checkpoint, adapter);
  } catch (error) {
    free();
    throw error;
  }
  return {
    decoder: new Decoder(adapter.weights),
    optimizer,
    untrained: () => new Decoder(base),
    writeCheckpoint: async (folder, finished) => {
      await writeCheckpointFiles(folder, backbone, adapter.weights, finished ? null : optimizer);
      await writeCheckpointAdapter(folder, backbone, adapter);
    },
    free,
  };
}
