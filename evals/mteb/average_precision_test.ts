import fc from "fast-check";
import { assert, assertClose } from "#test";
import { rankedAveragePrecision } from "./average_precision.ts";

Deno.test("rankedAveragePrecision() agrees with scikit-learn where scores are equal", () => {
  const labels = [1, 0, 1, 1, 0, 0, 1, 0], scores = [.9, .8, .8, .7, .7, .3, .3, .1];
  assertClose([rankedAveragePrecision(scores, labels)], [0.7095238095238094], 1e-15);
});

Deno.test("rankedAveragePrecision() is 1 for a perfect order, the share of relevant items without any, NaN without one", () => {
  assert.equal(rankedAveragePrecision([4, 3, 2, 1], [1, 1, 0, 0]), 1);
  assert.equal(rankedAveragePrecision([2, 2, 2, 2], [1, 0, 0, 0]), 0.25);
  assert.ok(Number.isNaN(rankedAveragePrecision([2, 1], [0, 0])));
});

Deno.test("rankedAveragePrecision() does not depend on the order of the items", () => {
  const pairs = fc.array(fc.tuple(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 0, max: 1 })), {
    minLength: 1,
  });
  fc.assert(fc.property(pairs, (list) => {
    const value = (rows: [number, number][]) =>
      rankedAveragePrecision(rows.map(([s]) => s), rows.map(([, r]) => r));
    const [forward, backward] = [value(list), value(list.toReversed())];
    assert.ok(Object.is(forward, backward));
  }));
});
