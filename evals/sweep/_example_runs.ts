/**
 * Scores of made-up runs, for tests of sweeps.
 *
 * @module
 */
import { type LoadedScore, scoreRecord } from "../score_record.ts";
import type { SeedRun } from "./results.ts";

/** A score of one task over items with these values. */
export function exampleScore(values: readonly number[], model: string, task = "T"): LoadedScore {
  const items = values.map((value, i) => ({ id: String(i), value }));
  const value = values.reduce((sum, one) => sum + one, 0) / values.length;
  const record = scoreRecord({
    ...{ suite: "s", task, baseTask: task, category: "sts", main: "acc", value, stderr: null } as const,
    ...{ aggregate: "mean", metrics: { acc: value }, counts: {}, warnings: [], scorer: "t/1" } as const,
    ...{ content: "c", options: {}, files: [], model },
  }, items);
  return { record, items };
}

/** Runs of an arm "grace" whose items have the values of their cell and seed, and of an arm "base" that never changes. */
export function exampleRuns(values: Readonly<Record<string, readonly (readonly number[])[]>>): SeedRun[] {
  return Object.entries(values).flatMap(([cell, seeds]) =>
    seeds.map((own, i): SeedRun => ({
      cell,
      seed: i + 1,
      scores: (arm) =>
        Promise.resolve([
          arm === "base" ? exampleScore([0, 1, 0, 1], "base") : exampleScore(own, `${cell} ${i}`),
        ]),
    }))
  );
}
