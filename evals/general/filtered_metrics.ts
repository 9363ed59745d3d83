/**
 * Metrics under several readings of the same answers, named as lm-evaluation-harness names its filters: `metric,filter` and
 * `metric_stderr,filter`.
 *
 * @module
 */
import { mean, standardError } from "../statistics.ts";

/** Points by which two readings may differ before a reader is told. */
const TOLERATED_POINTS = 5;

/** Mean of the values by filter, with the standard error where there is one. */
export function filteredMetrics(
  metric: string,
  byFilter: Readonly<Record<string, readonly number[]>>,
): Record<string, number> {
  return Object.fromEntries(
    Object.entries(byFilter).flatMap(([filter, values]) => {
      const error = standardError(values);
      return [
        [`${metric},${filter}`, mean(values)],
        ...(error === undefined ? [] : [[`${metric}_stderr,${filter}`, error]]),
      ];
    }),
  );
}

/** How many answers were right by filter: with the number of items, what stands behind the mean. */
export function correctCounts(byFilter: Readonly<Record<string, readonly number[]>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(byFilter).map(([filter, values]) => [`correct,${filter}`, values.filter(Boolean).length]),
  );
}

/** A sentence if two readings of the answers differ by so much that the score is one of the format. */
export function disagreement(a: readonly number[], b: readonly number[]): string[] {
  const apart = Math.abs(mean(a) - mean(b)) * 100;
  return apart > TOLERATED_POINTS
    ? [`the filters differ by ${apart.toFixed(1)} points: the score depends on the answer format`]
    : [];
}
