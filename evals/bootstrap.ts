/**
 * How sure is a score, and a difference of two models on the same items: the bootstrap over items.
 *
 * Items are drawn with replacement, the same ones for all models, and the metrics are computed again; the interval of a
 * difference holds the middle part of the differences (percentile method, Efron and Tibshirani 1993, chapter 13), a standard
 * error is the deviation of the resampled values (chapter 6). Both cover the choice of items only, not the randomness of
 * training or sampling.
 *
 * @module
 */
import { Purpose, uniformInteger } from "../lib/rollout/philox.ts";
import { aggregateItems, countedMetric, itemGroups } from "./aggregate.ts";
import type { Aggregate, ScoredItem } from "./score.ts";
import { quantile, standardError } from "./statistics.ts";

/** How the bootstrap is done. */
export interface BootstrapOptions {
  readonly resamples: number;
  /** Share of the differences inside the interval, such as 0.95. */
  readonly confidence: number;
  readonly seed: number;
}

/** How the standard error of a score that is no mean is found: the same for all, so that stored errors compare. */
const STANDARD_ERROR_BOOTSTRAP = { resamples: 1000, seed: 0 } as const;

/** A difference of two scores in the unit of the scores, with its interval. */
export interface Difference {
  readonly value: number;
  /** Null if the metric does not exist on more than 5 % of the resamples (a correlation over very few items). */
  readonly interval: readonly [low: number, high: number] | null;
}

/** A difference with the value it had on each resample; NaN where the metric did not exist. */
export interface ResampledDifference {
  readonly value: number;
  readonly resampled: Float64Array;
}

/**
 * Differences of several models to one base.
 *
 * @param base items of the base
 * @param others items of the other models, the same items in the same order
 * @returns one difference per other model
 */
export function pairedBootstrap(
  base: readonly ScoredItem[],
  others: readonly (readonly ScoredItem[])[],
  aggregate: Aggregate,
  options: BootstrapOptions,
): ResampledDifference[] {
  const baseMetric = countedMetric(base, aggregate);
  const metrics = others.map((items) => countedMetric(items, aggregate));
  const resampled = others.map(() => new Float64Array(options.resamples));
  for (let resample = 0; resample < options.resamples; resample++) {
    const counts = drawCounts(base.length, resample, options.seed);
    const baseValue = baseMetric(counts);
    metrics.forEach((metric, i) => resampled[i]![resample] = metric(counts) - baseValue);
  }
  const baseValue = aggregateItems(base, aggregate);
  return others.map((items, i) => ({
    value: aggregateItems(items, aggregate) - baseValue,
    resampled: resampled[i]!,
  }));
}

/** The interval of a difference. */
export function withInterval({ value, resampled }: ResampledDifference, confidence: number): Difference {
  const sorted = existing(resampled).sort();
  const tail = (1 - confidence) / 2;
  return {
    value,
    interval: isEnough(sorted, resampled) ? [quantile(sorted, tail), quantile(sorted, 1 - tail)] : null,
  };
}

/**
 * The difference of two weighted sums of tasks from the differences of each task, whose items are drawn independently.
 *
 * @param parts differences of the tasks with as many resamples each, and their weights
 */
export function sumDifferences(
  parts: readonly { readonly difference: ResampledDifference; readonly weight: number }[],
): ResampledDifference {
  const resamples = parts[0]!.difference.resampled.length;
  const resampled = new Float64Array(resamples);
  let value = 0;
  parts.forEach(({ difference, weight }, task) => {
    value += weight * difference.value;
    // Tasks of equal size are resampled with the same rows at the same position: shifted, their draws are independent.
    const shift = 37 * task;
    for (let i = 0; i < resamples; i++) {
      resampled[i]! += weight * difference.resampled[(i + shift) % resamples]!;
    }
  });
  return { value, resampled };
}

/**
 * Standard error of the main metric over items: of a mean from the deviation of its values, otherwise by a bootstrap of
 * 1,000 resamples. Null for fewer than two scored items, or where too few resamples have the metric. Of a mean over groups it
 * follows from the errors of the groups, whose items are independent.
 */
export function standardErrorOfItems(items: readonly ScoredItem[], aggregate: Aggregate): number | null {
  const groups = itemGroups(items);
  if (groups.length > 1) {
    const errors = groups.map((members) =>
      standardErrorOfItems(members.map((i) => ({ ...items[i]!, group: "" })), aggregate)
    );
    if (errors.includes(null)) return null;
    return Math.sqrt(errors.reduce<number>((sum, error) => sum + error! ** 2, 0)) / groups.length;
  }
  if (aggregate === "mean") {
    return standardError(items.flatMap((item) => item.value === undefined ? [] : [item.value])) ?? null;
  }
  if (items.length < 2) return null;
  const metric = countedMetric(items, aggregate);
  const { resamples, seed } = STANDARD_ERROR_BOOTSTRAP;
  const values = Float64Array.from(
    { length: resamples },
    (_, resample) => metric(drawCounts(items.length, resample, seed)),
  );
  const found = existing(values);
  return isEnough(found, values) ? standardError(found)! * Math.sqrt(found.length) : null;
}

/** Draws are the same for every arm and for errors and intervals alike, and take longer than most metrics: they are kept. */
const known = new Map<string, Uint32Array>();
const mostKnownBytes = 64 * 2 ** 20;
let knownBytes = 0;

/** How often each of n items is drawn in a resample of n. Not to be written into. */
function drawCounts(n: number, resample: number, seed: number): Uint32Array {
  const key = `${n}/${seed}/${resample}`;
  const found = known.get(key);
  if (found) return found;
  const counts = new Uint32Array(n);
  for (let position = 0; position < n; position++) {
    counts[uniformInteger(n, seed, { purpose: Purpose.bootstrap, example: resample, position })]!++;
  }
  if (knownBytes + counts.byteLength <= mostKnownBytes) {
    known.set(key, counts);
    knownBytes += counts.byteLength;
  }
  return counts;
}

function existing(values: Float64Array): Float64Array {
  return values.filter(Number.isFinite);
}

function isEnough(existing: Float64Array, all: Float64Array): boolean {
  return existing.length > 1 && existing.length >= 0.95 * all.length;
}
