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
import { uniform, Purpose } from "../rollout/philox.ts";
import { generate, type Rollout } from "../rollout/generate.ts";
import { promptRanges } from "../rollout/embed.ts";
import type { Prompt } from "../rollout/prompt.ts";
import { groupAdvantages } from "../objective/advantage.ts";
import { isTruncated } from "../objective/length_penalty.ts";
import { meanPool } from "../objective/pooling.ts";
import { batchRewards, type RewardGroup } from "../objective/reward.ts";
import { rewardStatistics } from "../objective/reward_statistics.ts";
import { cosine } from "../objective/vector.ts";
import { DataOrder } from "./data_order.ts";
import { learningRateAt } from "./optimizer.ts";
import { type PolicyGroup, policyGradient, type PolicyStatistics } from "./policy_update.ts";
import type { Example, Step, StepResult, TrainingSession } from "./session.ts";

/** Prompts of a step whose rationales are kept in the journal. */
const sampledPrompts = 2;

/** A text that is rolled out: the trained role, or what it is compared with. */
interface Role {
  readonly prompt: Prompt;
  readonly purpose: Purpose;
  readonly samples: number;
  readonly temperature: number;
  /** Index of the example in the data set. */
  readonly example: number;
}

/** Texts of an example by role: the trained one, and what its rationales are compared with. */
function rolesOf(session: TrainingSession, example: Example, index: number): { main: Role; others: Role[] } {
  const { sampling } = session.manifest;
  const role = (text: string, purpose: Purpose, temperature: number, samples = 1): Role => ({
    prompt: session.prompter.prompt(text.trim()),
    purpose,
    samples,
    temperature,
    example: index,
  });
  if ("text" in example) {
    return {
      main: role(example.text, Purpose.rollout, sampling.temperature, sampling.k),
      others: [role(example.text, Purpose.anchor, sampling.anchorTemperature)],
    };
  }
  return {
    main: role(example.positive, Purpose.rollout, sampling.temperature, sampling.k),
    others: [
      role(example.query, Purpose.query, sampling.queryTemperature),
      role(example.negative, Purpose.negative, sampling.negativeTemperature),
    ],
  };
}

/** Makes the step function of the arm `grace`. */
export function graceStep(session: TrainingSession): Step {
  const { manifest } = session;
  const order = new DataOrder(session.examples.length, manifest.train.promptsPerStep, manifest.seed);
  return (step) => runStep(session, step, order.at(step));
}

