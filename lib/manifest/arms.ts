/**
 * What the names in `arms` mean: an arm is trained weights and a way to read them. A control that differs from what it
 * derives from only in how it is read has the same weights; one that differs in what training reads is trained by itself.
 *
 * @module
 */
import { UsageError } from "#errors";
import { fromLeaves, leavesOf } from "./leaves.ts";
import { type Arm, ARMS, type TrainedArm } from "./names.ts";
import { type Manifest, manifestSchema } from "./schema.ts";
import { type Control, CONTROL_SETTINGS } from "./sections/controls.ts";
import { suggest } from "./suggest.ts";

/** A training run. */
export interface Training {
  /** What is trained. */
  readonly arm: TrainedArm;
  /** Arm or control whose folder has journal and checkpoints. */
  readonly name: string;
  /** Settings under which it is trained. */
  readonly manifest: Manifest;
}

/** A column of the comparison. */
export interface PlannedArm {
  readonly name: string;
  /** The arm that it is, or derives from in the end. */
  readonly root: Arm;
  /** What its weights come from; null for the untrained ones. */
  readonly training: Training | null;
  /** Settings under which it is read. */
  readonly manifest: Manifest;
  /** Whether a rationale is written before a text is embedded (paper section 4.2: by reasoning and grace). */
  readonly rationale: boolean;
}

/** Settings that only reading needs. */
const READING = /^(evaluation\..*|pooling\.(evaluationEos|evaluationNormalize))$/;

/** Those of them that nothing reads where no rationale is written. */
const RATIONALE_READING = /^(evaluation\..*|pooling\.evaluationEos)$/;

/** What else an untrained model reads. */
const UNTRAINED = /^pooling\.(input|templateSuffix)$/;
/** The same where it writes a rationale, which is sampled and pooled. */
const UNTRAINED_WITH_RATIONALE = /^(seed|pooling\.(input|templateSuffix|rationale))$/;

/** What else the trained arms read: what their weights depend on. */
const TRAINED: Readonly<Record<TrainedArm, RegExp>> = {
  cl:
    /^(seed|(cl|lora)\..*|pooling\.input|optimizer\.(?!learningRate$).*|train\.(checkpointEvery|microBatchTokens|gradientCheckpointing))$/,
  grace:
    /^(seed|(sampling|reward|advantage|loss|optimizer|lora|train)\..*|pooling\.(input|templateSuffix|rationale|eos))$/,
};

/**
 * What an arm or a control is.
 *
 * @throws {UsageError} if there is none of that name, or it derives from itself
 */
export function planArm(manifest: Manifest, name: string): PlannedArm {
  return plan(manifest, name, []);
}

/** What all arms of a manifest are, in its order. */
export function planArms(manifest: Manifest): PlannedArm[] {
  return manifest.arms.map((name) => planArm(manifest, name));
}

function plan(manifest: Manifest, name: string, children: readonly string[]): PlannedArm {
  const root = ARMS.find((arm) => arm === name);
  if (root !== undefined) return planRoot(manifest, root);
  const control = Object.hasOwn(manifest.controls, name) ? manifest.controls[name]! : undefined;
  if (control === undefined) throw unknownArm(manifest, name, children.at(-1));
  if (children.includes(name)) {
    throw new UsageError(
      `the control "${name}" derives from itself: ${[...children, name].join(" of ")}`,
      `let one of them derive from ${ARMS.join(", ")}`,
    );
  }
  return derive(plan(manifest, control.of, [...children, name]), name, control);
}

function planRoot(manifest: Manifest, root: Arm): PlannedArm {
  const trained = root === "cl" || root === "grace";
  return {
    name: root,
    root,
    training: trained ? { arm: root, name: root, manifest } : null,
    manifest,
    rationale: root === "reasoning" || root === "grace",
  };
}

function derive(parent: PlannedArm, name: string, { rationale, set = {} }: Control): PlannedArm {
  const settings = leavesOf(parent.manifest);
  for (const [path, value] of Object.entries(set)) settings.set(path, value);
  const manifest = manifestSchema.parse(fromLeaves(settings));
  const trainsAnew = parent.training !== null && Object.keys(set).some((path) => !READING.test(path));
  return {
    name,
    root: parent.root,
    training: trainsAnew ? { arm: parent.training!.arm, name, manifest } : parent.training,
    manifest,
    rationale: rationale ?? parent.rationale,
  };
}

function unknownArm({ controls }: Manifest, name: string, child: string | undefined): UsageError {
  const known = [...ARMS, ...Object.keys(controls)];
  const near = suggest(name, known);
  return new UsageError(
    `unknown arm "${name}"${child === undefined ? "" : `, which the control "${child}" derives from`}${
      near === undefined ? "" : `, did you mean "${near}"?`
    }`,
    `arms: ${ARMS.join(", ")}; controls: ${Object.keys(controls).join(", ")}`,
  );
}

/** Whether anything that an arm does depends on a setting that controls may set. */
function reads({ training, rationale }: Pick<PlannedArm, "training" | "rationale">, path: string): boolean {
  if (READING.test(path)) return rationale || !RATIONALE_READING.test(path);
  return (training ? TRAINED[training.arm] : rationale ? UNTRAINED_WITH_RATIONALE : UNTRAINED).test(path);
}

/** Which of the four arms read a setting that controls may set, and whether it is read in training too. */
export interface Readers {
  readonly arms: readonly Arm[];
  /** Whether a control of a trained arm that sets it is trained by itself. */
  readonly training: boolean;
}

/** See {@linkcode Readers}; undefined of a setting that is the same for all arms. */
export function readersOf(manifest: Manifest, path: string): Readers | undefined {
  if (!CONTROL_SETTINGS.includes(path)) return undefined;
  const arms = ARMS.filter((arm) => reads(planRoot(manifest, arm), path));
  return { arms, training: !READING.test(path) };
}

/**
 * Fails unless every control derives from an arm, is called differently, and says nothing that is not read, and every
 * name in `arms` and `fullArms` is one of an arm or a control.
 *
 * @param sourceOf where a control came from, for messages
 * @throws {UsageError} naming the control and what is wrong with it
 */
export function requireControls(manifest: Manifest, sourceOf: (name: string) => string): void {
  for (const name of [...manifest.arms, ...manifest.fullArms]) planArm(manifest, name);
  for (const [name, control] of Object.entries(manifest.controls)) {
    const refuse = (what: string, cure: string) => {
      throw new UsageError(`the control "${name}" (${sourceOf(name)}) ${what}`, cure);
    };
    if ((ARMS as readonly string[]).includes(name)) refuse("is called like an arm", "give it another name");
    const { root, training, rationale } = planArm(manifest, name);
    const paths = Object.keys(control.set ?? {});
    if (paths.length === 0 && control.rationale === undefined) {
      refuse(`differs in nothing from "${control.of}"`, "give it rationale or set, or remove it");
    }
    for (const path of paths) {
      if (reads({ training, rationale }, path)) continue;
      refuse(
        `sets "${path}", which ${rationale ? "" : "without a rationale "}the arm "${root}" does not read`,
        "remove it; a key that nothing reads is an error",
      );
    }
  }
}
