/**
 * The form of the records that training writes: which fields there are, and between what their values must lie.
 *
 * @module
 */
import { z } from "zod";
import type { Checking } from "./check.ts";

const count = () => z.int().min(0);
const share = () => z.number().min(0).max(1);
const notNegative = () => z.number().min(0);
/** A cosine of float32 vectors that were normalised, or a mean of some. */
const cosine = () => z.number().min(-1 - 1e-5).max(1 + 1e-5);

const timing = z.record(z.string(), notNegative());

const component = z.strictObject({ mean: z.number(), withinGroupVariance: notNegative() });

/** A step of the arm `grace` (`lib/train/grace.ts`). */
export const graceStepSchema = z.strictObject({
  step: z.int().min(1),
  examples: z.array(count()).min(1),
  reward: z.strictObject({
    positive: component,
    negative: component,
    consistency: component,
    crossGroup: component,
    total: component,
  }),
  advantageStd: notNegative(),
  whitening: z.strictObject({ mean: z.number(), variance: notNegative() }).exactOptional(),
  greedy: z.strictObject({ reward: z.number(), tokens: z.number().min(1) }).exactOptional(),
  flatGroups: count(),
  mergedGroups: count(),
  meanCosine: cosine(),
  informativeShare: share().exactOptional(),
  rationaleTokens: z.strictObject({ mean: z.number().min(1), max: z.int().min(1) }),
  truncatedShare: share(),
  truncatedPrompts: count(),
  // Of a distribution with all its mass on one token, float32 gives a little less than 0.
  entropy: z.number().min(-1e-4),
  logProbGap: notNegative(),
  kl: z.number().exactOptional(),
  learningRate: notNegative(),
  updates: z.array(z.strictObject({
    loss: z.number(),
    clipFraction: share(),
    dualClipFraction: share(),
    approxKl: z.number(),
    entropy: z.number().min(-1e-4),
    logProbGap: notNegative(),
    kl: z.number().exactOptional(),
    tokens: z.int().min(1),
    gradNorm: notNegative(),
  })).min(1),
  timing,
});

/** A step of the arm `grace`. */
export type GraceStep = z.infer<typeof graceStepSchema>;

/** A step of the arm `cl` (`lib/train/contrastive.ts`). */
export const contrastiveStepSchema = z.strictObject({
  step: z.int().min(1),
  examples: z.array(count()).min(1),
  // A mean of -log of shares, in float32.
  loss: z.number().min(-1e-4),
  accuracy: share(),
  meanCosine: cosine(),
  maskedDuplicates: count(),
  truncatedPrompts: count(),
  learningRate: notNegative(),
  gradNorm: notNegative(),
  timing,
});

/** A step of the arm `cl`. */
export type ContrastiveStep = z.infer<typeof contrastiveStepSchema>;

/** A rationale that was kept, with its rewards. */
export const rationaleSchema = z.strictObject({
  step: z.int().min(1),
  example: count(),
  rollout: count(),
  text: z.string().min(1),
  rationale: z.string(),
  stopped: z.enum(["eos", "length"]),
  positive: cosine(),
  negative: z.number(),
  consistency: cosine(),
  crossGroup: cosine(),
  total: z.number(),
  tokens: z.int().min(1).exactOptional(),
  baseline: z.number().exactOptional(),
  advantage: z.number(),
});

/** A rationale that was kept. */
export type RationaleRecord = z.infer<typeof rationaleSchema>;

/** The record if it has the form; its problems are told. */
export function inForm<T>(
  schema: z.ZodType<T>,
  record: Record<string, unknown>,
  where: { file: string; at: string },
  it: Checking,
): T | undefined {
  const result = schema.safeParse(record, { reportInput: true });
  if (result.success) return result.data;
  for (const issue of result.error.issues) {
    const field = issue.path.map(String).join(".");
    if (issue.code === "unrecognized_keys") {
      it.problem({
        ...where,
        field: [field, issue.keys[0]].filter(Boolean).join("."),
        what: "is no field of such a record",
      });
    } else {
      const value = JSON.stringify(issue.input);
      it.problem({ ...where, field, what: `${issue.message} (stored ${value?.slice(0, 60) ?? "nothing"})` });
    }
  }
  return undefined;
}
