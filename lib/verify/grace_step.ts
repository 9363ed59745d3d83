/**
 * What in the record of a GRACE step follows from its other fields and the settings. Means over rationales whose terms are stored as
 * means are compared within {@linkcode TOLERANCE}; counts and what is stored twice exactly.
 *
 * @module
 */
import type { Manifest } from "../manifest/schema.ts";
import { type EstimatorFacts, ESTIMATORS } from "../objective/estimators.ts";
import { totalReward } from "../objective/reward.ts";
import type { Checking } from "./check.ts";
import type { StepRecord } from "./steps.ts";
import type { GraceStep } from "./step_schema.ts";

/**
 * Largest difference, relative to the size of what is added, between a mean of sums and the sum of means: both are sums of float64
 * in another order, of which the worst that was seen is 1e-14.
 */
export const TOLERANCE = 1e-12;

/** Checks one record. */
export function checkGraceStep(
  { step: record, at }: StepRecord<GraceStep>,
  manifest: Manifest,
  file: string,
  it: Checking,
): void {
  const { sampling: { k, maxNewTokens }, train: { promptsPerStep, miniBatches, informativePattern }, data } =
    manifest;
  const rollouts = promptsPerStep * k, texts = promptsPerStep * (data.kind === "supervised" ? 3 : 2);
  const wrong = (field: string, what: string) => it.problem({ file, at, field, what });
  const close = (field: string, stored: number, found: number, size: number) => {
    if (Math.abs(stored - found) > TOLERANCE * size) it.problem({ file, at, field, stored, found });
  };
  const whole = (field: string, share: number) => {
    const sum = share * rollouts;
    if (Math.abs(sum - Math.round(sum)) > TOLERANCE * Math.max(1, sum)) {
      wrong(field, `${share} is no mean of ${rollouts} whole numbers`);
    }
    return Math.round(sum);
  };

  const total = meanReward(record, manifest);
  if (total !== undefined) close("reward.total.mean", record.reward.total.mean, total.mean, total.size);
  const std = advantageStd(record, manifest);
  if (std !== undefined) close("advantageStd", record.advantageStd, std, Math.max(std, record.advantageStd));

  const { mean, max } = record.rationaleTokens, tokens = whole("rationaleTokens.mean", mean);
  if (max > maxNewTokens) {
    wrong("rationaleTokens.max", `${max} is more than sampling.maxNewTokens ${maxNewTokens}`);
  }
  if (mean > max || tokens < max + rollouts - 1) {
    wrong("rationaleTokens", `a mean of ${mean} does not go with a longest of ${max} among ${rollouts}`);
  }
  it.same(
    { file, at, field: "updates.*.tokens, summed" },
    record.updates.reduce((sum, update) => sum + update.tokens, 0),
    tokens,
  );
  const cut = whole("truncatedShare", record.truncatedShare);
  if (cut > 0 && max < maxNewTokens) {
    wrong(
      "truncatedShare",
      `${cut} rationales were cut off, but the longest has ${max} of ${maxNewTokens} tokens`,
    );
  }
  if (record.truncatedPrompts > texts) {
    wrong("truncatedPrompts", `${record.truncatedPrompts} of ${texts} texts`);
  }
  const facts: EstimatorFacts = ESTIMATORS[manifest.advantage.estimator];
  if (record.flatGroups >= promptsPerStep + (facts.groupBaseline ? 0 : 1)) {
    wrong("flatGroups", `${record.flatGroups} of ${promptsPerStep} groups`);
  }
  if (record.mergedGroups > (manifest.reward.grouping === "prompt" ? promptsPerStep - 1 : 0)) {
    wrong(
      "mergedGroups",
      `${record.mergedGroups} of ${promptsPerStep} groups, grouping "${manifest.reward.grouping}"`,
    );
  }
  for (const [field, needed] of [["whitening", facts.whitens], ["greedy", facts.baselines]] as const) {
    if ((record[field] !== undefined) === needed) continue;
    wrong(
      field,
      `is ${needed ? "missing" : "there"}, but the estimator is "${manifest.advantage.estimator}"`,
    );
  }
  checkKl(record, manifest, wrong);
  if (record.greedy && record.greedy.tokens > maxNewTokens) {
    wrong("greedy.tokens", `${record.greedy.tokens} is more than sampling.maxNewTokens ${maxNewTokens}`);
  }
  if ((record.informativeShare === undefined) !== (informativePattern === "")) {
    wrong(
      "informativeShare",
      `is ${record.informativeShare}, but train.informativePattern is "${informativePattern}"`,
    );
  } else if (record.informativeShare !== undefined) whole("informativeShare", record.informativeShare);
  checkUpdates(record, miniBatches, (field, stored, found) => it.same({ file, at, field }, stored, found));
}

