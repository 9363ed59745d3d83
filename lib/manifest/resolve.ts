/**
 * From what a person wrote and typed to a manifest in which every setting has a value and a known origin.
 *
 * @module
 */
import { UsageError } from "#errors";
import { planArms, type PlannedArm, requireControls } from "./arms.ts";
import { fromLeaves, leafPaths, leavesOf } from "./leaves.ts";
import { EMBEDDED_BACKBONE } from "./names.ts";
import { checkManifest } from "./parse.ts";
import { defaultPreset, presetManifest } from "./presets.ts";
import { type Arm, type Manifest, type ManifestInput, manifestSchema } from "./schema.ts";
import { TRAINING_COLUMNS, trainingDataSet } from "../data/training.ts";
import { ESTIMATORS } from "../objective/estimators.ts";
import { suggest } from "./suggest.ts";

/** A setting given on the command line. */
export interface Override {
  /** Path of the setting: "train.steps". */
  path: string;
  /** Its value. */
  value: unknown;
  /** The flag, as typed: "--steps". */
  source: string;
}

/** Where each setting and control came from, by path: "preset fixed", "grace.json" or a flag such as "--steps". */
export type Provenance = Readonly<Record<string, string>>;

/** A manifest in which every setting has a value, and where each came from. */
export interface ResolvedManifest {
  /** The settings. */
  manifest: Manifest;
  /** Origin of each setting, by path. */
  provenance: Provenance;
}

/**
 * Fills a manifest from its preset and applies flags: a flag beats the file, the file beats the preset. Where no preset is
 * named, the backbone decides ({@linkcode defaultPreset}).
 *
 * @param input content of `grace.json`, checked again here
 * @param overrides settings from the command line; later ones win
 * @param source name of the file, for provenance and messages
 * @throws {UsageError} if a key or a value is wrong, or if values contradict each other
 */
export function resolveManifest(
  input: unknown,
  overrides: readonly Override[] = [],
  source = "grace.json",
): ResolvedManifest {
  const written = checkManifest(input, source);
  const typed = new Map(overrides.map((override) => [override.path, override]));
  for (const override of overrides) checkOverride(override);

  const backbone = (typed.get("backbone")?.value as string) ?? written.backbone ?? EMBEDDED_BACKBONE;
  const named = (typed.get("preset")?.value as Manifest["preset"]) ?? written.preset;
  const preset = named ?? defaultPreset(backbone);
  const kind = (typed.get("data.kind")?.value as Manifest["data"]["kind"]) ?? written.data?.kind;
  const leaves = leavesOf(presetManifest(preset, kind));
  const provenance = Object.fromEntries([...leaves.keys()].map((path) => [path, `preset ${preset}`]));
  provenance.preset = backbone === EMBEDDED_BACKBONE
    ? `default for the backbone ${EMBEDDED_BACKBONE}`
    : `default for any backbone but ${EMBEDDED_BACKBONE}`;
  const { $schema: _, ...settings } = written;
  for (const [path, value] of leavesOf(settings)) {
    leaves.set(path, value);
    provenance[path] = source;
  }
  for (const { path, value, source: flag } of typed.values()) {
    leaves.set(path, value as string);
    provenance[path] = flag;
  }
  const manifest = manifestSchema.parse(fromLeaves(leaves));
  requireControls(manifest, (name) => provenance[`controls.${name}`]!);
  requireConsistent(manifest, provenance);
  return { manifest, provenance };
}

/** Reports a wrong flag under the flag's own name. */
function checkOverride({ path, value, source }: Override): void {
  const known = leafPaths();
  if (!known.includes(path)) {
    const near = suggest(path, known);
    throw new UsageError(
      `${source}: unknown setting "${path}"${near === undefined ? "" : `, did you mean "${near}"?`}`,
      "grace-repro manifest show lists every setting",
    );
  }
  checkManifest(fromLeaves([[path, value]]) as ManifestInput, source);
}

/** Whether float32 holds a positive number in full precision. */
function isNormalFloat32(value: number): boolean {
  return value >= 2 ** -126 && Number.isFinite(Math.fround(value));
}

