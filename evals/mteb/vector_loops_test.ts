import { assert, assertClose } from "#test";
import { addScaled, addScaledThenDot, dot, maxAbs } from "./vector_loops.ts";

Deno.test("addScaledThenDot() gives the bits of addScaled() and dot(), for any length", () => {
  for (const length of [0, 1, 3, 4, 7, 100]) {
    const [a, b, c] = [1, 2, 3].map((seed) =>
      Float64Array.from({ length }, (_, i) => Math.sin(seed * i + seed))
    ) as [Float64Array, Float64Array, Float64Array];
    const expected = a.slice();
    addScaled(expected, b, 0.3);
    const product = addScaledThenDot(a, b, 0.3, c);
    assert.deepEqual(a, expected);
    assert.equal(product, dot(c, a));
    assertClose([product], [c.reduce((sum, value, i) => sum + value * a[i]!, 0)], 1e-12);
  }
});

Deno.test("maxAbs() is the largest size, and not a number where one value is none", () => {
  assert.equal(maxAbs(new Float64Array([1, -3, 2])), 3);
  assert.equal(maxAbs(new Float64Array()), 0);
  assert.ok(Number.isNaN(maxAbs(new Float64Array([1, NaN, 5]))));
});
