/**
 * What comes before a run: its inputs are opened and digested, and what cannot work is refused. From here its identity is known.
 *
 * @module
 */
import type { Device } from "../kernels/device.ts";
import { requireFloat32Ratio } from "../kernels/policy_loss.ts";
import { klTerm } from "../lib/objective/policy_loss.ts";
import { planArms, type PlannedArm } from "../lib/manifest/arms.ts";
import { manifestHash, runFolderName } from "../lib/manifest/identity.ts";
import type { Lock } from "../lib/manifest/lock.ts";
import { requirePositions } from "../lib/manifest/positions.ts";
import type { Manifest } from "../lib/manifest/schema.ts";
import { Prompter } from "../lib/rollout/prompt.ts";
import { requireAnswerRoom } from "./answer_room.ts";
import { type Inputs, makeLock, openInputs } from "./inputs.ts";

/** A run that could begin. */
export interface PreparedRun {
  readonly plans: readonly PlannedArm[];
  /** The backbone is to be closed by the caller. */
  readonly inputs: Inputs;
  readonly prompter: Prompter;
  readonly lock: Lock;
  readonly identity: string;
  /** Name of its folder. */
  readonly name: string;
}

/**
 * Opens and digests all inputs of a run.
 *
 * @param dataRoot folder of the data sets that are not built in, if one is given
 * @throws {UsageError} if settings do not fit the backbone or the engine; {MissingError} if an input is not there
 */
export async function prepareRun(
  manifest: Manifest,
  dataRoot: string | undefined,
  device: Device,
): Promise<PreparedRun> {
  const plans = planArms(manifest);
  if (device.kind === "webgpu") requireRatios(plans);
  const inputs = await openInputs(manifest, plans, dataRoot);
  try {
    const { backbone } = inputs, prompter = new Prompter(backbone, manifest.prompt);
    requireRoom(plans, backbone.config.maxPositions);
    requireAnswerRoom(inputs.suite, inputs.tasks, backbone);
    const lock = makeLock(manifest, plans, inputs, prompter, device), identity = manifestHash(manifest, lock);
    return { plans, inputs, prompter, lock, identity, name: runFolderName(backbone.name, identity) };
  } catch (error) {
    inputs.backbone.close();
    throw error;
  }
}

/** Fails unless a GPU can compute the policy loss of every arm that has one. */
function requireRatios(plans: readonly PlannedArm[]): void {
  for (const { training } of plans) {
    if (training?.arm !== "grace") continue;
    const { loss } = training.manifest;
    requireFloat32Ratio(loss, klTerm(loss.klCoef, loss.klEstimator));
  }
}

/** Fails unless prompts and rationales of every arm, in training and when it is read, fit into the backbone's positions. */
function requireRoom(plans: readonly PlannedArm[], maxPositions: number): void {
  for (const { training, manifest, rationale } of plans) {
    if (training?.arm === "grace") requirePositions(training.manifest, maxPositions, ["sampling"]);
    if (rationale) requirePositions(manifest, maxPositions, ["evaluation"]);
  }
}
