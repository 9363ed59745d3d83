/**
 * What a training step does with one triplet: the tokens that are pooled, the rationales, the parts of their rewards, and
 * which of these parts an advantage can see. The step's own functions are called, so this cannot drift from training.
 *
 * @module
 */
import { NumericError, UsageError } from "#errors";
import type { Triplet } from "../lib/data/training.ts";
import type { Manifest } from "../lib/manifest/schema.ts";
import { groupAdvantages, type RolloutFacts } from "../lib/objective/advantage.ts";
import { ESTIMATORS } from "../lib/objective/estimators.ts";
import { poolingRanges } from "../lib/objective/pooling.ts";
import { batchRewards, type GroupRewards } from "../lib/objective/reward.ts";
import { rewardStatistics } from "../lib/objective/reward_statistics.ts";
import {
  greedyBaselines,
  rewardGroups,
  rewardOptionsOf,
  type RolledOutText,
  rollOutExamples,
} from "../lib/train/rationales.ts";
import type { LoadedModel } from "./model.ts";

/** Part of a sequence that a token belongs to; `system` is the prefix of L_sys tokens, which is never pooled. */
export type TokenPart = "system" | "text" | "suffix" | "rationale" | "eos";

/** One token of the positive's prompt and its first rationale. */
export interface ExplainedToken {
  readonly id: number;
  /** As text; bytes that are no whole character show as U+FFFD. */
  readonly token: string;
  readonly part: TokenPart;
  readonly pooled: boolean;
}

/** One rationale of the positive. The terms are cosines, signed as they enter the reward. */
export interface ExplainedRationale {
  readonly rationale: string;
  readonly tokens: number;
  /** Whether the length penalty counts it as cut off. */
  readonly truncated: boolean;
  readonly positive: number;
  readonly negative: number;
  readonly consistency: number;
  /** Weighted, multiplied, penalised. */
  readonly reward: number;
  readonly advantage: number;
}

/** A term of the reward. */
export interface ExplainedTerm {
  readonly term: "positive" | "negative" | "consistency" | "crossGroup";
  readonly weight: number;
  /** Over the rationales; null where one triplet cannot have the term. */
  readonly mean: number | null;
  /** Standard deviation over the rationales; null likewise. */
  readonly deviation: number | null;
  /** Whether it is the same for all rationales of a group, so that it is nothing to the advantage. */
  readonly cancels: boolean;
  /** Why, in a sentence. */
  readonly why: string;
}

/** Everything that is shown about a triplet. */
export interface Explanation {
  /** The positive in the chat template. */
  readonly template: string;
  /** L_sys. */
  readonly systemTokens: number;
  readonly tokens: readonly ExplainedToken[];
  /** Rationale of the query, to which the positive is compared. */
  readonly queryRationale: string;
  readonly negativeRationale: string;
  readonly rationales: readonly ExplainedRationale[];
  readonly terms: readonly ExplainedTerm[];
  /** What else a reader should know, in sentences. */
  readonly remarks: readonly string[];
}

/** Deviations up to this are rounding: cosines are of order 1. */
const ROUNDING = 1e-12;

/**
 * Samples the rationales of a triplet and explains their rewards.
 *
 * @throws {UsageError} if the manifest is for data without triplets
 */
export async function explainTriplet(
  model: LoadedModel,
  manifest: Manifest,
  triplet: Triplet,
): Promise<Explanation> {
  if (manifest.data.kind !== "supervised") {
    throw new UsageError(
      `data.kind is "${manifest.data.kind}", which has no triplets`,
      'set it to "supervised" to explain one',
    );
  }
  const { backbone, prompter } = model;
  const session = { ...model, manifest, examples: [triplet] };
  const { examples } = await rollOutExamples(session, 1, [0]);
  const { main, others: [query, negative] } = examples[0]!;
  const groups = rewardGroups(session, examples);
  // One triplet has no other groups to be told from, so that term is left out of the reward, and said to be.
  const options = { ...rewardOptionsOf(manifest), lambda2: 0 };
  const rewards = batchRewards(groups, options).groups[0]!;
  const baselines = greedyBaselines(session, examples, groups, options);
  const lengths = main.rollouts.map(({ tokens }) => tokens.length);
  const { advantages, flat } = advantagesOf(rewards, { lengths, baselines }, manifest);
  const write = ({ rollouts }: RolledOutText, i = 0) => backbone.tokenizer.decode([...rollouts[i]!.tokens]);
  const truncated = groups[0]!.truncated;
  return {
    template: prompter.render(main.prompt.content),
    systemTokens: prompter.frame.prefix,
    tokens: explainTokens(model, manifest, main),
    queryRationale: write(query!),
    negativeRationale: write(negative!),
    rationales: main.rollouts.map(({ tokens }, i) => ({
      rationale: write(main, i),
      tokens: tokens.length,
      truncated: truncated[i]!,
      positive: rewards.positive[i]!,
      negative: rewards.negative[i]!,
      consistency: rewards.consistency[i]!,
      reward: rewards.total[i]!,
      advantage: advantages[i]!,
    })),
    terms: explainTerms(rewards, manifest),
    remarks: [
      ...[main, query!, negative!].filter(({ prompt }) => prompt.truncated).map(({ prompt }) =>
        `A text lost its end, because prompt.promptTokens is ${manifest.prompt.promptTokens}: what is left is ` +
        `"${prompt.content}".`
      ),
      ...describePenalty(truncated.filter(Boolean).length, manifest),
      ...(flat ? [`${flat}: this group teaches nothing. A step of such groups stops.`] : []),
      ...describeEstimator(baselines, manifest),
    ],
  };
}

