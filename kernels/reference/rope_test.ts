import { assert, assertClose } from "#test";
import { assertGradient, inner } from "./_gradient_test_helper.ts";
import { TestRandom } from "./random.ts";
import { rope } from "./rope.ts";

const frequencies = Float64Array.of(1, 0.1, 0.01);
const positions = Int32Array.of(0, 3, 17, 400);
const heads = 2, x = new TestRandom(1).normals(positions.length * heads * 6);

Deno.test("rope() leaves position 0 as it is and rotates the rest", () => {
  const y = rope(x, positions, frequencies, heads);
  assert.deepEqual(y.slice(0, 12), x.slice(0, 12));
  assert.notDeepEqual(y.slice(12, 24), x.slice(12, 24));
});

Deno.test("rope() pairs i with i + headDim/2", () => {
  const y = rope(Float64Array.of(1, 0, 0, 0), Int32Array.of(1), Float64Array.of(Math.PI / 2, 0), 1);
  assertClose(y, [0, 0, 1, 0], 1e-15);
});

Deno.test("rope() makes the product of two rows depend on the distance of their positions only", () => {
  const a = x.slice(0, 12), b = x.slice(12, 24);
  const product = (p: number, q: number) =>
    inner(rope(a, Int32Array.of(p), frequencies, heads), rope(b, Int32Array.of(q), frequencies, heads));
  assertClose([product(5, 9)], [product(105, 109)], 1e-12);
});

Deno.test("rope() with inverse rotates back", () => {
  assertClose(rope(rope(x, positions, frequencies, heads), positions, frequencies, heads, true), x, 1e-12);
});

Deno.test("rope() with inverse is the gradient of rope()", () => {
  const dy = new TestRandom(2).normals(x.length);
  assertGradient((x) => inner(dy, rope(x, positions, frequencies, heads)), [x], [
    rope(dy, positions, frequencies, heads, true),
  ]);
});
