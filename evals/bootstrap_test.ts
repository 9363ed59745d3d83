import { assert, assertClose } from "#test";
import { aggregateItems, pairedBootstrap } from "./bootstrap.ts";

const options = { resamples: 500, confidence: 0.95, seed: 3 };
const items = (values: readonly number[]) => values.map((value, i) => ({ id: `${i}`, value }));

Deno.test("pairedBootstrap() gives a constant difference an interval of no width", () => {
  const base = items(Array.from({ length: 40 }, (_, i) => (i * 7 % 11) / 11));
  const better = items(base.map((item) => item.value + 0.25));
  const [difference] = pairedBootstrap(base, [better], "mean", options);
  assertClose([difference!.value, ...difference!.interval!], [0.25, 0.25, 0.25], 1e-12);
});

Deno.test("pairedBootstrap() is as wide as the standard error of the paired differences says", () => {
  const n = 200;
  const base = items(Array.from({ length: n }, (_, i) => Number(i % 2 === 0)));
  const other = items(Array.from({ length: n }, (_, i) => Number(i % 5 !== 0)));
  const differences = base.map((item, i) => other[i]!.value - item.value);
  const mean = differences.reduce((a, b) => a + b) / n;
  const stderr = Math.sqrt(differences.reduce((sum, d) => sum + (d - mean) ** 2, 0) / n / n);
  const [difference] = pairedBootstrap(base, [other], "mean", { ...options, resamples: 4000 });
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
  const [none, loss] = pairedBootstrap(pairs, [same, worse], "spearman", options);
  assert.deepEqual([none!.value, ...none!.interval!], [0, 0, 0]);
  assert.equal(loss!.value, aggregateItems(worse, "spearman") - aggregateItems(pairs, "spearman"));
  assert.ok(loss!.interval![0] < loss!.value && loss!.value < loss!.interval![1] && loss!.interval![1] < 0);
});

Deno.test("pairedBootstrap() gives no interval when the correlation does not exist on many resamples", () => {
  const pairs = [{ id: "1", gold: 1, similarity: 1 }, { id: "2", gold: 2, similarity: 2 }];
  assert.equal(pairedBootstrap(pairs, [pairs], "spearman", options)[0]!.interval, null);
});

Deno.test("pairedBootstrap() gives the same interval for the same seed", () => {
  const base = items([0, 1, 0, 1, 1, 0, 0, 1]), other = items([1, 1, 0, 0, 1, 1, 0, 1]);
  const run = (seed: number) => pairedBootstrap(base, [other], "mean", { ...options, seed, resamples: 40 });
  assert.deepEqual(run(1), run(1));
  assert.notDeepEqual(run(1), run(2));
});
