/**
 * What is maximised: reward, advantage and policy loss of the arm grace.
 *
 * @module
 */
import { z } from "zod";
import { KL_ESTIMATORS } from "../../../kernels/kl_penalty.ts";
import { ESTIMATOR_NAMES } from "../../objective/estimators.ts";
import { nonNegative, positive } from "./leaf.ts";

/** Reward of one rationale (paper Eq. 12-17, 28): with data.kind as the mode, the `RewardOptions` of `lib/objective`. */
export const reward = z.strictObject({
  rewardMultiplier: positive().describe(
    "Factor on the weighted sum of the components: 10 in the released code, 0.1 in the paper's text (P1).",
  ),
  lambda1: nonNegative().describe("Weight of the consistency of a rationale with its group (P8)."),
  lambda2: nonNegative().describe("Weight of the similarity to other groups, which is subtracted (P8)."),
  negatives: z.enum(["shared", "per-rollout"]).describe(
    "shared: the negative terms are the same for all rationales of a group and cancel out of the advantage; " +
      "per-rollout: they depend on the rationale (B1, P4).",
  ),
  negativeSet: z.enum(["single", "sum"]).describe(
    "Mined negatives of an example: exactly one (single), or any number, whose similarities are summed (sum) (P14).",
  ),
  grouping: z.enum(["uid", "prompt"]).describe(
    "Rationales form a group by training example (uid), or by equal prompt, which merges twins (prompt) (B3).",
  ),
  lengthPenalty: z.enum(["off", "replace", "subtract"]).describe(
    "For a rationale that hits sampling.maxNewTokens: the reward becomes -gamma (replace) or loses gamma (subtract) (B6).",
  ),
  gamma: nonNegative().describe(
    "Size of the length penalty, in units of the scaled reward (paper Eq. 28, gamma).",
  ),
  eosSet: z.enum(["all", "tokenizer"]).describe(
    "Ids that count as a finished rationale: all of generation_config, or the tokenizer's one (B7).",
  ),
}).describe("Reward of one rationale.");

/** Advantage of one rationale within its group: the `AdvantageOptions` of `lib/objective`. */
export const advantage = z.strictObject({
  estimator: z.enum(ESTIMATOR_NAMES).describe(
    "grpo: reward minus the mean reward of the group (paper Eq. 18); rloo: minus the mean of the others; opo: minus the " +
      "mean weighted by length; grpo-passk: the lead of the best over the second best; reinforce++: the reward, whitened " +
      "over the tokens of the batch; reinforce++-baseline: grpo, whitened; remax: minus the reward of a greedy " +
      "rationale; no-baseline: the reward, which is what remax is in the released code (B4).",
  ),
  divideByStd: z.boolean().describe(
    "Divide by the standard deviation of the group too; grpo and grpo-passk only (P6).",
  ),
}).describe("Advantage of one rationale within its group.");

/** Policy loss over the tokens of the rationales: has the `SurrogateOptions` of `lib/objective`. */
export const loss = z.strictObject({
  surrogate: z.enum(["ppo-clip", "reinforce"]).describe(
    "Token loss: -advantage x clipped probability ratio (ppo-clip), or -advantage x log-probability (reinforce) (P5).",
  ),
  clipLow: z.number().min(0).max(1).describe("Probability ratios count down to 1 - clipLow."),
  clipHigh: nonNegative().describe("Probability ratios count up to 1 + clipHigh."),
  dualClip: z.number().gt(1).describe(
    "Bound of the loss of a token with a negative advantage, as a multiple of it.",
  ),
  logRatioClamp: positive().describe("Log-probability differences are clamped to plus or minus this."),
  aggregation: z.enum(["token-mean", "token-mean-micro", "seq-sum"]).describe(
    "Token losses are summed and divided by the tokens of the mini-batch (token-mean), by those of the micro-batch, " +
      "which depends on packing (token-mean-micro), or by the number of sequences (seq-sum) (P5, P6, B15).",
  ),
  klCoef: nonNegative().describe(
    "Coefficient of the KL divergence from the untrained model, in the loss of each token; 0 = it is not loaded (P11).",
  ),
  klEstimator: z.enum(KL_ESTIMATORS).describe(
    "Estimate of that divergence from a sampled token, d being its log-probability minus that under the untrained model: " +
      "k1: d; k2: d^2 / 2; k3: e^-d + d - 1, as in the GRPO paper. Read where loss.klCoef is above 0.",
  ),
  entropyCoef: nonNegative().describe("Coefficient of the entropy bonus."),
}).describe("Policy loss.");
