import { assert } from "#test";
import { assertGradient, inner } from "./_gradient_test_helper.ts";
import { linear, linearBackwardInput, linearBackwardWeight } from "./linear.ts";
import { TestRandom } from "./random.ts";

Deno.test("linear() adds bias and residual to x · wᵀ", () => {
  const y = linear(Float64Array.of(1, 2), Float64Array.of(3, 4, 5, 6), 1, {
    bias: Float64Array.of(10, 20),
    residual: Float64Array.of(100, 200),
  });
  assert.deepEqual([...y], [1 * 3 + 2 * 4 + 110, 1 * 5 + 2 * 6 + 220]);
});

Deno.test("linearBackwardInput() and linearBackwardWeight() are the gradients of linear()", () => {
  const random = new TestRandom(1), n = 5;
  const x = random.normals(n * 4),
    w = random.normals(3 * 4),
    bias = random.normals(3),
    dy = random.normals(n * 3);
  const { dw, dBias } = linearBackwardWeight(dy, x, n);
  assertGradient(
    (x, w, bias) => inner(dy, linear(x, w, n, { bias })),
    [x, w, bias],
    [linearBackwardInput(dy, w, n), dw, dBias],
  );
});
