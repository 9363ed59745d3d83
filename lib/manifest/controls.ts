/**
 * The controls of the presets, with the reason for each: what has to stand beside the arms so that a table shows what
 * training changed, and not what a temperature, a learning rate or a rationale changes by itself.
 *
 * @module
 */
import { PROTOCOL_DEPARTURES } from "./departures.ts";
import type { Manifest, Preset } from "./schema.ts";
import type { Control } from "./sections/controls.ts";

/** A control of a preset. */
export interface PresetControl extends Control {
  /** Column of the table. */
  readonly name: string;
  /** What it tells. */
  readonly why: string;
}

const greedy = { "evaluation.temperature": 0 };

/** Other readings of the four arms: they need no training of their own. In every preset. */
const READINGS: readonly PresetControl[] = [
  {
    name: "reasoning-0.5",
    of: "reasoning",
    set: { "evaluation.temperature": 0.5 },
    why: "what a lower temperature gives for free, which training by sharpening would give too",
  },
  {
    name: "reasoning-greedy",
    of: "reasoning",
    set: greedy,
    why:
      "the most that sharpening alone could give: what grace must beat, read greedily, to have learned more",
  },
  {
    name: "cl-reasoning",
    of: "cl",
    rationale: true,
    why: "the baseline with rationales too: is it the training or the rationale that differs?",
  },
  {
    name: "cl-reasoning-greedy",
    of: "cl-reasoning",
    set: greedy,
    why: "the same without the noise of sampling",
  },
  {
    name: "grace-greedy",
    of: "grace",
    set: greedy,
    why: "against reasoning-greedy: what was learned besides sharpening",
  },
  {
    name: "grace-plain",
    of: "grace",
    rationale: false,
    why: "against base: what training did to the embedding of the text alone",
  },
];

/** The released code's training in a preset that repairs it; read as all other arms are. */
function releasedCode(kind: Manifest["data"]["kind"]): PresetControl[] {
  const departures = PROTOCOL_DEPARTURES.filter((row) =>
    (row.kind ?? kind) === kind && row.code !== row.fixed && !row.path.startsWith("pooling.evaluation")
  );
  const set = Object.fromEntries(
    departures.map(({ path, code }) => [path, code as string | number | boolean]),
  );
  return [
    {
      name: "grace-code",
      of: "grace",
      set,
      why: "training as in the released code: reward, groups and loss of the preset code",
    },
    {
      name: "grace-code-greedy",
      of: "grace-code",
      set: greedy,
      why: "the same without the noise of sampling",
    },
  ];
}

/** The contrastive baseline at other learning rates, for the curve of embedding against general ability. */
const CL_RATES: readonly PresetControl[] = ["1e-4", "1e-3"].map((rate) => ({
  name: `cl-${rate}`,
  of: "cl",
  set: { "cl.learningRate": Number(rate) },
  why: "what the baseline costs in general ability depends on its learning rate: a curve, not a point",
}));

/** Controls of a preset. */
export function presetControls(preset: Preset, kind: Manifest["data"]["kind"]): PresetControl[] {
  const repaired = preset !== "paper" && preset !== "code";
  return [
    ...READINGS,
    ...(repaired ? releasedCode(kind) : []),
    ...(preset === "tiny" ? CL_RATES : []),
  ];
}
