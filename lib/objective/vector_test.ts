import fc from "fast-check";
import { NumericError, UsageError } from "#errors";
import { assert, assertClose, assertRelative } from "#test";
import golden from "../../fixtures/golden/objective/info_nce.json" with { type: "json" };
import { cosine, l2Normalize, l2NormalizeBackward, norm } from "./vector.ts";

const vectors = (dim: number) =>
  fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: dim, maxLength: dim })
    .filter((v) => Math.hypot(...v) > 0.1);

Deno.test("cosine() is 0.6 between (1, 0) and (3, 4)", () => {
  assertClose([cosine([1, 0], [3, 4])], [0.6], 1e-15);
});

Deno.test("cosine() does not depend on lengths or order", () => {
  fc.assert(
    fc.property(vectors(4), vectors(4), fc.double({ min: 0.1, max: 9, noNaN: true }), (a, b, factor) => {
      assertClose([cosine(b, a.map((x) => x * factor))], [cosine(a, b)], 1e-12);
    }),
  );
});

Deno.test("l2Normalize() gives every row norm 1 and keeps its direction", () => {
  const y = l2Normalize(Float32Array.of(3, 4, 0, -2), 2);
  assertClose(y, [0.6, 0.8, 0, -1], 1e-7);
});

Deno.test("norm() refuses a vector without a direction", () => {
  assert.throws(() => norm([0, 0]), NumericError);
  assert.throws(() => norm([1e-13, 0]), NumericError);
  assert.throws(() => norm([NaN, 1]), NumericError);
  assert.throws(() => norm([Infinity, 1]), NumericError);
  assert.throws(() => cosine([1, 0], [0, 0]), NumericError);
  assert.throws(() => l2Normalize(new Float32Array(4), 2), NumericError);
});

Deno.test("cosine() and l2Normalize() refuse shapes that do not fit", () => {
  assert.throws(() => cosine([1, 0], [1, 0, 0]), UsageError);
  assert.throws(() => l2Normalize(Float32Array.of(1, 2, 3), 2), UsageError);
  assert.throws(() => l2NormalizeBackward([1, 2], [1]), UsageError);
});

Deno.test("l2NormalizeBackward() agrees with PyTorch", () => {
  for (const { dim, raw, unitGradients, rawGradients } of golden.cases) {
    for (const i of [0, 1, 2]) {
      if (raw[i]!.length === 0) continue;
      assertRelative(l2NormalizeBackward(raw[i]!, unitGradients[i]!, dim), rawGradients[i]!, 1e-12);
    }
  }
});

Deno.test("l2NormalizeBackward() agrees with finite differences", () => {
  fc.assert(fc.property(vectors(5), vectors(5), (x, dy) => {
    const loss = (v: number[]) => v.reduce((sum, value, i) => sum + value / Math.hypot(...v) * dy[i]!, 0);
    const numeric = x.map((_, i) => {
      const at = (h: number) => loss(x.map((value, j) => j === i ? value + h : value));
      return (at(1e-6) - at(-1e-6)) / 2e-6;
    });
    assertClose(l2NormalizeBackward(x, dy), numeric, 1e-6);
  }));
});
