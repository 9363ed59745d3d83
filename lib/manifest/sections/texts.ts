/**
 * What the model reads and writes: data, prompt, sampling, evaluation, pooling.
 *
 * @module
 */
import { z } from "zod";
import { integer, nonNegative, positive } from "./leaf.ts";

/** Where training texts come from. */
export const data = z.strictObject({
  train: z.string().min(1).describe(
    "Training file (.jsonl, .jsonl.gz or .parquet), relative to the data root; or a data set, which is read from the data " +
      "root or from what was pulled: datasets/<owner>/<name>, with @<revision> behind it to pin it.",
  ),
  kind: z.enum(["supervised", "unsupervised"]).describe(
    "supervised: lines with query, positive and negative; unsupervised: lines with text.",
  ),
  split: z.string().min(1).describe("Split of a training data set."),
  subset: z.string().describe(
    "Part of a training data set that is kept in parts, such as triplet; empty: none.",
  ),
  columns: z.array(z.string().min(1)).describe(
    "Names that query, positive and negative, or text, have in the training data; empty: these names.",
  ),
}).describe("Training data.");

/** How a text becomes the model's input. */
export const prompt = z.strictObject({
  system: z.string().min(1).describe(
    "System message, the same for every text in training and evaluation (grace-reference 1.1).",
  ),
  dateString: z.string().min(1).describe(
    "Date given to chat templates that print today's date (LLaMA-3.2), so that prompts do not change by the day (B12).",
  ),
  promptTokens: integer(1).describe(
    "Longest input in tokens, template included. A longer text loses its end, and is counted; the template stays " +
      "whole (B9, P13).",
  ),
}).describe("Prompt of every text.");

/** Rollouts during training. */
export const sampling = z.strictObject({
  k: integer(2).describe("Rationales sampled per training text (GRPO group size)."),
  temperature: positive().describe("Temperature of the K trained rationales."),
  queryTemperature: positive().describe(
    "Temperature of the one rationale of each query; supervised data (P2).",
  ),
  negativeTemperature: positive().describe(
    "Temperature of the one rationale of each negative; supervised data (P2).",
  ),
  anchorTemperature: positive().describe(
    "Temperature of the one rationale of each anchor; unsupervised data (P2).",
  ),
  topP: z.number().gt(0).max(1).describe(
    "Nucleus: smallest set of tokens with this total probability; 1 = off.",
  ),
  topK: integer(0).describe("Only the k most probable tokens; 0 = off."),
  maxNewTokens: integer(1).describe("Longest rationale in tokens, end-of-text token included."),
}).describe("Sampling of rationales during training.");

/** Rollouts during evaluation. */
export const evaluation = z.strictObject({
  temperature: nonNegative().describe("Temperature of evaluation rationales; 0 = greedy (P3)."),
  topP: z.number().gt(0).max(1).describe(
    "Nucleus: smallest set of tokens with this total probability; 1 = off.",
  ),
  topK: integer(0).describe("Only the k most probable tokens; 0 = off."),
  maxNewTokens: integer(1).describe("Longest evaluation rationale in tokens, end-of-text token included."),
  samplesPerText: integer(1).describe("Rationales per text; the embedding is the mean of their embeddings."),
}).describe("Embedding of texts when scores are computed.");

/** Which hidden states become the embedding. */
export const pooling = z.strictObject({
  input: z.boolean().describe("Pool the tokens of the input text (paper Eq. 10-11: yes)."),
  templateSuffix: z.boolean().describe(
    "Pool the template's tokens between the text and the rationale (paper Eq. 10-11: yes).",
  ),
  rationale: z.boolean().describe(
    "Pool the generated tokens; the arms base and cl have none (paper Eq. 10-11: yes).",
  ),
  eos: z.boolean().describe("Pool the rationale's end-of-text token when rewards are computed."),
  evaluationEos: z.boolean().describe(
    "Pool the rationale's end-of-text token when scores are computed (B10).",
  ),
  evaluationNormalize: z.boolean().describe(
    "Divide embeddings by their L2 norm when scores are computed; matters for logistic regression and k-means (B10). Rewards use cosine similarity in any case.",
  ),
}).describe(
  "Mean over hidden states after the final norm; the prefix before the text (L_sys tokens) is never pooled.",
);
