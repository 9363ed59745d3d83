/**
 * Values of the presets: what is common to all, plus the tables of `departures.ts`.
 *
 * @module
 */
import { LORA_TARGETS } from "../backbone/lora_options.ts";
import { presetControls } from "./controls.ts";
import { CPU_DEPARTURES, PROTOCOL_SETTINGS, type SizeDeparture, TINY_DEPARTURES } from "./departures.ts";
import { fromLeaves, type Leaf, leavesOf } from "./leaves.ts";
import { EMBEDDED_BACKBONE } from "./names.ts";
import { type DeepPartial, type Manifest, manifestSchema, type Preset } from "./schema.ts";

/** Presets that are `fixed` at another size, with what they change. */
const SIZES: Readonly<Partial<Record<Preset, readonly SizeDeparture[]>>> = {
  "smollm2-cpu": CPU_DEPARTURES,
  tiny: TINY_DEPARTURES,
};

/** What a preset changes of `fixed` to be of another size; nothing if it is of none. */
export function sizeDepartures(preset: Preset): readonly SizeDeparture[] {
  return SIZES[preset] ?? [];
}

/** Preset of a manifest that names none: by its backbone the one whose sizes suit any machine. */
export function defaultPreset(backbone: string): Preset {
  return backbone === EMBEDDED_BACKBONE ? "tiny" : "smollm2-cpu";
}

/** The paper's system message, the same in training and evaluation (SHA-256 31d7e04f...50b). */
export const SYSTEM_PROMPT =
  "Read and analyze the following text, then you need to provide your reasoning within <think></think> tags. " +
  "Finally, generate a comprehensive understanding of this text.";

/** What is not part of the protocol, or is nowhere in doubt: the settings of the released training command. */
const common: DeepPartial<Manifest> = {
  backbone: EMBEDDED_BACKBONE,
  suite: "mini",
  arms: ["base", "reasoning", "cl", "grace"],
  seed: 1,
  device: "auto",
  data: {
    train: "mini/supervised-triplets/train.jsonl.gz",
    kind: "supervised",
    split: "train",
    subset: "",
    columns: [],
  },
  // 26 Jul 2024 is the date that LLaMA-3.2's own template falls back to.
  prompt: { system: SYSTEM_PROMPT, dateString: "2024-07-26", promptTokens: 1024 },
  pooling: { input: true, templateSuffix: true, rationale: true, eos: true },
  sampling: { k: 8, topP: 1, topK: 0, maxNewTokens: 2048 },
  evaluation: { temperature: 1, topP: 1, topK: 0, maxNewTokens: 2048, samplesPerText: 1 },
  loss: { entropyCoef: 0, klEstimator: "k3" },
  optimizer: {
    learningRate: 1e-6,
    beta1: 0.9,
    beta2: 0.999,
    eps: 1e-8,
    weightDecay: 0.01,
    maxGradNorm: 1,
    schedule: "constant",
    warmupSteps: 0,
  },
  // Not from GRACE. Where a rank is set: all matrices of a layer, as QLoRA found necessary, and PEFT's usual alpha.
  lora: { rank: 0, alpha: 32, targets: [...LORA_TARGETS] },
  train: {
    steps: 1000,
    promptsPerStep: 64,
    checkpointEvery: 50,
    microBatchTokens: 16384,
    gradientCheckpointing: true,
    informativePattern: "",
  },
  // Not from GRACE. Temperature: LLM2Vec's supervised scale of 50; sizes: matched to the arm grace.
  cl: {
    temperature: 0.02,
    hardNegatives: true,
    maskDuplicates: true,
    learningRate: 1e-5,
    batch: 64,
    steps: 1000,
    templateSuffix: true,
  },
};

/**
 * The complete manifest of a preset.
 *
 * @param kind kind of training data, which some protocols treat differently
 */
export function presetManifest(preset: Preset, kind: Manifest["data"]["kind"] = "supervised"): Manifest {
  const leaves: [string, Leaf][] = [["preset", preset], ...leavesOf(common), ["data.kind", kind]];
  const protocol = preset === "paper" || preset === "code" ? preset : "fixed";
  for (const setting of PROTOCOL_SETTINGS) {
    if ((setting.kind ?? kind) === kind) leaves.push([setting.path, setting[protocol]]);
  }
  for (const { path, value } of sizeDepartures(preset)) leaves.push([path, value]);
  const controls = presetControls(preset, kind);
  for (const { name, why: _, ...control } of controls) leaves.push([`controls.${name}`, control]);
  const listed = new Map(leaves).get("arms") as readonly string[];
  leaves.push(["fullArms", controls.map(({ name }) => name).filter((name) => !listed.includes(name))]);
  return manifestSchema.parse(fromLeaves(leaves));
}
