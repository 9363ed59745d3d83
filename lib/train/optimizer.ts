/**
 * AdamW over what is trained, all weights of a decoder or an adapter, with clipping of the global gradient norm.
 *
 * @module
 */
import { NumericError } from "#errors";
import type { Trainable } from "../backbone/gradients.ts";
import { NamedTensors } from "../backbone/named_tensors.ts";

/** Section `optimizer` of the manifest, as far as an update needs it. */
export interface OptimizerOptions {
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly weightDecay: number;
  /** What decays: all weights (by default, as in PyTorch), or matrices only, without the gains of norms and biases. */
  readonly decayed?: "all" | "matrices";
  /** Gradients with a larger global norm are scaled down to it. */
  readonly maxGradNorm: number;
}

/** Learning rate over the training steps. */
export interface ScheduleOptions {
  readonly schedule: "constant" | "linear" | "cosine";
  /** Steps over which the rate rises linearly from 0. */
  readonly warmupSteps: number;
  /** Share of the peak that the rate falls to where it falls; 0 by default. */
  readonly finalFraction?: number;
}

/**
 * Learning rate of a step, from 1 to `steps`: rises over the first `warmupSteps`, then stays, or falls from the peak
 * towards `finalFraction` of it, which it would reach at the step after the last.
 */
export function learningRateAt(peak: number, step: number, steps: number, options: ScheduleOptions): number {
  const { schedule, warmupSteps, finalFraction = 0 } = options;
  if (step <= warmupSteps) return peak * step / warmupSteps;
  if (schedule === "constant") return peak;
  const progress = (step - 1 - warmupSteps) / Math.max(1, steps - warmupSteps);
  const height = schedule === "linear" ? 1 - progress : 0.5 * (1 + Math.cos(Math.PI * progress));
  return peak * (finalFraction + (1 - finalFraction) * height);
}

/** Moments of AdamW and the number of updates so far. */
export class Optimizer {
  readonly m: NamedTensors;
  readonly v: NamedTensors;

  /** @param updates updates that the moments have seen; 0 for new ones */
  constructor(readonly parameters: Trainable, readonly options: OptimizerOptions, public updates = 0) {
    this.m = NamedTensors.zerosLike(parameters);
    this.v = NamedTensors.zerosLike(parameters);
  }

  /**
   * One update of all parameters, by gradients under the same names.
   *
   * @returns the global norm before clipping
   * @throws {NumericError} if it is not finite; the parameters are then unchanged
   */
  async update(gradients: NamedTensors, learningRate: number): Promise<number> {
    const { device } = this.parameters, { maxGradNorm, decayed = "all", ...hyper } = this.options;
    const norm = await device.globalNorm([...gradients.tensors.values()]);
    if (!Number.isFinite(norm)) {
      throw new NumericError(
        `the norm of the gradients is ${norm}`,
        "resume from the last checkpoint with a lower optimizer.learningRate",
      );
    }
    this.updates++;
    const gradientScale = norm > maxGradNorm ? maxGradNorm / norm : 1;
    for (const [name, parameter] of this.parameters.tensors) {
      device.adamW(parameter, gradients.get(name), this.m.get(name), this.v.get(name), {
        ...hyper,
        weightDecay: decayed === "matrices" && parameter.shape.length < 2 ? 0 : hyper.weightDecay,
        learningRate,
        step: this.updates,
        gradientScale,
      });
    }
    this.parameters.updated();
    return norm;
  }

  /** Gives the moments back. */
  free(): void {
    this.m.free();
    this.v.free();
  }
}
