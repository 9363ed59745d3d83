/**
 * From what a person wrote and typed to a manifest in which every setting has a value and a known origin.
 *
 * @module
 */
import { UsageError } from "#errors";
import { fromLeaves, leafPaths, leavesOf } from "./leaves.ts";
import { checkManifest } from "./parse.ts";
import { DEFAULT_PRESET, presetManifest } from "./presets.ts";
import { type Manifest, type ManifestInput, manifestSchema } from "./schema.ts";
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

/** Where each setting came from, by path: "preset fixed", "grace.json" or a flag such as "--steps". */
export type Provenance = Readonly<Record<string, string>>;

/** A manifest in which every setting has a value, and where each came from. */
export interface ResolvedManifest {
  /** The settings. */
  manifest: Manifest;
  /** Origin of each setting, by path. */
  provenance: Provenance;
}

/**
 * Fills a manifest from its preset and applies flags: a flag beats the file, the file beats the preset.
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

  const preset = (typed.get("preset")?.value as Manifest["preset"]) ?? written.preset ?? DEFAULT_PRESET;
  const kind = (typed.get("data.kind")?.value as Manifest["data"]["kind"]) ?? written.data?.kind;
  const leaves = leavesOf(presetManifest(preset, kind));
  const provenance = Object.fromEntries([...leaves.keys()].map((path) => [path, `preset ${preset}`]));
  provenance.preset = "default";
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
      "lib/manifest/grace.schema.json lists every setting",
    );
  }
  checkManifest(fromLeaves([[path, value]]) as ManifestInput, source);
}

/** Rules between settings, each with the settings that it is about. */
const RULES: readonly {
  paths: readonly string[];
  holds: (m: Manifest) => boolean;
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
    holds: (m) => !m.arms.includes("cl") || m.cl.steps === 0 || m.optimizer.warmupSteps < m.cl.steps,
    says: "the learning rate of the arm cl would never reach its peak",
    cure: "make optimizer.warmupSteps smaller than cl.steps, or leave the arm cl out",
  },
  {
    paths: ["data.kind", "arms"],
    holds: (m) => m.data.kind === "supervised" || !m.arms.includes("cl"),
    says: "the arm cl needs supervised training data (query, positive, negative)",
    cure: "leave cl out: --arms base,reasoning,grace, or arms in the manifest",
  },
  {
    paths: ["loss.klCoef"],
    holds: (m) => m.loss.klCoef === 0,
    says: "the KL term is not implemented in this version",
    cure: "set loss.klCoef to 0, as the paper and all presets do",
  },
  {
    paths: ["arms"],
    holds: (m) => new Set(m.arms).size === m.arms.length,
    says: "an arm is listed twice",
    cure: "list each arm once",
  },
  {
    paths: ["pooling.input", "pooling.rationale"],
    holds: (m) => m.pooling.input || m.pooling.rationale,
    says: "nothing would be pooled",
    cure: "pool the input, the rationale or both",
  },
  {
    paths: ["pooling.input", "arms"],
    holds: (m) => m.pooling.input || !(m.arms.includes("base") || m.arms.includes("cl")),
    says: "the arms base and cl have no rationale, so their input must be pooled",
    cure: "set pooling.input to true, or leave these arms out",
  },
];

function requireConsistent(manifest: Manifest, provenance: Provenance): void {
  const leaves = leavesOf(manifest);
  for (const { paths, holds, says, cure } of RULES) {
    if (holds(manifest)) continue;
    const values = paths.map((path) =>
      `${path} is ${JSON.stringify(leaves.get(path))} (${provenance[path]})`
    );
    throw new UsageError(`${says}: ${values.join(", ")}`, cure);
  }
}
