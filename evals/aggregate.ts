/**
 * The main metric of a task as a function of how often each of its items counts: what the bootstrap calls thousands of times.
 *
 * @module
 */
import { countedAveragePrecision } from "./mteb/average_precision.ts";
import type { Aggregate, ScoredItem } from "./score.ts";

/** A metric of items of which the i-th is taken `counts[i]` times. NaN where the metric does not exist. */
export type CountedMetric = (counts: ArrayLike<number>) => number;

/** The main metric of each item taken once. NaN if it does not exist. */
export function aggregateItems(items: readonly ScoredItem[], aggregate: Aggregate): number {
  return countedMetric(items, aggregate)(new Uint8Array(items.length).fill(1));
}

/** Positions of the items of each group, in the order of their first items. Items without a group are one. */
export function itemGroups(items: readonly ScoredItem[]): number[][] {
  const groups = new Map<string | undefined, number[]>();
  items.forEach(({ group }, i) => {
    const members = groups.get(group);
    if (members === undefined) groups.set(group, [i]);
    else members.push(i);
  });
  return [...groups.values()];
}

/** The main metric over a resample. Items are sorted once, here, so that a resample costs time linear in their number. */
export function countedMetric(items: readonly ScoredItem[], aggregate: Aggregate): CountedMetric {
  const groups = itemGroups(items);
  if (groups.length < 2) return countedInGroup(items, aggregate);
  const metrics = groups.map((members) => countedInGroup(members.map((i) => items[i]!), aggregate));
  return (counts) => {
    let sum = 0;
    groups.forEach((members, g) => sum += metrics[g]!(members.map((i) => counts[i]!)));
    return sum / groups.length;
  };
}

function countedInGroup(items: readonly ScoredItem[], aggregate: Aggregate): CountedMetric {
  switch (aggregate) {
    case "mean":
      return countedMean(items.map((item) => item.value));
    case "spearman":
      return countedSpearman(items.map((item) => item.gold!), items.map((item) => item.similarity!));
    case "max_ap": {
      const gold = items.map((item) => item.gold!);
      const precisions = Object.keys(items[0]?.similarities ?? {}).map((measure) =>
        countedAveragePrecision(items.map((item) => item.similarities![measure]!), gold)
      );
      return (counts) => Math.max(...precisions.map((precision) => precision(counts)));
    }
  }
}

/** Mean of the values that there are. */
function countedMean(values: readonly (number | undefined)[]): CountedMetric {
  return (counts) => {
    let sum = 0, taken = 0;
    values.forEach((value, i) => {
      if (value === undefined) return;
      sum += counts[i]! * value;
      taken += counts[i]!;
    });
    return sum / taken;
  };
}

/** Pearson correlation of average ranks. */
function countedSpearman(a: readonly number[], b: readonly number[]): CountedMetric {
  const ranksA = countedRanks(a), ranksB = countedRanks(b);
  return (counts) => {
    const x = ranksA(counts), y = ranksB(counts);
    let taken = 0;
    for (let i = 0; i < a.length; i++) taken += counts[i]!;
    const centre = (taken + 1) / 2;
    let xy = 0, xx = 0, yy = 0;
    for (let i = 0; i < a.length; i++) {
      const dx = x[i]! - centre, dy = y[i]! - centre;
      xy += counts[i]! * dx * dy;
      xx += counts[i]! * dx * dx;
      yy += counts[i]! * dy * dy;
    }
    return xx === 0 || yy === 0 ? NaN : Math.max(-1, Math.min(1, xy / Math.sqrt(xx) / Math.sqrt(yy)));
  };
}

/** Ranks from 1 within a resample; equal values, copies of one item among them, share the mean of their ranks. */
function countedRanks(values: readonly number[]): (counts: ArrayLike<number>) => Float64Array {
  const order = values.map((_, i) => i).sort((a, b) => values[a]! - values[b]!);
  return (counts) => {
    const ranks = new Float64Array(values.length);
    let below = 0;
    for (let start = 0, end = 0; start < order.length; start = end) {
      let taken = 0;
      for (; end < order.length && values[order[end]!] === values[order[start]!]; end++) {
        taken += counts[order[end]!]!;
      }
      for (let i = start; i < end; i++) ranks[order[i]!] = below + (taken + 1) / 2;
      below += taken;
    }
    return ranks;
  };
}
