/**
 * The protocol variants: what the paper says, what the released code does, and what new claims should use.
 *
 * One table, from which presets are built. The ids are those of the reproduction's list of discrepancies between
 * paper and released code (P1 …) and of defects of the latter (B1 …).
 *
 * @module
 */
import type { AdvantageOptions } from "./advantage.ts";
import type { EosSet } from "./length_penalty.ts";
import type { AggregationKind, SurrogateOptions } from "./policy_loss.ts";
import type { RewardOptions, TrainingMode } from "./reward.ts";

/** Names of the presets: literal text, released code bug for bug, recommended. */
export const PROTOCOL_VARIANTS = ["paper", "code", "fixed"] as const;

/** One of {@linkcode PROTOCOL_VARIANTS}. */
export type ProtocolVariant = typeof PROTOCOL_VARIANTS[number];

/** One row of the table: the value of a switch in each variant, and why it differs. */
export interface ProtocolSwitch<T> {
  /** Ids of the discrepancies or defects that the switch is about; none for what all agree on. */
  ids: readonly string[];
  /** What the text of the paper says. */
  paper: T;
  /** What the released code does. */
  code: T;
  /** What new claims should use. */
  fixed: T;
  /** What the switch decides, and what the variants rest on. */
  why: string;
}

/** The switches of the objective: those of its parts, and what the parts are chosen or driven by. */
export interface ProtocolSwitches
  extends Omit<RewardOptions, "mode" | "negatives">, Omit<AdvantageOptions, "groupSize">, SurrogateOptions {
  /** Sampling temperature of the trained role. */
  rolloutTemperature: number;
  /** Sampling temperature of queries, mined negatives and anchors. */
  contextTemperature: number;
  /** Whether the end-of-sequence token is pooled when evaluating (training always does). */
  evaluationPoolsEos: boolean;
  /** `negatives` of the reward in supervised training. */
  supervisedNegatives: RewardOptions["negatives"];
  /** `negatives` of the reward in unsupervised training. */
  unsupervisedNegatives: RewardOptions["negatives"];
  /** Which tokens count as an end when asking whether a rationale was cut off. */
  eosSet: EosSet;
  /** How token losses become one number. */
  aggregation: AggregationKind;
  /** Optimiser updates per batch of rollouts. */
  updatesPerBatch: number;
  /** Weight of the KL term towards the reference model, which is not loaded when it is 0. */
  klCoefficient: number;
}

/** A row whose value is the same everywhere. */
function agreed<T>(value: T, why: string, ids: readonly string[] = []): ProtocolSwitch<T> {
  return { ids, paper: value, code: value, fixed: value, why };
}

