/**
 * Training rows from the data sets that are evaluated: a score of such a task is not one of unseen data.
 *
 * @module
 */
import type { TrainingText, Triplet } from "../lib/data/training.ts";
import type { ResolvedTask } from "./suite.ts";

/** Training rows that were taken from the data set of a task. */
export interface Overlap {
  /** Name in the training data, as written there. */
  readonly source: string;
  readonly rows: number;
  /** Task as the suite shows it. */
  readonly task: string;
}

/**
 * Sources of training rows that are named like a task or its data set, whatever the case and punctuation, by task and then
 * in the order of the rows. Names are all that is compared: rows of another split, or under another name, are not told apart.
 *
 * @param rows training rows; those without a source are passed over
 */
export function overlaps(
  rows: readonly (Triplet | TrainingText)[],
  tasks: readonly Pick<ResolvedTask, "name" | "baseTask" | "files">[],
): Overlap[] {
  const counts = new Map<string, number>();
  for (const row of rows) {
    const source = "source" in row ? row.source : "";
    if (normalise(source) !== "") counts.set(source, (counts.get(source) ?? 0) + 1);
  }
  return tasks.flatMap(({ name: task, baseTask, files }) => {
    // Files lie at <owner>/<data set>/... below the data root.
    const names = new Set([baseTask, ...files.map(({ path }) => path.split("/")[1] ?? "")].map(normalise));
    return [...counts].filter(([source]) => names.has(normalise(source)))
      .map(([source, rows]) => ({ source, rows, task }));
  });
}

function normalise(name: string): string {
  return name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");
}
