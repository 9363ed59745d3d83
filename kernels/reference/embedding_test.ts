import { assert } from "#test";
import { assertGradient, inner } from "./_gradient_test_helper.ts";
import { gatherRows, scatterAddRows } from "./embedding.ts";
import { TestRandom } from "./random.ts";

Deno.test("gatherRows() repeats a row that is named twice", () => {
  assert.deepEqual([...gatherRows(Float64Array.of(1, 2, 3, 4), Int32Array.of(1, 0, 1), 2)], [
    3,
    4,
    1,
    2,
    3,
    4,
  ]);
});

Deno.test("scatterAddRows() is the gradient of gatherRows() with repeated rows", () => {
  const random = new TestRandom(1), index = Int32Array.of(2, 0, 2, 3, 2);
  const x = random.normals(5 * 3), dy = random.normals(index.length * 3);
  assertGradient((x) => inner(dy, gatherRows(x, index, 3)), [x], [scatterAddRows(dy, index, 5)]);
});
