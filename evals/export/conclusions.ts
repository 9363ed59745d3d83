/**
 * What a reader of a model card may not conclude from its scores, as far as the records tell.
 *
 * @module
 */
import { dosage } from "../../lib/train/data_order.ts";
import type { CardSubject } from "./model_card.ts";

/** Sentences, each of them true of this model. */
export function conclusions({ plan, scores, library }: CardSubject): string[] {
  const { rationale, training } = plan, records = scores.map(({ record }) => record);
  const embedded = records.some((record) => record.embedded),
    sliced = records.some(({ options }) => options["slice"]);
  const { steps } = dosage(training.arm, training.manifest);
  const plain = library === "sentence-transformers" && rationale;
  return [
    `One training seed (${training.manifest.seed}), ${steps} steps: another seed gives other scores, and no interval here covers that.`,
    ...plain
      ? [
        `The arm \`${plan.name}\` is meant to write a rationale before it embeds; this folder does not, and its embeddings are others.`,
      ]
      : rationale && records.length > 0
      ? ["The embedding scores are of texts with rationales: without them, the same weights embed otherwise."]
      : [],
    ...embedded
      ? [
        "The embedding tasks come with grace-repro: they are none of MTEB's, and their averages none of its averages.",
      ]
      : [],
    ...sliced
      ? ["Tasks whose names tell it are fixed slices: their scores are not those of the whole benchmark."]
      : [],
    "A score here and one in the paper differ in more than the method (backbone, data, steps, slices): their difference says nothing.",
    "Training data and tasks may share sources: `grace-repro run` names the training rows that come from a data set of the suite.",
    "Nothing was measured about safety, bias, languages other than the data's, or texts longer than the prompt's limit.",
  ];
}
