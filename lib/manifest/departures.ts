/**
 * Every setting on which the presets disagree, with the reason. These tables document the presets and define them
 * at once: `presets.ts` builds the presets from them.
 *
 * What belongs to the objective comes from the table in `lib/objective/variants.ts`; here its switches get their
 * places in the manifest. P and B numbers are those of the protocol document (discrepancies between paper and code;
 * defects of the code).
 *
 * @module
 */
import { PROTOCOL_TABLE, type ProtocolSwitches } from "../objective/variants.ts";
import type { Leaf } from "./leaves.ts";
import type { Manifest } from "./schema.ts";

/** A setting that belongs to the protocol: its value in the paper, in the released code and repaired. */
export interface ProtocolSetting {
  /** Path of the setting. */
  path: string;
  /** Kind of data that the row is about; both if left out. */
  kind?: Manifest["data"]["kind"];
  /** Value in the text of the paper. */
  paper: Leaf;
  /** Value in the released code. */
  code: Leaf;
  /** Value recommended for new claims. */
  fixed: Leaf;
  /** Numbers of the discrepancies or defects; often none where all agree. */
  ids: readonly string[];
  /** Why they differ, or where the common value is from. */
  why: string;
}

/** Where each switch of the objective sits in a manifest. */
const SWITCH_PATHS: { readonly [K in keyof ProtocolSwitches]: readonly string[] } = {
  rolloutTemperature: ["sampling.temperature"],
  contextTemperature: [
    "sampling.queryTemperature",
    "sampling.negativeTemperature",
    "sampling.anchorTemperature",
  ],
  evaluationPoolsEos: ["pooling.evaluationEos"],
  supervisedNegatives: ["reward.negatives"],
  unsupervisedNegatives: ["reward.negatives"],
  negativeSet: ["reward.negativeSet"],
  grouping: ["reward.grouping"],
  rewardMultiplier: ["reward.rewardMultiplier"],
  lambda1: ["reward.lambda1"],
  lambda2: ["reward.lambda2"],
  lengthPenalty: ["reward.lengthPenalty"],
  gamma: ["reward.gamma"],
  eosSet: ["reward.eosSet"],
  estimator: ["advantage.estimator"],
  divideByStd: ["advantage.divideByStd"],
  surrogate: ["loss.surrogate"],
  clipLow: ["loss.clipLow"],
  clipHigh: ["loss.clipHigh"],
  dualClip: ["loss.dualClip"],
  logRatioClamp: ["loss.logRatioClamp"],
  aggregation: ["loss.aggregation"],
  updatesPerBatch: ["train.miniBatches"],
  klCoefficient: ["loss.klCoef"],
};

/** Switches that are about one kind of data only. */
const SWITCH_KINDS: { readonly [K in keyof ProtocolSwitches]?: Manifest["data"]["kind"] } = {
  supervisedNegatives: "supervised",
  unsupervisedNegatives: "unsupervised",
};

/** Every setting that the protocol decides, whether its variants agree on it or not. */
export const PROTOCOL_SETTINGS: readonly ProtocolSetting[] = [
  ...(Object.keys(SWITCH_PATHS) as (keyof ProtocolSwitches)[]).flatMap((name) => {
    const { paper, code, fixed, ids, why } = PROTOCOL_TABLE[name];
    const kind = SWITCH_KINDS[name];
    return SWITCH_PATHS[name].map((path) => ({ path, ...(kind && { kind }), paper, code, fixed, ids, why }));
  }),
  {
    path: "pooling.evaluationNormalize",
    paper: true,
    code: false,
    fixed: true,
    ids: ["P3", "B10"],
    why: "The paper pools as in training, where embeddings are normalised; the code's evaluation does not",
  },
];

/** The settings on which `paper`, `code` and `fixed` differ. */
export const PROTOCOL_DEPARTURES: readonly ProtocolSetting[] = PROTOCOL_SETTINGS.filter(
  ({ paper, code, fixed }) => paper !== code || code !== fixed,
);

/** A setting of a size preset that differs from `fixed`. */
export interface SizeDeparture {
  /** Path of the setting. */
  path: string;
  /** Its value. */
  value: Leaf;
  /** Why. */
  why: string;
}

