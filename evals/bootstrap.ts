/**
 * How sure is a difference of two models on the same items: the paired bootstrap over items.
 *
 * Items are drawn with replacement, the same ones for both models, and the difference is computed again; the
 * interval holds the middle part of these differences (percentile method, Efron and Tibshirani 1993, chapter 13).
 * It covers the choice of items only, not the randomness of training or sampling.
 *
 * @module
 */
import { Purpose, uniformInteger } from "../lib/rollout/philox.ts";
import type { Aggregate, ScoredItem } from "./score.ts";
import { mean, quantile, spearman } from "./statistics.ts";

/** How the bootstrap is done. */
export interface BootstrapOptions {
  readonly resamples: number;
  /** Share of the differences inside the interval, such as 0.95. */
  readonly confidence: number;
  readonly seed: number;
}

/** A difference of two scores in the unit of the scores, with its interval. */
export interface Difference {
  readonly value: number;
  /** Null if the metric does not exist on more than 5 % of the resamples (a correlation over very few items). */
  readonly interval: readonly [low: number, high: number] | null;
}

/** The main metric over items. NaN if it does not exist. */
export function aggregateItems(items: readonly ScoredItem[], aggregate: Aggregate): number {
  return aggregate === "mean"
    ? mean(items.map((item) => item.value!))
    : spearman(items.map((item) => item.gold!), items.map((item) => item.similarity!));
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
): Difference[] {
  const n = base.length;
  const drawn = others.map((): number[] => []);
  for (let resample = 0; resample < options.resamples; resample++) {
    const rows = Array.from(
      { length: n },
      (_, position) =>
        uniformInteger(n, options.seed, { purpose: Purpose.bootstrap, example: resample, position }),
    );
    const baseValue = aggregateItems(rows.map((row) => base[row]!), aggregate);
    others.forEach((items, i) => {
      const difference = aggregateItems(rows.map((row) => items[row]!), aggregate) - baseValue;
      if (Number.isFinite(difference)) drawn[i]!.push(difference);
    });
  }
  const baseValue = aggregateItems(base, aggregate);
  const tail = (1 - options.confidence) / 2;
  return others.map((items, i) => {
    const sorted = Float64Array.from(drawn[i]!).sort();
    const usable = sorted.length >= 0.95 * options.resamples && sorted.length > 0;
    return {
      value: aggregateItems(items, aggregate) - baseValue,
      interval: usable ? [quantile(sorted, tail), quantile(sorted, 1 - tail)] : null,
    };
  });
}
