import fc from "fast-check";
import { UsageError } from "#errors";
import { assert } from "#test";
import { permutation } from "./permutation.ts";
import { Purpose } from "./philox.ts";

Deno.test("permutation() holds every index once", () => {
  fc.assert(fc.property(fc.nat(300), fc.maxSafeNat(), fc.nat(9), (length, seed, epoch) => {
    assert.deepEqual([...permutation(length, seed, epoch)].sort((a, b) => a - b), [...Array(length).keys()]);
  }));
});

Deno.test("permutation() repeats itself, and differs when seed, epoch or purpose differs", () => {
  const base = permutation(50, 1, 0);
  assert.deepEqual(permutation(50, 1, 0), base);
  assert.notDeepEqual(permutation(50, 2, 0), base);
  assert.notDeepEqual(permutation(50, 1, 1), base);
  assert.notDeepEqual(permutation(50, 1, 0, Purpose.subsample), base);
});

Deno.test("permutation() keeps its order across versions (a stored run depends on it)", () => {
  // Computed with arbitrary-precision integers in another language.
  assert.deepEqual([...permutation(10, 1)], [5, 8, 4, 7, 1, 0, 3, 6, 2, 9]);
  assert.deepEqual([...permutation(10, 2 ** 40 + 5, 3)], [1, 3, 5, 0, 6, 9, 8, 7, 4, 2]);
});

Deno.test("permutation() gives each of the 24 orders of 4 items equally often", () => {
  const counts = new Map<string, number>();
  const draws = 12_000;
  for (let seed = 0; seed < draws; seed++) {
    const order = permutation(4, seed).join();
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  assert.equal(counts.size, 24);
  const expected = draws / 24;
  const chi2 = [...counts.values()].reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
  // Upper 99.99 % point of chi-square with 23 degrees of freedom (scipy.stats.chi2.ppf).
  assert.ok(chi2 < 57.07464313855563, `chi-square ${chi2}`);
});

Deno.test("permutation() refuses a length that is not a 32-bit count", () => {
  for (const length of [-1, 0.5, 2 ** 32]) assert.throws(() => permutation(length, 0), UsageError);
});
