import { UsageError } from "#errors";
import { assert, assertClose } from "#test";
import { pairedBootstrap, withInterval } from "../bootstrap.ts";
import { exampleRuns, exampleScore } from "./_example_runs.ts";
import { sweepResults } from "./results.ts";

const bootstrap = { resamples: 200, confidence: 0.9, seed: 0 };
const options = { arms: ["base", "grace"], cells: ["a=0", "a=1"], base: "a=0", bootstrap };

const low = [[0, 0, 1, 0], [0, 1, 0, 0]], high = [[1, 0, 1, 1], [1, 1, 1, 1]];
const runs = exampleRuns({ "a=0": low, "a=1": high });

Deno.test("sweepResults() gives mean and deviation over seeds, and one row for an arm that no cell changes", async () => {
  const results = await sweepResults(runs, options);
  assert.deepEqual(results.map(({ arm, cell, seeds }) => [arm, cell, seeds]), [
    ["base", null, [1, 2]],
    ["grace", "a=0", [1, 2]],
    ["grace", "a=1", [1, 2]],
  ]);
  const metric = results[2]!.metrics[0]!;
  assert.deepEqual([metric.name, metric.kind, metric.values], ["T", "task", [0.75, 1]]);
  assert.equal(metric.mean, 0.875);
  assertClose([metric.deviation!], [0.125 * Math.SQRT2], 1e-12);
});

Deno.test("sweepResults() compares with the base cell on the same draws of items, averaged over the seeds", async () => {
  const [, base, other] = await sweepResults(runs, options);
  assert.equal(base!.metrics[0]!.change, null);
  const change = other!.metrics[0]!.change!;
  assert.equal(change.value, 0.625);
  // The mean over the seeds of a mean over items is the mean over items of their means over the seeds.
  const items = (lists: readonly (readonly number[])[]) =>
    exampleScore(lists[0]!.map((_, i) => (lists[0]![i]! + lists[1]![i]!) / 2), "m").items;
  const [expected] = pairedBootstrap(items(low), [items(high)], "mean", bootstrap);
  const { interval } = withInterval(expected!, bootstrap.confidence);
  assertClose([...change.interval!], [...interval!], 1e-12);
});

Deno.test("sweepResults() compares over the seeds that both cells have, and leaves out cells without a run", async () => {
  const some = exampleRuns({ "a=0": low.slice(0, 1), "a=1": high });
  const results = await sweepResults(some, { ...options, cells: [...options.cells, "a=2"], arms: ["grace"] });
  assert.deepEqual(results.map(({ cell, seeds }) => [cell, seeds]), [["a=0", [1]], ["a=1", [1, 2]]]);
  assert.equal(results[0]!.metrics[0]!.deviation, null);
  assert.equal(results[1]!.metrics[0]!.change!.value, 0.5, "of seed 1 alone");
  const without = await sweepResults(some, { ...options, base: "a=2", arms: ["grace"] });
  assert.deepEqual(without.map(({ metrics }) => metrics[0]!.change), [null, null]);
});

Deno.test("sweepResults() does not take an arm for common that differs with the seed only in one cell", async () => {
  const mixed = exampleRuns({ "a=0": [low[0]!], "a=1": [high[0]!] }).map((run) => ({
    ...run,
    scores: () => Promise.resolve([exampleScore([0, 1], run.cell === "a=0" ? "m" : "n")]),
  }));
  assert.deepEqual((await sweepResults(mixed, { ...options, arms: ["x"] })).map(({ cell }) => cell), [
    "a=0",
    "a=1",
  ]);
});

Deno.test("sweepResults() refuses runs with other tasks", async () => {
  const other = { cell: "a=1", seed: 1, scores: () => Promise.resolve([exampleScore([0, 1], "m", "U")]) };
  await assert.rejects(sweepResults([runs[0]!, other], options), UsageError);
});
