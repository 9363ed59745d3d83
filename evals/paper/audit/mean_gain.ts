/**
 * What "gains x on average over the models" may mean.
 *
 * @module
 */
import { type AuditTable, findRow } from "./document.ts";
import { declaredAverage } from "./weighting.ts";

/** One reading of a mean gain. */
export interface GainReading {
  /** "mean points", "mean percent" (mean of the relative gains) or "percent of means" (relative gain of the means). */
  readonly name: string;
  readonly unit: "points" | "percent";
  /** Which averages. */
  readonly of: "printed" | "re-derived";
  readonly value: number;
  /** How far the rounding of averages may move it. */
  readonly slack: number;
}

/**
 * Every reading of the gain of method `to` over method `from`, over the models that have both with averages. Those of
 * re-derived averages are left out where a cell is missing.
 */
export function meanGains(table: AuditTable, from: string, to: string): GainReading[] {
  const pairs = [...new Set(table.rows.map(({ model }) => model))].flatMap((model) => {
    const before = findRow(table, model, from), after = findRow(table, model, to);
    return before?.average && after?.average ? [{ before, after }] : [];
  });
  const printed = pairs.map(({ before, after }) => [before.average!.value, after.average!.value] as const);
  const derived = pairs.map(({ before, after }) =>
    [declaredAverage(table, before), declaredAverage(table, after)] as const
  );
  // Both averages may be off by half a unit; re-derived ones by as much, through their cells.
  const slack = Math.max(
    ...pairs.map(({ before, after }) => before.average!.halfUnit + after.average!.halfUnit),
  );
  const whole = derived.every((pair): pair is readonly [number, number] => !pair.includes(undefined));
  return [
    ...readings(printed, "printed", slack),
    ...(whole ? readings(derived as [number, number][], "re-derived", slack) : []),
  ];
}

/** @param pairs averages before and after, in the unit of the table */
function readings(
  pairs: readonly (readonly [number, number])[],
  of: GainReading["of"],
  slack: number,
): GainReading[] {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const points = mean(pairs.map(([before, after]) => after - before));
  const gain: GainReading = { name: "mean points", unit: "points", of, value: points, slack };
  // Of nothing, or of a negative correlation, there is no relative gain.
  if (pairs.some(([before]) => before <= 0)) return [gain];
  const base = mean(pairs.map(([before]) => before));
  const relative = mean(pairs.map(([before, after]) => 100 * (after / before - 1)));
  const relativeSlack = 100 * slack / Math.min(...pairs.map(([before]) => before));
  return [
    gain,
    { name: "mean percent", unit: "percent", of, value: relative, slack: relativeSlack },
    { name: "percent of means", unit: "percent", of, value: 100 * points / base, slack: relativeSlack },
  ];
}