function advantagesOf(
  { uid, total }: GroupRewards,
  facts: RolloutFacts,
  { advantage }: Manifest,
): { advantages: Float64Array; flat?: string } {
  try {
    const uids = Array.from(total, () => uid);
    return { advantages: groupAdvantages(total, uids, advantage, facts).advantages };
  } catch (error) {
    // The rewards are finite, so what is left is a group without differences: an answer here, an error in training.
    if (error instanceof NumericError) {
      return { advantages: new Float64Array(total.length), flat: error.message };
    }
    throw error;
  }
}

/** What an estimator compares with that the table does not show. */
function describeEstimator(baselines: readonly number[] | undefined, { advantage }: Manifest): string[] {
  const { whitens } = ESTIMATORS[advantage.estimator];
  return [
    ...(baselines
      ? [
        `In the place of these rationales, what the model writes greedily is rewarded with ${
          baselines.map((reward) => reward.toFixed(4)).join(", ")
        }: the baselines of ${advantage.estimator}.`,
      ]
      : []),
    ...(whitens
      ? [`${advantage.estimator} whitens over all tokens of a batch; here over those of one triplet.`]
      : []),
  ];
}

/** The prompt and the first rationale, token by token. */
function explainTokens(
  { backbone, prompter }: LoadedModel,
  { pooling }: Manifest,
  { prompt, rollouts }: RolledOutText,
): ExplainedToken[] {
  const written = rollouts[0]!.tokens;
  const endsWithEos = rollouts[0]!.stopped === "eos";
  const { prefix, suffix } = prompter.frame;
  const { ranges } = poolingRanges({
    promptTokens: prompt.ids.length,
    systemPrefix: prefix,
    templateSuffix: suffix,
    rationaleTokens: written.length,
    endsWithEos,
  }, pooling);
  const length = prompt.ids.length + written.length;
  const partOf = (i: number): TokenPart =>
    i < prefix
      ? "system"
      : i < prompt.ids.length - suffix
      ? "text"
      : i < prompt.ids.length
      ? "suffix"
      : endsWithEos && i === length - 1
      ? "eos"
      : "rationale";
  return [...prompt.ids, ...written].map((id, i) => ({
    id,
    token: backbone.tokenizer.decode([id]),
    part: partOf(i),
    pooled: ranges.some(({ start, end }) => start <= i && i < end),
  }));
}

function explainTerms(rewards: GroupRewards, { reward, advantage }: Manifest): ExplainedTerm[] {
  const { groupBaseline, baselines } = ESTIMATORS[advantage.estimator];
  // Nothing is taken off within a group, so that what its rationales share reaches the advantage too.
  const seesShared = !groupBaseline && !baselines;
  const statistics = rewardStatistics([rewards]);
  const shared = reward.negatives === "shared";
  const weights = { positive: 1, negative: 1, consistency: reward.lambda1 };
  const here = (["positive", "negative", "consistency"] as const).map((term): ExplainedTerm => {
    const { mean, withinGroupVariance } = statistics[term];
    const deviation = Math.sqrt(withinGroupVariance);
    const differs = deviation > ROUNDING, cancels = !differs && !seesShared;
    const why = differs
      ? "it differs between the rationales"
      : !cancels
      ? `it is the same for all rationales, and ${advantage.estimator} compares groups with each other`
      : term === "negative" && shared
      ? 'it compares the query with the negative, whatever the rationale is (reward.negatives is "shared")'
      : "it is the same for all rationales";
    return { term, weight: weights[term], mean, deviation, cancels, why };
  });
  return [...here, {
    term: "crossGroup",
    weight: reward.lambda2,
    mean: null,
    deviation: null,
    cancels: shared && !seesShared,
    why: "it needs the other examples of a batch and is left out here; in training " +
      (shared
        ? 'it compares the query with them, whatever the rationale is (reward.negatives is "shared")'
        : "it differs between the rationales"),
  }];
}

function describePenalty(truncated: number, { reward, sampling }: Manifest): string[] {
  if (truncated === 0) return [];
  const { lengthPenalty, gamma } = reward;
  const effect = lengthPenalty === "replace"
    ? `their reward is ${-gamma}, whatever its parts are`
    : lengthPenalty === "subtract"
    ? `their reward is lowered by ${gamma}`
    : "which costs nothing";
  return [
    `${truncated} rationales were cut off at sampling.maxNewTokens, ${sampling.maxNewTokens} tokens: ${effect}.`,
  ];
}
