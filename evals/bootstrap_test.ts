import { assert, assertClose } from "#test";
import { aggregateItems } from "./aggregate.ts";
import { pairedBootstrap, standardErrorOfItems, sumDifferences, withInterval } from "./bootstrap.ts";
import type { Aggregate, ScoredItem } from "./score.ts";
import { standardError } from "./statistics.ts";

const options = { resamples: 500, confidence: 0.95, seed: 3 };
type Items = readonly ScoredItem[];
const differencesOf = (base: Items, others: readonly Items[], aggregate: Aggregate, change = {}) => {
  const all = { ...options, ...change };
  return pairedBootstrap(base, others, aggregate, all).map((d) => withInterval(d, all.confidence));
};
const items = (values: readonly number[]) => values.map((value, i) => ({ id: `${i}`, value }));

Deno.test("pairedBootstrap() gives a constant difference an interval of no width", () => {
  const base = items(Array.from({ length: 40 }, (_, i) => (i * 7 % 11) / 11));
  const better = items(base.map((item) => item.value + 0.25));
  const [difference] = differencesOf(base, [better], "mean");
  assertClose([difference!.value, ...difference!.interval!], [0.25, 0.25, 0.25], 1e-12);
});

Deno.test("pairedBootstrap() is as wide as the standard error of the paired differences says", () => {
  const n = 200;
  const base = items(Array.from({ length: n }, (_, i) => Number(i % 2 === 0)));
  const other = items(Array.from({ length: n }, (_, i) => Number(i % 5 !== 0)));
  const differences = base.map((item, i) => other[i]!.value - item.value);
  const mean = differences.reduce((a, b) => a + b) / n;
  const stderr = Math.sqrt(differences.reduce((sum, d) => sum + (d - mean) ** 2, 0) / n / n);
  const [difference] = differencesOf(base, [other], "mean", { resamples: 4000 });
  assertClose([difference!.value], [mean], 1e-12);
  assertClose(difference!.interval!, [mean - 1.96 * stderr, mean + 1.96 * stderr], 0.15 * stderr);
});

Deno.test("pairedBootstrap() recomputes the correlation on each resample", () => {
  const pairs = Array.from(
    { length: 60 },
    (_, i) => ({ id: `${i}`, gold: i, similarity: i + (i * 37 % 20) }),
  );
  const same = pairs.map((item) => ({ ...item }));
  const worse = pairs.map((item, i) => ({ ...item, similarity: (i * 29) % 60 }));
  const [none, loss] = differencesOf(pairs, [same, worse], "spearman");
  assert.deepEqual([none!.value, ...none!.interval!], [0, 0, 0]);
  assert.equal(loss!.value, aggregateItems(worse, "spearman") - aggregateItems(pairs, "spearman"));
  assert.ok(loss!.interval![0] < loss!.value && loss!.value < loss!.interval![1] && loss!.interval![1] < 0);
});

Deno.test("pairedBootstrap() gives no interval when the correlation does not exist on many resamples", () => {
  const pairs = [{ id: "1", gold: 1, similarity: 1 }, { id: "2", gold: 2, similarity: 2 }];
  assert.equal(differencesOf(pairs, [pairs], "spearman")[0]!.interval, null);
});

Deno.test("pairedBootstrap() gives the same interval for the same seed", () => {
  const base = items([0, 1, 0, 1, 1, 0, 0, 1]), other = items([1, 1, 0, 0, 1, 1, 0, 1]);
  const run = (seed: number) => differencesOf(base, [other], "mean", { seed, resamples: 40 });
  assert.deepEqual(run(1), run(1));
  assert.notDeepEqual(run(1), run(2));
});

Deno.test("pairedBootstrap() resamples pairs for the largest average precision", () => {
  const labelled = (shift: (i: number) => number) =>
    Array.from({ length: 80 }, (_, i) => ({
      id: `${i}`,
      gold: i % 2,
      similarities: { cosine: (i * 13 % 31) + shift(i), dot: i * 17 % 7 },
    }));
  const base = labelled(() => 0), better = labelled((i) => i % 2 * 12);
  const [difference] = differencesOf(base, [better], "max_ap");
  assert.equal(difference!.value, aggregateItems(better, "max_ap") - aggregateItems(base, "max_ap"));
  const [low, high] = difference!.interval!;
  assert.ok(0 < low && low < difference!.value && difference!.value < high);
});

Deno.test("sumDifferences() is as wide as independent tasks make it, although each draws the same rows", () => {
  const base = items(Array.from({ length: 100 }, () => 0));
  const other = items(Array.from({ length: 100 }, (_, i) => Number(i % 2 === 0)));
  const [task] = pairedBootstrap(base, [other], "mean", { ...options, resamples: 2000 });
  const half = { difference: task!, weight: 0.5 };
  const { value, resampled } = sumDifferences([half, half]);
  assert.equal(value, 0.5);
  const deviation = (values: Float64Array) => standardError(values)! * Math.sqrt(values.length);
  // Of the same draws the mean of both would be as wide as one.
  assertClose([deviation(resampled) / deviation(task!.resampled)], [Math.SQRT1_2], 0.03);
});

Deno.test("standardErrorOfItems() is that of a mean, and leaves out items that were not scored", () => {
  const scored = items([0, 1, 1, 0]);
  assertClose([standardErrorOfItems([...scored, { id: "skipped" }], "mean")!], [Math.sqrt(1 / 3) / 2], 1e-15);
  assert.equal(standardErrorOfItems(items([1]), "mean"), null);
});

Deno.test("standardErrorOfItems() of a correlation is near 1 / √(n - 1) where there is none", () => {
  const n = 400;
  const pairs = Array.from({ length: n }, (_, i) => ({
    id: `${i}`,
    gold: i * 7919 % n,
    similarity: i * i * 31 % 997,
  }));
  assertClose([standardErrorOfItems(pairs, "spearman")!], [1 / Math.sqrt(n - 1)], 0.15 / Math.sqrt(n));
  assert.equal(standardErrorOfItems(pairs.slice(0, 2), "spearman"), null);
});

Deno.test("standardErrorOfItems() of groups follows from the errors of the groups", () => {
  const grouped = (values: readonly number[], group: string) =>
    items(values).map((item) => ({ ...item, group }));
  const [a, b] = [[1, 0, 0.5, 0.25], [0, 1, 1, 0, 1, 1]];
  const expected = Math.sqrt(standardError(a!)! ** 2 + standardError(b!)! ** 2) / 2;
  assertClose([standardErrorOfItems([...grouped(a!, "a"), ...grouped(b!, "b")], "mean")!], [expected], 1e-12);
  assert.equal(standardErrorOfItems([...grouped(a!, "a"), ...grouped([1], "b")], "mean"), null);
});
