import { assert } from "#test";
import { gradientError } from "./finite_difference.ts";
import { TestRandom } from "./random.ts";

const x = new TestRandom(3).normals(20), y = new TestRandom(4).normals(20);
/** Σ x³·sin(y) */
const f = (a: Float64Array, b: Float64Array) =>
  a.reduce((sum, value, i) => sum + value ** 3 * Math.sin(b[i]!), 0);
const dx = x.map((value, i) => 3 * value ** 2 * Math.sin(y[i]!));
const dy = x.map((value, i) => value ** 3 * Math.cos(y[i]!));

Deno.test("gradientError() is tiny when the gradient is right", () => {
  assert.ok(gradientError(f, [x, y], [dx, dy]).relative < 1e-9);
});

Deno.test("gradientError() sees a single wrong entry", () => {
  const wrong = dx.slice();
  wrong[7]! += 0.01;
  assert.ok(gradientError(f, [x, y], [wrong, dy]).relative > 1e-4);
});

Deno.test("gradientError() sees a wrong factor in one of the inputs", () => {
  const error = gradientError(f, [x, y], [dx, dy.map((value) => value * 1.001)]);
  assert.ok(error.relative > 5e-4);
});

Deno.test("gradientError() reports NaN and not a later good probe", () => {
  const wrong = dx.slice();
  wrong[7] = NaN;
  assert.ok(Number.isNaN(gradientError(f, [x, y], [wrong, dy]).relative));
});

Deno.test("gradientError() measures on an absolute scale when the gradient is zero", () => {
  const error = gradientError(() => 5, [x], [x.map(() => 0)]);
  assert.equal(error.relative, 0);
});
