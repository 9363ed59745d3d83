/**
 * Which training examples a step sees. Every epoch is a permutation of its own; what does not fill a batch at its end
 * is left out, as in the reference (`drop_last`). Arms with the same seed see the same examples in the same order:
 * whatever their batch size within the first epoch, and with equal batch sizes for ever.
 *
 * @module
 */
import { UsageError } from "#errors";
import type { Training } from "../manifest/arms.ts";
import { canonicalHash } from "../manifest/canonical.ts";
import type { TrainedArm } from "../manifest/names.ts";
import type { Manifest } from "../manifest/schema.ts";
import { permutation } from "../rollout/permutation.ts";

/** How much of the data an arm sees: steps, and examples a step. */
export interface Dosage {
  readonly steps: number;
  readonly batch: number;
}

/** How much of the data an arm sees under these settings. */
export function dosage(arm: TrainedArm, { cl, train }: Manifest): Dosage {
  return arm === "cl"
    ? { steps: cl.steps, batch: cl.batch }
    : { steps: train.steps, batch: train.promptsPerStep };
}

/** Indices of the examples that an arm sees in all its steps, in order. */
export function examplesSeen(arm: TrainedArm, manifest: Manifest, examples: number): number[] {
  const { steps, batch } = dosage(arm, manifest);
  const order = new DataOrder(examples, batch, manifest.seed);
  return Array.from({ length: steps }, (_, step) => order.at(step + 1)).flat();
}

/** Digest of the order in which some trainings draw from a number of examples. */
export function orderDigest(trainings: readonly Training[], examples: number): string {
  return canonicalHash(
    trainings.map(({ arm, name, manifest }) => [name, examplesSeen(arm, manifest, examples)]),
  );
}

/** Examples by step. */
export class DataOrder {
  #epoch = -1;
  #order: Uint32Array = new Uint32Array(0);

  /**
   * @param examples size of the data set
   * @param batch examples a step
   * @throws {UsageError} if the data set does not fill one batch
   */
  constructor(readonly examples: number, readonly batch: number, readonly seed: number) {
    if (examples < batch) {
      throw new UsageError(
        `the training data has ${examples} examples, one step takes ${batch}`,
        "use more data, or a smaller train.promptsPerStep (or cl.batch)",
      );
    }
  }

  /** Indices of the examples of a step, counted from 1. */
  at(step: number): number[] {
    const perEpoch = Math.floor(this.examples / this.batch);
    const epoch = Math.floor((step - 1) / perEpoch), within = (step - 1) % perEpoch;
    if (epoch !== this.#epoch) {
      this.#order = permutation(this.examples, this.seed, epoch);
      this.#epoch = epoch;
    }
    return [...this.#order.subarray(within * this.batch, (within + 1) * this.batch)];
  }
}
