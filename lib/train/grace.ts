/**
 * One GRPO step of GRACE (paper Algorithm 1; released code, `ray_trainer.py::fit`): sample rationales, embed each text
 * with its rationale, reward the rationales by where their embeddings stand, and raise the log-probability of those
 * that did better than their siblings.
 *
 * Departures from the released code, besides the switches of the manifest: embeddings and old log-probabilities come
 * out of decoding itself instead of being computed again; a reward that cannot be computed ends the run (B2).
 *
 * @module
 */
import { klPenalty } from "../../kernels/kl_penalty.ts";
import type { Decoder } from "../backbone/decoder.ts";
import type { KeptActivations } from "../backbone/kept_activations.ts";
import type { Manifest } from "../manifest/schema.ts";
import { groupAdvantages } from "../objective/advantage.ts";
import { ESTIMATORS } from "../objective/estimators.ts";
import { klTerm } from "../objective/policy_loss.ts";
import { batchRewards, type RewardGroup } from "../objective/reward.ts";
import { rewardStatistics } from "../objective/reward_statistics.ts";
import { cosine } from "../objective/vector.ts";
import type { Rollout } from "../rollout/request.ts";
import { DataOrder } from "./data_order.ts";
import { withGradients } from "./gradients.ts";
import { learningRateAt } from "./optimizer.ts";
import { policyGradient, type PolicyGroup, type PolicyStatistics } from "./policy_update.ts";
import {
  greedyBaselines,
  rewardGroups,
  rewardOptionsOf,
  type RolledOutStep,
  rollOutExamples,
} from "./rationales.ts";
import { referenceLogProbs } from "./reference_log_probs.ts";
import type { Step, StepResult, TrainingSession } from "./session.ts";

/** Prompts of a step whose rationales are kept in the journal. */
export const SAMPLED_PROMPTS = 2;

/** Makes the step function of the arm `grace`. */
export function graceStep(session: TrainingSession): Step {
  const { manifest } = session;
  const order = new DataOrder(session.examples.length, manifest.train.promptsPerStep, manifest.seed);
  const reference = manifest.loss.klCoef > 0 ? session.untrained?.() : undefined;
  if (manifest.loss.klCoef > 0 && !reference) throw new Error("graceStep: a KL term without a reference");
  return (step) => runStep(session, step, order.at(step), reference);
}

async function runStep(
  session: TrainingSession,
  step: number,
  indices: readonly number[],
  reference: Decoder | undefined,
): Promise<StepResult> {
  const { train } = session.manifest;
  // Of several updates only the first is on the weights that sampled. Checkpointing says that memory is short.
  const keeping = train.miniBatches === 1 && !train.gradientCheckpointing;
  const rolledOut = await rollOutExamples(session, step, indices, keeping);
  try {
    return await learnFrom(session, step, indices, rolledOut, reference);
  } finally {
    rolledOut.kept?.free();
  }
}