/** A KL estimate is there exactly if the loss has the term, and nothing has moved at the first step. */
function checkKl(
  { step, kl, logProbGap, updates }: GraceStep,
  { loss: { klCoef, klEstimator } }: Manifest,
  wrong: (field: string, what: string) => void,
): void {
  const stored = [
    ["kl", kl],
    ...updates.map((update, i) => [`updates.${i}.kl`, update.kl] as const),
  ] as const;
  for (const [field, value] of stored) {
    if ((value !== undefined) !== (klCoef > 0)) {
      wrong(field, `is ${value === undefined ? "missing" : "there"}, but loss.klCoef is ${klCoef}`);
    } else if (value !== undefined && value < 0 && klEstimator !== "k1") {
      wrong(field, `${value} is below 0, which ${klEstimator} never is`);
    }
  }
  // Where decoding and training agree in bits, so do the policy and what it started from.
  if (step !== 1 || logProbGap !== 0) return;
  for (const [field, value] of stored.slice(0, 2)) {
    if (value !== undefined && value !== 0) {
      wrong(field, `${value} is not 0, although nothing was trained yet`);
    }
  }
}

/** The mean of the reward from the means of its terms; undefined where it does not follow. */
function meanReward(
  { reward, truncatedShare }: GraceStep,
  { reward: options }: Manifest,
): { mean: number; size: number } | undefined {
  if (options.lengthPenalty === "replace" && truncatedShare > 0) return undefined;
  const terms = {
    positive: reward.positive.mean,
    negative: reward.negative.mean,
    consistency: reward.consistency.mean,
    crossGroup: reward.crossGroup.mean,
  };
  const { lambda1, lambda2, rewardMultiplier, gamma, lengthPenalty } = options;
  const penalty = lengthPenalty === "subtract" ? gamma * truncatedShare : 0;
  const size = Math.abs(rewardMultiplier) * (Math.abs(terms.positive) + Math.abs(terms.negative) +
        Math.abs(lambda1 * terms.consistency) + Math.abs(lambda2 * terms.crossGroup)) + penalty;
  return { mean: totalReward(terms, false, options) - penalty, size: Math.max(size, 1) };
}

/**
 * Root mean square of the advantages. Without division, an advantage of GRPO is the distance to the group's mean, of which the squares
 * are the variance within groups that is stored; RLOO stretches it by K / (K - 1). Others do not follow.
 */
function advantageStd({ reward }: GraceStep, { advantage, sampling: { k } }: Manifest): number | undefined {
  if (advantage.divideByStd || k < 2) return undefined;
  if (advantage.estimator !== "grpo" && advantage.estimator !== "rloo") return undefined;
  const std = Math.sqrt(reward.total.withinGroupVariance);
  return advantage.estimator === "rloo" ? std * k / (k - 1) : std;
}

/** The first update is on the weights that sampled: what the ratio 1 gives, it must have. */
function checkUpdates(
  { updates, logProbGap }: GraceStep,
  miniBatches: number,
  same: (field: string, stored: unknown, found: unknown) => void,
): void {
  same("updates, their number", updates.length, miniBatches);
  const [first] = updates;
  same("logProbGap", logProbGap, first!.logProbGap);
  if (first!.logProbGap !== 0) return;
  for (const field of ["clipFraction", "dualClipFraction", "approxKl"] as const) {
    same(`updates.0.${field}`, first![field], 0);
  }
}
