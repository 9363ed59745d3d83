import { assert, assertClose } from "#test";
import fc from "fast-check";
import { golden } from "../../fixtures/golden_data.ts";
import { vMeasure } from "./v_measure.ts";

interface Golden {
  rows: {
    classes: (string | number)[];
    clusters: number[];
    homogeneity: number;
    completeness: number;
    vMeasure: number;
  }[];
}

Deno.test("vMeasure() agrees with scikit-learn", () => {
  for (const { classes, clusters, ...expected } of golden<Golden>("clustering/v_measure.json").rows) {
    const measured = vMeasure(classes, clusters);
    for (const key of ["homogeneity", "completeness", "vMeasure"] as const) {
      assertClose([measured[key]], [expected[key]], 1e-12, `${key} of ${classes.length} labels`);
    }
  }
});

Deno.test("vMeasure() swaps homogeneity and completeness with its arguments, and ignores names", () => {
  const labels = fc.array(fc.tuple(fc.nat(4), fc.nat(6)), { minLength: 1, maxLength: 60 });
  fc.assert(fc.property(labels, (pairs) => {
    const a = pairs.map(([x]) => x), b = pairs.map(([, y]) => y);
    const forth = vMeasure(a, b), back = vMeasure(b, a.map((x) => `name ${-x}`));
    assertClose([forth.homogeneity, forth.vMeasure], [back.completeness, back.vMeasure], 1e-12, "swapped");
    assert.ok(forth.vMeasure >= 0 && forth.vMeasure <= 1 + 1e-12);
    assertClose([vMeasure(a, a.map((x) => 10 - x)).vMeasure], [1], 1e-12, "renamed");
  }));
});

Deno.test("vMeasure() refuses lists that differ in length or are empty", () => {
  assert.throws(() => vMeasure([1, 2], [1]), RangeError);
  assert.throws(() => vMeasure([], []), RangeError);
});