/** How `smollm2-cpu` differs from `fixed`: 135 M parameters, two CPU cores. */
export const CPU_DEPARTURES: readonly SizeDeparture[] = [
  {
    path: "prompt.promptTokens",
    value: 192,
    why: "a step must take seconds; longer texts lose their end, and are counted",
  },
  {
    path: "sampling.k",
    value: 4,
    why: "decoding is the largest cost and grows with it; 4 still gives a group a spread",
  },
  {
    path: "sampling.maxNewTokens",
    value: 64,
    why: "decoding is the largest cost and grows with it",
  },
  {
    path: "evaluation.maxNewTokens",
    value: 48,
    why: "evaluation reads thousands of texts, each with a rationale",
  },
  {
    path: "train.promptsPerStep",
    value: 8,
    why: "32 rationales a step keep two cores busy and fit in memory",
  },
  { path: "train.miniBatches", value: 2, why: "four updates of two prompts each would be mostly noise" },
  {
    path: "optimizer.learningRate",
    value: 1e-5,
    why: "a hundred steps on a small model, not a thousand on a large one; set in advance, not tuned",
  },
  { path: "train.steps", value: 100, why: "what fits into about an hour" },
  { path: "train.checkpointEvery", value: 10, why: "an interruption loses at most ten steps" },
  { path: "train.microBatchTokens", value: 1024, why: "keeps a training pass under 1 GB of activations" },
  { path: "train.gradientCheckpointing", value: false, why: "memory is bounded by the micro-batch already" },
  { path: "cl.batch", value: 8, why: "the same number of triplets per step as the arm grace sees" },
  { path: "cl.steps", value: 100, why: "the same number of steps as the arm grace" },
];

/**
 * How `tiny` differs from `fixed`: the embedded backbone, two CPU cores, five minutes for all arms. Values are chosen on the
 * suite `tiny-dev`, whose texts are not those of the suite `tiny`.
 */
export const TINY_DEPARTURES: readonly SizeDeparture[] = [
  {
    path: "device",
    value: "cpu",
    why: "the documented numbers are that engine's, bit for bit on one machine, and two cores are enough",
  },
  { path: "suite", value: "tiny", why: "part of the program, of texts that the backbone never saw" },
  {
    path: "arms",
    value: [
      "base",
      "reasoning",
      "reasoning-0.5",
      "reasoning-greedy",
      "cl-1e-4",
      "cl",
      "cl-1e-3",
      "cl-reasoning",
      "grace",
      "grace-greedy",
      "grace-plain",
    ],
    why: "the controls without which the four arms would overstate the method, as far as five minutes allow",
  },
  {
    path: "data.train",
    value: "tiny/triplets/train.jsonl.gz",
    why:
      "part of the program; random negatives: those that share a hypernym would punish rationales that name it",
  },
  {
    path: "prompt.system",
    value: "Analyze.",
    why: "what the backbone was pretrained to answer with a rationale",
  },
  {
    path: "prompt.promptTokens",
    value: 128,
    why: "the texts are glosses; longer ones lose their end, and are counted",
  },
  { path: "sampling.maxNewTokens", value: 40, why: "nearly all that the backbone writes ends before that" },
  { path: "evaluation.maxNewTokens", value: 40, why: "as in training" },
  {
    path: "train.promptsPerStep",
    value: 16,
    why: "128 rationales a step keep two cores busy for half a second",
  },
  { path: "train.miniBatches", value: 2, why: "updates of eight prompts: fewer would be mostly noise" },
  {
    path: "train.steps",
    value: 100,
    why:
      "at temperature 1 grace gains 2.4 points of the embedding average in 40 steps, 4.5 in 100; about a minute",
  },
  { path: "train.checkpointEvery", value: 10, why: "an interruption loses at most ten steps" },
  {
    path: "train.microBatchTokens",
    value: 4096,
    why: "more tokens a pass make small matrices larger, and fit in memory",
  },
  { path: "train.gradientCheckpointing", value: false, why: "memory is bounded by the micro-batch already" },
  {
    path: "train.informativePattern",
    value: "(kind|topic|same as|like|about): ",
    why: "fields of the rationales in the pretraining data that say something; the others are empty phrases",
  },
  {
    path: "optimizer.learningRate",
    value: 1e-4,
    why: "3e-4 gains no more in 100 steps, loses 2.6 points when read greedily, and costs general ability",
  },
  { path: "cl.batch", value: 16, why: "the same triplets in each step as the arm grace sees" },
  { path: "cl.steps", value: 100, why: "the same number of steps as the arm grace" },
  {
    path: "cl.learningRate",
    value: 3e-4,
    why:
      "embeds as well as 1e-3 in 100 steps and keeps more general ability; cl-1e-4 and cl-1e-3 show the trade",
  },
];
