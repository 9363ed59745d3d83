/**
 * The rationales of a training step: sampled for each example's texts, embedded on the way, and grouped for the reward.
 *
 * @module
 */
import { UsageError } from "#errors";
import type { KeptActivations } from "../backbone/kept_activations.ts";
import type { Backbone } from "../backbone/open.ts";
import { ESTIMATORS } from "../objective/estimators.ts";
import { greedyRewards } from "../objective/greedy_reward.ts";
import { type EosSet, isTruncated } from "../objective/length_penalty.ts";
import { meanPool } from "../objective/pooling.ts";
import type { RewardGroup, RewardOptions } from "../objective/reward.ts";
import type { Manifest } from "../manifest/schema.ts";
import { promptRanges } from "../rollout/embed.ts";
import { generate } from "../rollout/generate.ts";
import { roomForActivations } from "../rollout/keep_activations.ts";
import type { Rollout, RolloutRequest } from "../rollout/request.ts";
import { Purpose, uniform } from "../rollout/philox.ts";
import type { Prompt } from "../rollout/prompt.ts";
import type { Example, TrainingSession } from "./session.ts";

/** What sampling needs of a session. */
export type SamplingSession = Pick<
  TrainingSession,
  "manifest" | "backbone" | "decoder" | "prompter" | "examples" | "onTokens"
>;

/** A text of an example with what the model wrote about it. */
export interface RolledOutText {
  readonly prompt: Prompt;
  /** K for the trained role, one for what it is compared with. */
  readonly rollouts: readonly Rollout[];
}

/** The texts of one example. */
export interface RolledOutExample {
  /** Index in the training data. */
  readonly index: number;
  /** The trained role: the positive, or the text of unsupervised training. */
  readonly main: RolledOutText;
  /** What its rationales are compared with: query and negative, or another rationale of the same text. */
  readonly others: readonly RolledOutText[];
  /** What the trained role's prompt is continued with greedily, where the advantage asks for it. */
  readonly greedy: Rollout | undefined;
}

/** What a step samples. */
export interface RolledOutStep {
  readonly examples: RolledOutExample[];
  /** What the backward pass of an update needs, where it was asked for and there is room; the caller's to free. */
  readonly kept: KeptActivations | undefined;
}

/** A text that is to be rolled out. */
interface Role {
  readonly prompt: Prompt;
  readonly purpose: Purpose;
  readonly samples: number;
  readonly temperature: number;
  /** Index of the example in the training data. */
  readonly example: number;
}

/** Texts of an example by role, the trained one first; last the greedy one, if the advantage asks for it. */
function rolesOf(
  { manifest: { sampling, advantage }, prompter }: SamplingSession,
  example: Example,
  index: number,
): Role[] {
  const role = (text: string, purpose: Purpose, temperature: number, samples = 1): Role => ({
    prompt: prompter.prompt(text.trim()),
    purpose,
    samples,
    temperature,
    example: index,
  });
  const trained = "text" in example ? example.text : example.positive;
  return [
    role(trained, Purpose.rollout, sampling.temperature, sampling.k),
    ...("text" in example ? [role(example.text, Purpose.anchor, sampling.anchorTemperature)] : [
      role(example.query, Purpose.query, sampling.queryTemperature),
      role(example.negative, Purpose.negative, sampling.negativeTemperature),
    ]),
    // At temperature 0 nothing is drawn, so the purpose is never asked for.
    ...(ESTIMATORS[advantage.estimator].baselines ? [role(trained, Purpose.rollout, 0)] : []),
  ];
}

/**
 * Samples the rationales of a step for the examples with these indices; results in their order.
 *
 * @param keeping keep activations for an update, if there is room
 */
export async function rollOutExamples(
  session: SamplingSession,
  step: number,
  indices: readonly number[],
  keeping = false,
): Promise<RolledOutStep> {
  const roles = indices.map((index) => rolesOf(session, session.examples[index]!, index));
  const requests = requestsOf(session, step, roles.flat());
  const kept = keeping ? roomForActivations(session.decoder, requests) : undefined;
  const rollouts = await rollOut(session, requests, kept).catch((error) => {
    kept?.free();
    throw error;
  });
  const hasGreedy = ESTIMATORS[session.manifest.advantage.estimator].baselines;
  const examples = roles.map((list, i): RolledOutExample => {
    const [main, ...others] = list.map(({ prompt }, j) => ({
      prompt,
      rollouts: rollouts[i * list.length + j]!,
    }));
    const greedy = hasGreedy ? others.pop()!.rollouts[0]! : undefined;
    return { index: indices[i]!, main: main!, others, greedy };
  });
  return { examples, kept };
}

