/**
 * Every setting on which the presets disagree, with the reason. This table is the documentation of the presets and
 * their definition at once: `presets.ts` builds them from it. P and B numbers are those of the protocol document
 * (discrepancies between paper and code; defects of the code).
 *
 * @module
 */
import type { Leaf } from "./leaves.ts";
import type { Manifest } from "./schema.ts";

/** A setting that paper, released code and repaired protocol do not agree on. */
export interface ProtocolDeparture {
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
  /** Numbers of the discrepancies or defects. */
  ids: readonly string[];
  /** Why they differ, and why `fixed` is what it is. */
  why: string;
}

/** Where the presets `paper`, `code` and `fixed` differ. */
export const PROTOCOL_DEPARTURES: readonly ProtocolDeparture[] = [
  {
    path: "reward.rewardMultiplier",
    paper: 0.1,
    code: 10,
    fixed: 10,
    ids: ["P1"],
    why:
      "the paper divides by a scale of 10, the code by a temperature of 0.1; the fixed penalty of 1 only fits the latter",
  },
  {
    path: "reward.negatives",
    kind: "supervised",
    paper: "shared",
    code: "shared",
    fixed: "per-rollout",
    ids: ["B1"],
    why: "negative terms without a rollout index are constant within a group and cancel out of the advantage",
  },
  {
    path: "reward.negatives",
    kind: "unsupervised",
    paper: "shared",
    code: "per-rollout",
    fixed: "per-rollout",
    ids: ["P4"],
    why:
      "the paper calls the unsupervised term identical to Eq. 15; the code compares each rollout with the other anchors",
  },
  {
    path: "reward.negativeSet",
    paper: "sum",
    code: "single",
    fixed: "sum",
    ids: ["P14"],
    why:
      "the paper sums over a set of negatives, the code reads one; with one negative per line both are the same",
  },
  {
    path: "reward.grouping",
    paper: "uid",
    code: "prompt",
    fixed: "uid",
    ids: ["B3"],
    why: "grouping by prompt merges examples with equal positives and scores one with the other's negative",
  },
  {
    path: "reward.lengthPenalty",
    paper: "replace",
    code: "replace",
    fixed: "subtract",
    ids: ["B6"],
    why: "where rewards below -1 occur, replacing by -1 makes truncation attractive",
  },
  {
    path: "reward.eosSet",
    paper: "all",
    code: "tokenizer",
    fixed: "all",
    ids: ["B7"],
    why: "generation may stop at any end-of-text id, so a rationale that did is finished",
  },
  {
    path: "loss.aggregation",
    paper: "sequence-sum",
    code: "token-mean",
    fixed: "token-mean",
    ids: ["P5", "P6"],
    why: "Eq. 19 sums log-probabilities over the sequence; the code averages over tokens",
  },
  {
    path: "train.miniBatches",
    paper: 1,
    code: 4,
    fixed: 4,
    ids: ["P5"],
    why: "Eq. 19 is on-policy, one update per batch; the code makes four with clipped ratios",
  },
  {
    path: "sampling.queryTemperature",
    paper: 1,
    code: 0.5,
    fixed: 0.5,
    ids: ["P2"],
    why: "the paper only speaks of 1.0; the code has 0.5 for texts that are not trained on",
  },
  {
    path: "sampling.negativeTemperature",
    paper: 1,
    code: 0.5,
    fixed: 0.5,
    ids: ["P2"],
    why: "as sampling.queryTemperature",
  },
  {
    path: "sampling.anchorTemperature",
    paper: 1,
    code: 0.5,
    fixed: 0.5,
    ids: ["P2"],
    why: "as sampling.queryTemperature",
  },
  {
    path: "pooling.evaluationEos",
    paper: true,
    code: false,
    fixed: true,
    ids: ["P3", "B10"],
    why:
      "the paper pools as in training; the code's evaluation re-tokenises decoded text, which has lost the token",
  },
  {
    path: "pooling.evaluationNormalize",
    paper: true,
    code: false,
    fixed: true,
    ids: ["P3", "B10"],
    why: "the paper pools as in training, where embeddings are normalised; the code's evaluation does not",
  },
];

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
  { path: "train.steps", value: 100, why: "what fits into about an hour" },
  { path: "train.checkpointEvery", value: 10, why: "an interruption loses at most ten steps" },
  { path: "cl.batch", value: 8, why: "the same number of triplets per step as the arm grace sees" },
  { path: "cl.steps", value: 100, why: "the same number of steps as the arm grace" },
];
