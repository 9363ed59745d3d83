import { assert, assertClose } from "#test";
import { assertGradient, inner } from "./_gradient_test_helper.ts";
import { l2Normalize, l2NormalizeBackward, rmsNorm, rmsNormBackward } from "./norm.ts";
import { TestRandom } from "./random.ts";

Deno.test("rmsNorm() gives rows of mean square 1 when w is 1 and eps is 0", () => {
  const y = rmsNorm(new TestRandom(1).normals(3 * 8, 5), new Float64Array(8).fill(1), 0);
  for (let row = 0; row < 3; row++) {
    assertClose([inner(y.subarray(row * 8, row * 8 + 8), y.subarray(row * 8, row * 8 + 8)) / 8], [1], 1e-14);
  }
});

Deno.test("rmsNormBackward() is the gradient of rmsNorm()", () => {
  const random = new TestRandom(2);
  const x = random.normals(4 * 6), w = random.normals(6), dy = random.normals(4 * 6);
  // A large eps, so that a gradient that forgets it fails.
  const { dx, dw } = rmsNormBackward(dy, x, w, 0.3);
  assertGradient((x, w) => inner(dy, rmsNorm(x, w, 0.3)), [x, w], [dx, dw]);
});

Deno.test("l2Normalize() keeps a zero row at zero", () => {
  assert.deepEqual([...l2Normalize(Float64Array.of(0, 0, 3, 4), 2)], [0, 0, 0.6, 0.8]);
});

Deno.test("l2NormalizeBackward() is the gradient of l2Normalize()", () => {
  const random = new TestRandom(3);
  const x = random.normals(4 * 6), dy = random.normals(4 * 6);
  assertGradient((x) => inner(dy, l2Normalize(x, 6)), [x], [l2NormalizeBackward(dy, x, 6)]);
});