/** Every switch of the objective, with its value in each variant. */
export const PROTOCOL_TABLE: { readonly [K in keyof ProtocolSwitches]: ProtocolSwitch<ProtocolSwitches[K]> } =
  {
    rolloutTemperature: agreed(1, "Temperature of GRPO rollouts"),
    contextTemperature: {
      ids: ["P2"],
      paper: 1,
      code: 0.5,
      fixed: 0.5,
      why: "The paper names one temperature, 1.0; the code fixes 0.5 for queries, negatives and anchors",
    },
    evaluationPoolsEos: {
      ids: ["P3", "B10"],
      paper: true,
      code: false,
      fixed: true,
      why: "The code evaluates decoded text, without the token that training pooled",
    },
    supervisedNegatives: {
      ids: ["B1"],
      paper: "shared",
      code: "shared",
      fixed: "per-rollout",
      why:
        "Terms that all rollouts of a group share cancel in the advantage, so negatives and lambda2 do nothing",
    },
    unsupervisedNegatives: {
      ids: ["P4"],
      paper: "shared",
      code: "per-rollout",
      fixed: "per-rollout",
      why:
        "The paper repeats Eq. 15; the code compares each rollout with the other anchors, without a maximum",
    },
    negativeSet: {
      ids: ["P14"],
      paper: "sum",
      code: "single",
      fixed: "single",
      why: "The paper sums over a set of negatives; the code has exactly one",
    },
    grouping: {
      ids: ["B3", "B18"],
      paper: "uid",
      code: "prompt",
      fixed: "uid",
      why: "The code merges training examples with the same positive document into one group of the reward",
    },
    rewardMultiplier: {
      ids: ["P1"],
      paper: 0.1,
      code: 10,
      fixed: 10,
      why: "The paper divides by tau = 10 (Eq. 17); the code divides by 0.1",
    },
    lambda1: agreed(0.2, "Training value of both; not on the paper's ablation grid", ["P8"]),
    lambda2: agreed(0.2, "Training value of both; not on the paper's ablation grid", ["P8"]),
    lengthPenalty: {
      ids: ["B6", "P7"],
      paper: "replace",
      code: "replace",
      fixed: "subtract",
      why: "Replacing the reward by -gamma rewards being cut off in a group whose rewards are lower",
    },
    gamma: agreed(1, "Paper Eq. 28, in units of the multiplied reward"),
    eosSet: {
      ids: ["B7"],
      paper: "all",
      code: "tokenizer",
      fixed: "all",
      why: "Generation may stop on tokens that the code's length penalty does not take for an end",
    },
    estimator: agreed("grpo", "Group mean as the baseline"),
    divideByStd: agreed(false, "Eq. 18 and the code do not divide; Eq. 7-8, which recall GRPO, do", ["P6"]),
    surrogate: {
      ids: ["P5"],
      paper: "reinforce",
      code: "ppo-clip",
      fixed: "ppo-clip",
      why: "Eq. 19 is on-policy, without a ratio; the code updates four times per batch of rollouts",
    },
    clipLow: agreed(0.2, "Not stated in the paper", ["P5"]),
    clipHigh: agreed(0.2, "Not stated in the paper", ["P5"]),
    dualClip: agreed(3, "Default of verl; not stated in the paper", ["P5"]),
    logRatioClamp: agreed(20, "Constant of verl; not stated in the paper", ["P5"]),
    aggregation: {
      ids: ["P5", "P6", "B15"],
      paper: "seq-sum",
      code: "token-mean-micro",
      fixed: "token-mean",
      why: "A mean per micro-batch makes the gradient depend on how sequences are packed",
    },
    updatesPerBatch: {
      ids: ["P5"],
      paper: 1,
      code: 4,
      fixed: 4,
      why: "Mini-batches of 16 of 64 prompts in the code; on-policy in the paper",
    },
    klCoefficient: agreed(0, "The code loads a reference model for a term of weight 0", ["P11"]),
  };

/** All switches of a protocol variant. */
export function protocolSwitches(variant: ProtocolVariant): ProtocolSwitches {
  const rows = Object.entries(PROTOCOL_TABLE).map(([name, row]) => [name, row[variant]]);
  return Object.fromEntries(rows) as ProtocolSwitches;
}

/** The options of the reward under a set of switches. */
export function rewardOptions(switches: ProtocolSwitches, mode: TrainingMode): RewardOptions {
  const { negativeSet, grouping, rewardMultiplier, lambda1, lambda2, lengthPenalty, gamma } = switches;
  const negatives = mode === "supervised" ? switches.supervisedNegatives : switches.unsupervisedNegatives;
  return { mode, negatives, negativeSet, grouping, rewardMultiplier, lambda1, lambda2, lengthPenalty, gamma };
}

/** The options of the advantage under a set of switches. */
export function advantageOptions({ estimator, divideByStd }: ProtocolSwitches): AdvantageOptions {
  return { estimator, divideByStd };
}

/** The options of the surrogate under a set of switches. */
export function surrogateOptions(switches: ProtocolSwitches): SurrogateOptions {
  const { surrogate, clipLow, clipHigh, dualClip, logRatioClamp } = switches;
  return { surrogate, clipLow, clipHigh, dualClip, logRatioClamp };
}