async function runStep(session: TrainingSession, step: number, indices: readonly number[]): Promise<StepResult> {
  const { manifest, backbone } = session;
  const roles = indices.map((index) => rolesOf(session, session.examples[index]!, index));
  const others = roles.flatMap((role) => role.others);
  const mainRollouts = await rollOut(session, step, roles.map((role) => role.main));
  const otherRollouts = await rollOut(session, step, others);
  const perExample = others.length / roles.length;

  const eos = { tokenizer: backbone.eosIds[0]!, generation: backbone.eosIds };
  const groups = roles.map(({ main }, i): RewardGroup => {
    const [query, ...negatives] = otherRollouts.slice(i * perExample, (i + 1) * perExample).map((r) => embedding(r[0]!));
    return {
      uid: String(i),
      promptKey: main.prompt.ids.join(),
      query: query!,
      negatives,
      rollouts: mainRollouts[i]!.map(embedding),
      truncated: mainRollouts[i]!.map(({ tokens }) =>
        isTruncated(tokens, manifest.sampling.maxNewTokens, eos, manifest.reward.eosSet)
      ),
    };
  });
  const { eosSet: _, ...reward } = manifest.reward;
  const rewards = batchRewards(groups, { ...reward, mode: manifest.data.kind });
  const totals = rewards.groups.flatMap((group) => [...group.total]);
  const uids = groups.flatMap((group) => group.rollouts.map(() => group.uid));
  const { advantages, flatGroups } = groupAdvantages(totals, uids, {
    ...manifest.advantage,
    groupSize: manifest.sampling.k,
  });

  const k = manifest.sampling.k;
  const policyGroups = roles.map(({ main }, i): PolicyGroup => ({
    prompt: main.prompt.ids,
    rollouts: mainRollouts[i]!.map(({ tokens, logProbs }, j) => ({
      tokens,
      oldLogProbs: logProbs,
      advantage: advantages[i * k + j]!,
    })),
  }));
  const learningRate = learningRateAt(manifest.optimizer.learningRate, step, manifest.train.steps, manifest.optimizer);
  const updates: (PolicyStatistics & { gradNorm: number })[] = [];
  const perUpdate = policyGroups.length / manifest.train.miniBatches;
  for (let update = 0; update < manifest.train.miniBatches; update++) {
    session.gradients.clear();
    const statistics = await policyGradient(
      session.decoder,
      policyGroups.slice(update * perUpdate, (update + 1) * perUpdate),
      {
        surrogate: manifest.loss,
        aggregation: manifest.loss.aggregation,
        entropyCoef: manifest.loss.entropyCoef,
        temperature: manifest.sampling.temperature,
        microBatchTokens: manifest.train.microBatchTokens,
        checkpointing: manifest.train.gradientCheckpointing,
      },
      session.gradients,
    );
    updates.push({ ...statistics, gradNorm: await session.optimizer.update(session.gradients, learningRate) });
  }

  const rollouts = mainRollouts.flat();
  const components = rewardStatistics(rewards.groups);
  const truncated = groups.flatMap((group) => group.truncated).filter(Boolean).length / rollouts.length;
  const meanLength = mean(rollouts.map(({ tokens }) => tokens.length));
  const record = {
    examples: indices,
    reward: components,
    advantageStd: Math.sqrt(mean([...advantages].map((a) => a * a))),
    flatGroups,
    mergedGroups: rewards.mergedGroups,
    meanCosine: meanCosine(groups),
    rationaleTokens: { mean: meanLength, max: Math.max(...rollouts.map(({ tokens }) => tokens.length)) },
    truncatedShare: truncated,
    truncatedPrompts: roles.flatMap(({ main, others }) => [main, ...others]).filter(({ prompt }) => prompt.truncated)
      .length,
    entropy: mean(rollouts.flatMap(({ entropies }) => [...entropies])),
    // The first update sees the weights that sampled: its ratio is exactly 1 where decoding and training agree in bits.
    logProbGap: updates[0]!.logProbGap,
    learningRate,
    updates: updates.map(({ rows: _rows, ...update }) => update),
  };
  return {
    record,
    rationales: indices.slice(0, sampledPrompts).flatMap((index, i) =>
      mainRollouts[i]!.map(({ tokens, stopped }, j) => ({
        example: index,
        rollout: j,
        text: roles[i]!.main.prompt.content,
        rationale: backbone.tokenizer.decode([...tokens]),
        stopped,
        ...Object.fromEntries(
          (["positive", "negative", "consistency", "crossGroup", "total"] as const).map((name) => [
            name,
            rewards.groups[i]![name][j]!,
          ]),
        ),
        advantage: advantages[i * k + j]!,
      }))
    ),
    generated: [...rollouts, ...otherRollouts.flat()].reduce((sum, { tokens }) => sum + tokens.length, 0),
    trained: updates.reduce((sum, { rows }) => sum + rows, 0),
    summary: `reward ${components.total.mean.toFixed(2)} length ${meanLength.toFixed(0)} entropy ${
      record.entropy.toFixed(2)
    } grad ${updates.at(-1)!.gradNorm.toFixed(2)}`,
  };
}

/** Rolls out texts, those of equal temperature together. Results in order. */
async function rollOut(session: TrainingSession, step: number, roles: readonly Role[]): Promise<Rollout[][]> {
  const { manifest, backbone, decoder, prompter } = session;
  const { topP, topK, maxNewTokens } = manifest.sampling;
  const results = new Array<Rollout[]>(roles.length);
  for (const temperature of new Set(roles.map((role) => role.temperature))) {
    const chosen = [...roles.keys()].filter((i) => roles[i]!.temperature === temperature);
    const rollouts = await generate(
      decoder,
      chosen.map((i) => {
        const { prompt, purpose, samples, example } = roles[i]!;
        return {
          prompt: prompt.ids,
          samples,
          maxNewTokens,
          uniform: (rollout, position) => uniform(manifest.seed, { purpose, step, example, rollout, position }, 24),
          pool: {
            prompt: promptRanges(prompter, prompt, manifest.pooling),
            rationale: manifest.pooling.rationale,
            eos: manifest.pooling.eos,
          },
        };
      }),
      { sampling: { temperature, topP, topK }, eosIds: backbone.eosIds },
    );
    chosen.forEach((i, j) => results[i] = rollouts[j]!);
  }
  return results;
}

function embedding({ pooled }: Rollout): Float32Array {
  return meanPool(pooled!.sum, pooled!.count);
}

/** Mean cosine of the first rollouts of different examples: rises towards 1 when all texts get one vector. */
function meanCosine(groups: readonly RewardGroup[]): number {
  const cosines = groups.flatMap((a, i) => groups.slice(0, i).map((b) => cosine(a.rollouts[0]!, b.rollouts[0]!)));
  return cosines.length > 0 ? mean(cosines) : 0;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
