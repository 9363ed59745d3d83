/**
 * What a KL term costs: the untrained backbone stays in memory beside the one in training.
 *
 * @module
 */
import type { Device } from "../kernels/device.ts";
import { estimateMemory } from "../lib/backbone/memory.ts";
import type { Backbone } from "../lib/backbone/open.ts";
import type { PlannedArm } from "../lib/manifest/arms.ts";
import { formatBytes } from "./table.ts";

/** A sentence about the memory, if an arm is trained towards the untrained backbone and has to keep it for that. */
export function describeReference(
  plans: readonly PlannedArm[],
  { config, tensors }: Pick<Backbone, "config" | "tensors">,
  { readsHalf }: Pick<Device, "readsHalf">,
): string[] {
  // An adapter leaves the backbone's weights as they are, so that they are there in any case.
  const keeps = plans.some(({ training }) =>
    training?.arm === "grace" && training.manifest.loss.klCoef > 0 && training.manifest.lora.rank === 0
  );
  if (!keeps) return [];
  const { weights, storedWeights } = estimateMemory(config, tensors);
  const bytes = formatBytes(readsHalf ? storedWeights : weights);
  return [`loss.klCoef is above 0: training keeps the untrained weights beside its own, ${bytes} more`];
}
