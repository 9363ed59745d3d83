import { assert } from "#test";
import { assertGradient, inner } from "./_gradient_test_helper.ts";
import { TestRandom } from "./random.ts";
import { swiglu, swigluBackward } from "./swiglu.ts";

Deno.test("swiglu() is 0 at gate 0 and close to gate · up for large gates", () => {
  const y = swiglu(Float64Array.of(0, 50, -800), Float64Array.of(7, 2, 3));
  assert.deepEqual([y[0], y[1], Math.abs(y[2]!)], [0, 100, 0]);
});

Deno.test("swigluBackward() is the gradient of swiglu()", () => {
  const random = new TestRandom(1);
  const gate = random.normals(30, 2), up = random.normals(30), dy = random.normals(30);
  const { dGate, dUp } = swigluBackward(dy, gate, up);
  assertGradient((gate, up) => inner(dy, swiglu(gate, up)), [gate, up], [dGate, dUp]);
});