/** Rules between settings, each with the settings that it is about; asked of the settings of every arm and control. */
const RULES: readonly {
  paths: readonly string[];
  holds: (m: Manifest, arm: Pick<PlannedArm, "root" | "rationale">) => boolean;
  says: string;
  cure: string;
}[] = [
  {
    paths: ["train.promptsPerStep", "train.miniBatches"],
    holds: (m) => m.train.promptsPerStep % m.train.miniBatches === 0,
    says: "a batch of prompts must divide into equal mini-batches",
    cure: "make train.promptsPerStep a multiple of train.miniBatches",
  },
  {
    paths: ["optimizer.warmupSteps", "train.steps"],
    holds: (m) => m.train.steps === 0 || m.optimizer.warmupSteps < m.train.steps,
    says: "the learning rate would never reach its peak",
    cure: "make optimizer.warmupSteps smaller than train.steps",
  },
  {
    paths: ["optimizer.warmupSteps", "cl.steps"],
    holds: (m, { root }) => root !== "cl" || m.cl.steps === 0 || m.optimizer.warmupSteps < m.cl.steps,
    says: "the learning rate of the arm cl would never reach its peak",
    cure: "make optimizer.warmupSteps smaller than cl.steps, or leave the arm cl out",
  },
  {
    paths: ["data.kind", "arms"],
    holds: (m, { root }) => m.data.kind === "supervised" || root !== "cl",
    says: "the arm cl needs supervised training data (query, positive, negative)",
    cure: "leave cl out: --arms base,reasoning,grace, or arms in the manifest",
  },
  {
    paths: ["data.columns", "data.kind"],
    holds: ({ data: { columns, kind } }) =>
      columns.length === 0 ||
      columns.length === TRAINING_COLUMNS[kind].length && new Set(columns).size === columns.length,
    says: "these are not the names of the columns that such data have",
    cure: "list three names for query, positive and negative, one for text, or none",
  },
  {
    paths: ["data.train", "data.subset", "data.split"],
    holds: ({ data: { train, subset, split } }) =>
      trainingDataSet(train) !== undefined || subset === "" && split === "train",
    says: "a file has neither subsets nor splits",
    cure: "name a data set as data.train: datasets/<owner>/<name>",
  },
  {
    paths: ["advantage.divideByStd", "advantage.estimator"],
    holds: ({ advantage: { divideByStd, estimator } }) => !divideByStd || ESTIMATORS[estimator].dividesByStd,
    says: "this estimator does not divide by the standard deviation of a group",
    cure: "set advantage.divideByStd to false, or take the estimator grpo or grpo-passk",
  },
  {
    paths: ["arms"],
    holds: (m) => new Set(m.arms).size === m.arms.length,
    says: "an arm is listed twice",
    cure: "list each arm once",
  },
  {
    paths: ["lora.targets"],
    holds: (m) => new Set(m.lora.targets).size === m.lora.targets.length,
    says: "a matrix is listed twice",
    cure: "list each matrix once",
  },
  {
    paths: ["lora.alpha", "lora.rank"],
    holds: ({ lora: { alpha, rank } }) => rank === 0 || isNormalFloat32(alpha / rank),
    says:
      "alpha / rank is a number that float32 does not hold: adapters would be infinite, or never change anything",
    cure: "set lora.alpha to about the rank, up to a few times as much",
  },
  {
    paths: ["pooling.input", "pooling.rationale"],
    holds: (m) => m.pooling.input || m.pooling.rationale,
    says: "nothing would be pooled",
    cure: "pool the input, the rationale or both",
  },
  {
    paths: ["pooling.input", "arms"],
    holds: (m, { root, rationale }) => m.pooling.input || (root !== "cl" && rationale),
    says: "arms without a rationale, and the arm cl in training, have nothing but their input to pool",
    cure: "set pooling.input to true, or leave arms out that have no rationale (base, cl)",
  },
  {
    paths: ["train.informativePattern"],
    holds: (m) => isPattern(m.train.informativePattern),
    says: "the pattern is not a regular expression",
    cure: "write it as JavaScript does, without slashes around it",
  },
];

/** What is asked of a setting together with others. */
export type Rule = Pick<typeof RULES[number], "paths" | "says" | "cure">;

/** The rules that a setting is part of. */
export function rulesAbout(path: string): Rule[] {
  return RULES.filter(({ paths }) => paths.includes(path));
}

function isPattern(text: string): boolean {
  try {
    new RegExp(text, "i");
    return true;
  } catch {
    return false;
  }
}

function requireConsistent(manifest: Manifest, provenance: Provenance): void {
  // Without an arm of its own, too: a setting that contradicts another is wrong whether or not an arm reads it.
  requireRules(manifest, { root: "grace", rationale: true }, (path) => provenance[path]!);
  for (const arm of planArms(manifest)) {
    const own = leavesOf(arm.manifest), common = leavesOf(manifest);
    requireRules(arm.manifest, arm, (path) => {
      const changed = JSON.stringify(own.get(path)) !== JSON.stringify(common.get(path));
      return changed ? `the control ${arm.name}` : provenance[path]!;
    });
  }
}

function requireRules(
  manifest: Manifest,
  arm: { root: Arm; rationale: boolean },
  sourceOf: (path: string) => string,
): void {
  const leaves = leavesOf(manifest);
  for (const { paths, holds, says, cure } of RULES) {
    if (holds(manifest, arm)) continue;
    const values = paths.map((path) => `${path} is ${JSON.stringify(leaves.get(path))} (${sourceOf(path)})`);
    throw new UsageError(`${says}: ${values.join(", ")}`, cure);
  }
}
