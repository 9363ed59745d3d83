import fc from "fast-check";
import { assert, assertClose } from "#test";
import { aggregateItems, countedMetric } from "./aggregate.ts";
import { rankedAveragePrecision } from "./mteb/average_precision.ts";
import type { Aggregate, ScoredItem } from "./score.ts";
import { mean, spearman } from "./statistics.ts";

/** Items of all three aggregates with many equal values, and how often each is drawn. */
const drawn = fc.array(
  fc.record({
    item: fc.record({
      id: fc.constant("x"),
      value: fc.integer({ min: 0, max: 5 }),
      gold: fc.integer({ min: 0, max: 1 }),
      similarity: fc.integer({ min: -3, max: 3 }),
      similarities: fc.record({
        cosine: fc.integer({ min: -4, max: 4 }),
        dot: fc.integer({ min: -9, max: 9 }),
      }),
    }),
    count: fc.integer({ min: 0, max: 3 }),
  }),
  { minLength: 1, maxLength: 30 },
);

/** Each metric by the plain functions. */
const plain: Record<Aggregate, (items: readonly ScoredItem[]) => number> = {
  mean: (items) => mean(items.map((item) => item.value!)),
  spearman: (items) => spearman(items.map((item) => item.gold!), items.map((item) => item.similarity!)),
  max_ap: (items) =>
    Math.max(...["cosine", "dot"].map((measure) =>
      rankedAveragePrecision(
        items.map((item) => item.similarities![measure]!),
        items.map((item) => item.gold!),
      )
    )),
};

Deno.test("countedMetric() gives what the metric is of the items written out as often as they count", () => {
  fc.assert(fc.property(drawn, (draws) => {
    const copies = draws.flatMap(({ item, count }) => Array.from({ length: count }, () => item));
    for (const [aggregate, metric] of Object.entries(plain) as [Aggregate, typeof plain.mean][]) {
      const found = countedMetric(draws.map((d) => d.item), aggregate)(draws.map((d) => d.count));
      const expected = metric(copies);
      if (Number.isNaN(expected)) assert.ok(Number.isNaN(found), aggregate);
      else assertClose([found], [expected], 1e-12, aggregate);
    }
  }));
});

Deno.test("aggregateItems() is a mean over the items that were scored", () => {
  assert.equal(aggregateItems([{ id: "a", value: 1 }, { id: "b" }, { id: "c", value: 0 }], "mean"), 0.5);
  assert.ok(Number.isNaN(aggregateItems([{ id: "b" }], "mean")));
});

Deno.test("countedMetric() of items in groups is the plain mean over the groups, however large they are", () => {
  const item = (id: number, value: number, group: string): ScoredItem => ({ id: `${id}`, value, group });
  const items = [item(0, 1, "a"), item(1, 0, "b"), item(2, 0, "b"), item(3, 0.5, "a"), item(4, 0.6, "b")];
  assertClose([aggregateItems(items, "mean")], [(0.75 + 0.2) / 2], 1e-12);
  assertClose([countedMetric(items, "mean")([3, 1, 0, 1, 1])], [(3.5 / 4 + 0.3) / 2], 1e-12);
  // A group of which nothing is drawn has no mean.
  assert.ok(Number.isNaN(countedMetric(items, "mean")([0, 1, 1, 0, 1])));
});
