import { assert } from "#test";
import { assertGradient, inner } from "./_gradient_test_helper.ts";
import { meanPool, meanPoolBackward } from "./pool.ts";
import { TestRandom } from "./random.ts";

Deno.test("meanPool() takes the mean over all ranges of an output together", () => {
  const pooled = meanPool(Float64Array.of(1, 2, 3, 10), [[{ start: 0, end: 1 }, { start: 2, end: 4 }]], 1);
  assert.equal(pooled[0], (1 + 3 + 10) / 3);
});

Deno.test("meanPoolBackward() is the gradient of meanPool() with rows shared by several outputs", () => {
  const random = new TestRandom(1), n = 7, dim = 3;
  const ranges = [[{ start: 0, end: 3 }], [{ start: 0, end: 2 }, { start: 4, end: 7 }], [{
    start: 2,
    end: 5,
  }]];
  const x = random.normals(n * dim), dy = random.normals(ranges.length * dim);
  assertGradient((x) => inner(dy, meanPool(x, ranges, dim)), [x], [meanPoolBackward(dy, ranges, dim, n)]);
});
