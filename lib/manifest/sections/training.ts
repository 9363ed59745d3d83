/**
 * How the weights move: optimiser, schedule, loop, and the contrastive baseline.
 *
 * @module
 */
import { z } from "zod";
import { LORA_TARGETS } from "../../backbone/lora_options.ts";
import { MOST_STEPS } from "../../journal/layout.ts";
import { decay, integer, nonNegative, positive } from "./leaf.ts";

/** AdamW, shared by the arms cl and grace. */
export const optimizer = z.strictObject({
  learningRate: positive().describe(
    "Peak learning rate of the arm grace; the arm cl has its own (cl.learningRate).",
  ),
  beta1: decay().describe("AdamW decay rate of the first moment."),
  beta2: decay().describe("AdamW decay rate of the second moment."),
  eps: positive().describe("AdamW epsilon, added to the square root of the second moment."),
  weightDecay: nonNegative().describe("AdamW decoupled weight decay."),
  maxGradNorm: positive().describe("Gradients with a larger global L2 norm are scaled down to it."),
  schedule: z.enum(["constant", "linear", "cosine"]).describe(
    "Learning rate after warm-up: constant, or falling to 0 at the last update.",
  ),
  warmupSteps: integer(0).describe(
    "Training steps over which the learning rate rises linearly from 0; 0 = none.",
  ),
}).describe("AdamW with decoupled weight decay.");

/** What of the weights is trained, in the arms cl and grace: the `LoraOptions` of `lib/backbone/lora.ts`. */
export const lora = z.strictObject({
  rank: integer(0, 1024).describe(
    "Rank of the adapters that are trained in place of the weights (LoRA): a fraction of the memory; 0 = all weights are trained.",
  ),
  alpha: positive().describe("An adapter's product counts alpha / rank times."),
  targets: z.array(z.enum(LORA_TARGETS)).min(1).describe("Matrices of every layer that get an adapter."),
}).describe(
  "Low-rank adapters (LoRA) of the arms cl and grace. Not from GRACE, which trains all weights.",
);

/** The loop of the arm grace. */
export const train = z.strictObject({
  steps: integer(0, MOST_STEPS).describe("Rollout batches to train on (P10)."),
  promptsPerStep: integer(2).describe(
    "Training texts per rollout batch; the others serve as in-batch negatives.",
  ),
  miniBatches: integer(1).describe(
    "Optimiser updates per rollout batch; must divide train.promptsPerStep (P5).",
  ),
  checkpointEvery: integer(1).describe("Steps between checkpoints; the last step always gets one."),
  microBatchTokens: integer(1).describe(
    "Most tokens of one forward and backward pass: bounds the memory. Results depend on it only through rounding, and " +
      "with loss.aggregation token-mean-micro (B15).",
  ),
  gradientCheckpointing: z.boolean().describe(
    "Keep only each layer's input and run the layer again in the backward pass: a tenth of the memory, a third more time.",
  ),
  informativePattern: z.string().describe(
    "Regular expression (JavaScript, case ignored): the journal has the share of each step's rationales that match it. " +
      "For watching alone; empty = not counted.",
  ),
}).describe("Training loop of the arm grace.");

/** The contrastive baseline; nothing about it is known from GRACE. */
export const cl = z.strictObject({
  temperature: positive().describe(
    "InfoNCE temperature: similarities are divided by it. Not from GRACE: the paper does not state it.",
  ),
  hardNegatives: z.boolean().describe(
    "Use each line's mined negative beside the in-batch negatives. Not from GRACE: the paper says in-batch only.",
  ),
  maskDuplicates: z.boolean().describe(
    "Leave out in-batch negatives whose text equals the query's own positive. Not from GRACE.",
  ),
  learningRate: positive().describe("Peak learning rate. Not from GRACE: the paper does not state it."),
  batch: integer(2).describe("Triplets per update. Not from GRACE: the paper does not state it."),
  steps: integer(0, MOST_STEPS).describe("Updates. Not from GRACE: the paper does not state it."),
  templateSuffix: z.boolean().describe(
    "Pool the template's tokens after the text too, in training and evaluation of this arm; there is no rationale. Not from GRACE.",
  ),
}).describe(
  "Contrastive baseline (arm cl). Every value is ours: GRACE publishes none, so this section is labelled not-from-GRACE.",
);
