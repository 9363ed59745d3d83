/**
 * Means over the tasks of a category, with a label that says how much of the category they cover.
 *
 * @module
 */
import { type Category, MTEB_CATEGORIES } from "./category.ts";
import type { ScoreRecord } from "./score_record.ts";
import { mean } from "./statistics.ts";

/** Benchmarks of the paper's Table 5. */
const GENERAL_BENCHMARKS = 6;

/** Mean of the scores of one category. */
export interface CategoryMean {
  readonly category: Category;
  /** Names of the tasks. */
  readonly tasks: readonly string[];
  /** Whether all tasks of the category are there, whole. */
  readonly complete: boolean;
  /** The category's name, with "(partial: ...)" behind it unless it is complete. */
  readonly label: string;
  /** Plain mean of the tasks' main metrics; a fraction. */
  readonly value: number;
}

/** Means of the categories that occur, in the order of the paper's tables. */
export function categoryMeans(scores: readonly ScoreRecord[]): CategoryMean[] {
  const categories = [...Object.keys(MTEB_CATEGORIES), "general"] as Category[];
  return categories.flatMap((category) => {
    const members = scores.filter((score) => score.category === category);
    if (members.length === 0) return [];
    const expected = category === "general" ? GENERAL_BENCHMARKS : MTEB_CATEGORIES[category];
    const sliced = members.filter((score) => score.task !== score.baseTask).length;
    const complete = members.length === expected && sliced === 0;
    const sliceNote = sliced === 0
      ? ""
      : sliced === members.length
      ? ", sliced"
      : `, ${sliced} of them sliced`;
    const coverage = `${members.length} of ${expected} tasks${sliceNote}`;
    return [{
      category,
      tasks: members.map((score) => score.task),
      complete,
      label: complete ? category : `${category} (partial: ${coverage})`,
      value: mean(members.map((score) => score.value)),
    }];
  });
}