/** Rewards what was sampled, and updates the weights. */
async function learnFrom(
  session: TrainingSession,
  step: number,
  indices: readonly number[],
  { examples, kept }: RolledOutStep,
  reference: Decoder | undefined,
): Promise<StepResult> {
  const { manifest, backbone } = session;
  const groups = rewardGroups(session, examples);
  const rewards = batchRewards(groups, rewardOptionsOf(manifest));
  const totals = rewards.groups.flatMap((group) => [...group.total]);
  const uids = groups.flatMap((group) => group.rollouts.map(() => group.uid));
  const rollouts = examples.flatMap(({ main }) => main.rollouts), k = manifest.sampling.k;
  const lengths = rollouts.map(({ tokens }) => tokens.length);
  const baselines = greedyBaselines(session, examples, groups, rewardOptionsOf(manifest));
  const options = { ...manifest.advantage, groupSize: k };
  const { advantages, flatGroups, whitening } = groupAdvantages(totals, uids, options, {
    lengths,
    baselines,
  });

  const references = reference && await referenceLogProbs(
    reference,
    examples.map(({ main }) => ({ prompt: main.prompt.ids, rollouts: main.rollouts })),
    {
      temperature: manifest.sampling.temperature,
      microBatchTokens: manifest.train.microBatchTokens,
      ...(session.onTokens && { onTokens: session.onTokens }),
    },
  );
  const policyGroups = examples.map(({ main }, i): PolicyGroup => ({
    prompt: main.prompt.ids,
    rollouts: main.rollouts.map(({ tokens, logProbs, rows }, j) => ({
      tokens,
      oldLogProbs: logProbs,
      advantage: advantages[i * k + j]!,
      ...(rows && { rows }),
      ...(references && { referenceLogProbs: references[i * k + j]! }),
    })),
  }));
  const learningRate = learningRateAt(
    manifest.optimizer.learningRate,
    step,
    manifest.train.steps,
    manifest.optimizer,
  );
  const updates = await updateWeights(session, policyGroups, learningRate, kept);

  const rationales = rollouts.map(({ tokens }) => backbone.tokenizer.decode([...tokens]));
  const components = rewardStatistics(rewards.groups);
  const truncated = groups.flatMap((group) => group.truncated).filter(Boolean).length / rollouts.length;
  const meanLength = mean(lengths), greedy = examples.flatMap(({ greedy }) => greedy ? [greedy] : []);
  const texts = examples.flatMap(({ main, others }) => [main, ...others]);
  const record = {
    examples: indices,
    reward: components,
    advantageStd: Math.sqrt(mean([...advantages].map((a) => a * a))),
    ...(whitening && { whitening }),
    ...(baselines &&
      { greedy: { reward: mean(baselines), tokens: mean(greedy.map(({ tokens }) => tokens.length)) } }),
    flatGroups,
    mergedGroups: rewards.mergedGroups,
    meanCosine: meanCosine(groups),
    ...informativeShare(manifest.train.informativePattern, rationales),
    rationaleTokens: { mean: meanLength, max: Math.max(...lengths) },
    truncatedShare: truncated,
    truncatedPrompts: texts.filter(({ prompt }) => prompt.truncated).length,
    entropy: mean(rollouts.flatMap(({ entropies }) => [...entropies])),
    // The first update sees the weights that sampled: its ratio is exactly 1 where decoding and training agree in bits.
    logProbGap: updates[0]!.logProbGap,
    ...(references && { kl: klOfSampled(rollouts, references, manifest.loss) }),
    learningRate,
    updates: updates.map(({ rows: _rows, ...update }) => update),
  };
  return {
    record,
    rationales: examples.slice(0, SAMPLED_PROMPTS).flatMap(({ index, main }, i) =>
      main.rollouts.map(({ stopped }, j) => ({
        example: index,
        rollout: j,
        text: main.prompt.content,
        rationale: rationales[i * k + j]!,
        stopped,
        ...Object.fromEntries(
          (["positive", "negative", "consistency", "crossGroup", "total"] as const).map((name) => [
            name,
            rewards.groups[i]![name][j]!,
          ]),
        ),
        ...(ESTIMATORS[manifest.advantage.estimator].lengths && { tokens: lengths[i * k + j]! }),
        ...(baselines && { baseline: baselines[i * k + j]! }),
        advantage: advantages[i * k + j]!,
      }))
    ),
    generated: [...texts.flatMap((text) => text.rollouts), ...greedy].reduce(
      (sum, { tokens }) => sum + tokens.length,
      0,
    ),
    trained: updates.reduce((sum, { rows }) => sum + rows, 0),
    summary: `reward ${components.total.mean.toFixed(2)} length ${meanLength.toFixed(0)} entropy ${
      record.entropy.toFixed(2)
    } grad ${updates.at(-1)!.gradNorm.toFixed(2)}`,
  };
}

/** As many updates as the manifest has mini-batches; of what was sampled, `kept` is what the first one needs. */
async function updateWeights(
  { manifest, decoder, optimizer, onTokens }: TrainingSession,
  groups: readonly PolicyGroup[],
  learningRate: number,
  kept: KeptActivations | undefined,
): Promise<(PolicyStatistics & { gradNorm: number })[]> {
  const { loss, sampling, train } = manifest, perUpdate = groups.length / train.miniBatches;
  return await withGradients(decoder, optimizer.parameters, async (gradients) => {
    const updates: (PolicyStatistics & { gradNorm: number })[] = [];
    for (let update = 0; update < train.miniBatches; update++) {
      if (update > 0) gradients.clear();
      const miniBatch = groups.slice(update * perUpdate, (update + 1) * perUpdate);
      const statistics = await policyGradient(decoder, miniBatch, {
        surrogate: loss,
        aggregation: loss.aggregation,
        kl: klTerm(loss.klCoef, loss.klEstimator),
        entropyCoef: loss.entropyCoef,
        temperature: sampling.temperature,
        microBatchTokens: train.microBatchTokens,
        checkpointing: train.gradientCheckpointing,
        kept: update === 0 ? kept : undefined,
        ...(onTokens && { onTokens }),
      }, gradients);
      updates.push({ ...statistics, gradNorm: await optimizer.update(gradients, learningRate) });
    }
    return updates;
  });
}

/** Mean over all sampled tokens of the estimates of KL(π ‖ π_ref), π being the policy that sampled them. */
function klOfSampled(
  rollouts: readonly Rollout[],
  references: readonly Float32Array[],
  { klEstimator, logRatioClamp }: Manifest["loss"],
): number {
  return mean(rollouts.flatMap(({ logProbs }, i) =>
    Array.from(
      logProbs,
      (logProb, t) => klPenalty(logProb - references[i]![t]!, klEstimator, logRatioClamp).value,
    )
  ));
}

/** Share of the rationales that match a pattern; nothing where there is none. */
function informativeShare(pattern: string, rationales: readonly string[]): { informativeShare?: number } {
  if (pattern === "") return {};
  const expression = new RegExp(pattern, "i");
  return { informativeShare: mean(rationales.map((text) => Number(expression.test(text)))) };
}

/** Mean cosine of the first rollouts of different examples: rises towards 1 when all texts get one vector. */
function meanCosine(groups: readonly RewardGroup[]): number {
  const cosines = groups.flatMap((a, i) =>
    groups.slice(0, i).map((b) => cosine(a.rollouts[0]!, b.rollouts[0]!))
  );
  return cosines.length > 0 ? mean(cosines) : 0;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
