/**
 * One step of the contrastive baseline, the arm `cl`: InfoNCE on the mean-pooled hidden states of the same prompts that
 * GRACE uses, without rationales. The paper says no more than that (its section 4.2), so the settings are ours.
 *
 * @module
 */
import { UsageError } from "#errors";
import type { Triplet } from "../data/training.ts";
import { duplicateMask } from "../objective/info_nce.ts";
import { promptRanges } from "../rollout/embed.ts";
import { contrastiveGradient, type ContrastiveText } from "./contrastive_update.ts";
import { DataOrder } from "./data_order.ts";
import { withGradients } from "./gradients.ts";
import { learningRateAt } from "./optimizer.ts";
import type { Example, Step, StepResult, TrainingSession } from "./session.ts";

/** Makes the step function of the arm `cl`. */
export function contrastiveStep(session: TrainingSession): Step {
  const { manifest } = session;
  const triplets = session.examples.map(requireTriplet);
  const order = new DataOrder(triplets.length, manifest.cl.batch, manifest.seed);
  return (step) => runStep(session, step, order.at(step), order.at(step).map((index) => triplets[index]!));
}

function requireTriplet(example: Example): Triplet {
  if ("query" in example) return example;
  throw new UsageError(
    "the arm cl needs supervised training data (query, positive, negative)",
    "leave cl out of the arms, or set data.kind to supervised",
  );
}

async function runStep(
  session: TrainingSession,
  step: number,
  indices: readonly number[],
  triplets: readonly Triplet[],
): Promise<StepResult> {
  const { manifest, prompter } = session, { cl } = manifest;
  const pooling = { ...manifest.pooling, templateSuffix: cl.templateSuffix };
  let truncatedPrompts = 0;
  const text = (content: string): ContrastiveText => {
    const prompt = prompter.prompt(content.trim());
    if (prompt.truncated) truncatedPrompts++;
    return { ids: prompt.ids, ranges: promptRanges(prompter, prompt, pooling) };
  };
  const positives = triplets.map(({ positive }) => positive);
  const negatives = cl.hardNegatives ? triplets.map(({ negative }) => negative) : [];
  const excluded = cl.maskDuplicates
    ? duplicateMask({ positiveKeys: positives, negativeKeys: negatives })
    : undefined;
  const batch = {
    queries: triplets.map(({ query }) => text(query)),
    positives: positives.map(text),
    negatives: negatives.map(text),
    ...(excluded && { excluded }),
  };
  const options = {
    temperature: cl.temperature,
    microBatchTokens: manifest.train.microBatchTokens,
    checkpointing: manifest.train.gradientCheckpointing,
    ...(session.onTokens && { onTokens: session.onTokens }),
  };
  const learningRate = learningRateAt(cl.learningRate, step, cl.steps, manifest.optimizer);
  const { loss, accuracy, meanCosine, rows, gradNorm } = await withGradients(
    session.decoder,
    session.optimizer.parameters,
    async (gradients) => ({
      ...await contrastiveGradient(session.decoder, batch, options, gradients),
      gradNorm: await session.optimizer.update(gradients, learningRate),
    }),
  );
  return {
    record: {
      examples: indices,
      loss,
      accuracy,
      meanCosine,
      maskedDuplicates: excluded?.reduce((sum, bit) => sum + bit, 0) ?? 0,
      truncatedPrompts,
      learningRate,
      gradNorm,
    },
    rationales: [],
    generated: 0,
    trained: rows,
    summary: `loss ${loss.toFixed(3)} accuracy ${accuracy.toFixed(2)} grad ${gradNorm.toFixed(2)}`,
  };
}
