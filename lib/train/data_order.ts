/**
 * Which training examples a step sees. Every epoch is a permutation of its own; what does not fill a batch at its end
 * is left out, as in the reference (`drop_last`). Arms with the same seed and batch size see the same examples.
 *
 * @module
 */
import { UsageError } from "#errors";
import { permutation } from "../rollout/permutation.ts";

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