function requestsOf(
  { manifest, prompter }: SamplingSession,
  step: number,
  roles: readonly Role[],
): RolloutRequest[] {
  const { seed, pooling, sampling: { maxNewTokens } } = manifest;
  return roles.map(({ prompt, purpose, samples, example, temperature }) => ({
    prompt: prompt.ids,
    samples,
    maxNewTokens,
    temperature,
    uniform: (rollout, position) => uniform(seed, { purpose, step, example, rollout, position }, 24),
    pool: {
      prompt: promptRanges(prompter, prompt, pooling, true),
      rationale: pooling.rationale,
      eos: pooling.eos,
    },
  }));
}

/** Rolls out texts, all together: few rows at a time would leave the weights to be read for little work. */
async function rollOut(
  { manifest: { sampling: { topP, topK } }, backbone, decoder, onTokens }: SamplingSession,
  requests: readonly RolloutRequest[],
  keep: KeptActivations | undefined,
): Promise<Rollout[][]> {
  return await generate(decoder, requests, {
    sampling: { temperature: 1, topP, topK },
    eosIds: backbone.eosIds,
    keep,
    ...(onTokens && { onTokens }),
  });
}

/** The examples of a step as groups of the reward; the uid is the place in the step. */
export function rewardGroups(session: SamplingSession, examples: readonly RolledOutExample[]): RewardGroup[] {
  const isCut = cutOff(session);
  return examples.map(({ main, others }, i) => {
    const [query, ...negatives] = others.map(({ rollouts }) => embedding(rollouts[0]!));
    return {
      uid: String(i),
      promptKey: main.prompt.ids.join(),
      query: query!,
      negatives,
      rollouts: main.rollouts.map(embedding),
      truncated: main.rollouts.map(isCut),
    };
  });
}

/** Baselines of all rollouts, group by group; undefined where no greedy rationale was asked for. */
export function greedyBaselines(
  session: SamplingSession,
  examples: readonly RolledOutExample[],
  groups: readonly RewardGroup[],
  options: RewardOptions,
): number[] | undefined {
  const isCut = cutOff(session);
  const greedy = examples.flatMap(({ greedy }) =>
    greedy ? [{ embedding: embedding(greedy), truncated: isCut(greedy) }] : []
  );
  if (greedy.length === 0) return undefined;
  return greedyRewards(groups, greedy, options).flatMap((baselines) => [...baselines]);
}

/** Whether the length penalty counts a rollout as cut off. */
function cutOff(
  { manifest: { reward, sampling }, backbone }: SamplingSession,
): (rollout: Rollout) => boolean {
  const eos = { tokenizer: tokenizerEos(backbone, reward.eosSet), generation: backbone.eosIds };
  return ({ tokens }) => isTruncated(tokens, sampling.maxNewTokens, eos, reward.eosSet);
}

/**
 * The tokenizer's own end-of-sequence token, which generation_config.json may list anywhere among its ids, or not at all.
 *
 * @throws {UsageError} if the length penalty is to ask for it and there is none
 */
export function tokenizerEos(
  { tokenizer, chatTemplate, eosIds, name }: Pick<Backbone, "tokenizer" | "chatTemplate" | "eosIds" | "name">,
  eosSet: EosSet,
): number {
  const text = chatTemplate.specialTokens.eos_token;
  const id = text === undefined ? null : tokenizer.tokenToId(text);
  if (id === null && eosSet === "tokenizer") {
    throw new UsageError(
      `the tokenizer of "${name}" names no eos_token, which reward.eosSet "tokenizer" asks for`,
      'set reward.eosSet to "all"',
    );
  }
  return id ?? eosIds[0]!;
}

/** The switches of the reward that a manifest sets. */
export function rewardOptionsOf({ reward, data }: Manifest): RewardOptions {
  const { eosSet: _, ...options } = reward;
  return { ...options, mode: data.kind };
}

function embedding({ pooled }: Rollout): Float32Array {
  return meanPool(pooled!.sum, pooled!.count);
}
