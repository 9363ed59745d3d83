import { assert, assertClose } from "#test";
import { averageRanks, mean, pearson, quantile, spearman, standardError } from "./statistics.ts";

Deno.test("averageRanks() gives equal values the mean of their ranks", () => {
  assert.deepEqual([...averageRanks([3, 1, 3, 3, 0])], [4, 2, 4, 4, 1]);
});

Deno.test("spearman() agrees with scipy on tied values", () => {
  assertClose(
    [spearman([1, 2, 2, 3, 5, 5, 5, 4], [.1, .4, .35, .4, .9, .2, .9, .8])],
    [0.6150136106446527],
    1e-15,
  );
  const order = [5, 3, 8, 1, 9, 2, 7, 4, 16, 10, 15, 11, 14, 12, 13, 6];
  assertClose([spearman(order.map((_, i) => i + 1), order)], [0.5970588235294118], 1e-15);
});

Deno.test("pearson() does not exist for a constant side", () => {
  assert.ok(Number.isNaN(pearson([1, 2, 3], [4, 4, 4])));
  assertClose([pearson([1, 2, 3], [-2, -4, -6])], [-1], 1e-15);
});

Deno.test("standardError() divides by n - 1 and does not exist for one value", () => {
  assertClose([standardError([0, 1, 1, 0])!], [Math.sqrt(1 / 3) / 2], 1e-15);
  assert.equal(standardError([1]), undefined);
  assert.equal(mean([1, 2, 6]), 3);
});

Deno.test("quantile() interpolates linearly as numpy does", () => {
  const sorted = [1, 2, 4, 8];
  assertClose([0, 0.025, 0.5, 0.975, 1].map((f) => quantile(sorted, f)), [1, 1.075, 3, 7.7, 8], 1e-12);
});
