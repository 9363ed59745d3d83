/**
 * Which of several differences are more than the choice of items, when all are asked at once: Holm's step-down procedure (1979) on
 * bootstrap intervals. Among any number of tasks on which two models are equally good, one is told apart by chance in at most
 * 1 - confidence of all checks, however the tasks depend on each other.
 *
 * @module
 */
import { type ResampledDifference, withInterval } from "../bootstrap.ts";
import { contractedTail, expandedTail } from "./small_samples.ts";

/** A difference that is asked about. */
export interface Asked extends ResampledDifference {
  /** How many items differ: of few, intervals are wider ({@linkcode expandedTail}). */
  readonly items: number;
}

/** Whether a difference is told from 0, and the interval that decided. */
export interface Decision {
  /** Two-sided, at {@linkcode level}; it holds 0 unless the difference is told. */
  readonly interval: readonly [low: number, high: number];
  /** Confidence of this one interval: of the surest difference the most is asked. */
  readonly level: number;
  /** Direction of a difference that is told; 0 of one that is not. */
  readonly direction: -1 | 0 | 1;
}

/**
 * Decides about all differences.
 *
 * @param differences null where there is none to decide about
 * @param family how many were asked for in all, those included that need no deciding
 * @param confidence of all intervals together
 * @returns one decision for each difference; null where it is null, or the metric does not exist on the resamples
 */
export function holmDecisions(
  differences: readonly (Asked | null)[],
  family: number,
  confidence: number,
): (Decision | null)[] {
  const doubts = differences.map((difference) => difference === null ? null : doubtOf(difference));
  const order = doubts.flatMap((doubt, i) => doubt === null ? [] : [i]).sort((a, b) =>
    doubts[a]! - doubts[b]! || a - b
  );
  const decisions: (Decision | null)[] = differences.map(() => null);
  let told = 0, open = true;
  for (const place of order) {
    const level = 1 - (1 - confidence) / (family - told);
    const asked = differences[place]!;
    const tail = expandedTail((1 - level) / 2, asked.items);
    const interval = withInterval(asked, 1 - 2 * tail).interval!;
    const direction = interval[0] > 0 ? 1 : interval[1] < 0 ? -1 : 0;
    // The first that is not told ends it: no surer one is left.
    open &&= direction !== 0;
    decisions[place] = { interval, level, direction: open ? direction : 0 };
    if (open) told++;
  }
  return decisions;
}

/**
 * The decision about a difference of which too few items are the cause for any test to tell it from noise: none, with an interval
 * as wide as all resamples, which holds 0. Null where the metric does not exist on the resamples.
 */
export function undecided(difference: ResampledDifference, level: number): Decision | null {
  const { interval } = withInterval(difference, 1);
  if (interval === null) return null;
  return { interval: [Math.min(interval[0], 0), Math.max(interval[1], 0)], level, direction: 0 };
}

/**
 * The least 1 - level at which the interval of a difference leaves 0 out (its two-sided p-value, by inversion of the interval); null
 * where there is no interval.
 */
export function doubtOf(difference: Asked): number | null {
  if (withInterval(difference, 0).interval === null) return null;
  const sorted = difference.resampled.filter(Number.isFinite).sort();
  const tail = Math.min(shareNotBelow(sorted), shareNotBelow(sorted.map((d) => -d).reverse()));
  return 2 * contractedTail(Math.min(tail, 0.5), difference.items);
}

/** 1 minus the fraction at which the percentile function of ascending values reaches 0; 0 where all are below it. */
function shareNotBelow(sorted: Float64Array): number {
  const n = sorted.length;
  const above = sorted.findIndex((value) => value >= 0);
  if (above < 0) return 0;
  if (above === 0) return 1;
  const [low, high] = [sorted[above - 1]!, sorted[above]!];
  const position = above - 1 + (0 - low) / (high - low);
  return 1 - position / (n - 1);
}
