/**
 * The three ways in which seven category means have been made one number.
 *
 * All refuse a partial table: a mean over the categories that happen to be there is not an average of the
 * benchmark.
 *
 * @module
 */
import { UsageError } from "#errors";
import { MTEB_CATEGORIES, type MtebCategory } from "../category.ts";

/** Means of categories, in any unit; those left out are missing. */
export type CategoryMeans = Readonly<Partial<Record<MtebCategory, number>>>;

const CATEGORIES = Object.keys(MTEB_CATEGORIES) as MtebCategory[];

/**
 * Mean over the 56 tasks of MTEB(eng, v1): Σ w·mean / 56 with w the number of tasks of a category. What MTEB
 * and other papers call the average.
 *
 * @throws UsageError if a category is missing or not a finite number
 */
export function weighted56(means: CategoryMeans): number {
  return weighted(means, MTEB_CATEGORIES);
}

/**
 * Unweighted mean of the seven categories ("Mean (TaskType)" of the leaderboard).
 *
 * @throws UsageError if a category is missing or not a finite number
 */
export function meanOfTypes(means: CategoryMeans): number {
  return weighted(means, Object.fromEntries(CATEGORIES.map((category) => [category, 1])));
}

/**
 * The average that Tables 1 and 2 of the paper print: Summarization, one task, weighs ten, so the weights add up to 65.
 * It lies 0.6 to 4.2 points below {@linkcode weighted56}. For checking the paper only.
 *
 * @throws UsageError if a category is missing or not a finite number
 */
export function gracePrinted65(means: CategoryMeans): number {
  return weighted(means, { ...MTEB_CATEGORIES, summarization: 10 });
}

function weighted(means: CategoryMeans, weights: Readonly<Record<string, number>>): number {
  let sum = 0, total = 0;
  for (const category of CATEGORIES) {
    const mean = means[category];
    if (mean === undefined || !Number.isFinite(mean)) {
      throw new UsageError(
        `no average: category "${category}" has ${mean === undefined ? "no score" : `the mean ${mean}`}`,
        "evaluate all tasks, or quote the category means, which are labelled partial",
      );
    }
    sum += weights[category]! * mean;
    total += weights[category]!;
  }
  return sum / total;
}
