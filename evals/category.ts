/**
 * The kinds of tasks that are averaged together.
 *
 * @module
 */

/** The seven categories of MTEB, in the order of the paper's tables, with the number of tasks each has in MTEB(eng, v1). */
export const MTEB_CATEGORIES = {
  retrieval: 15,
  reranking: 4,
  clustering: 11,
  pair_classification: 3,
  classification: 12,
  sts: 10,
  summarization: 1,
} as const;

/** One of MTEB's categories. */
export type MtebCategory = keyof typeof MTEB_CATEGORIES;

/** A category of MTEB, or the benchmarks of general ability, which are never averaged with them. */
export type Category = MtebCategory | "general";

/** MTEB's own names of its categories, by which tasks are chosen. */
export const TYPE_NAMES: Readonly<Record<Category, string>> = {
  retrieval: "Retrieval",
  reranking: "Reranking",
  clustering: "Clustering",
  pair_classification: "PairClassification",
  classification: "Classification",
  sts: "STS",
  summarization: "Summarization",
  general: "General",
};
