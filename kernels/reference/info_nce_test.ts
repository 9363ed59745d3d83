import { assert, assertClose } from "#test";
import { assertGradient } from "./_gradient_test_helper.ts";
import { infoNce, infoNceBackward } from "./info_nce.ts";
import { TestRandom } from "./random.ts";

const n = 4, m = 7, dim = 5;
const random = new TestRandom(1);
const q = random.normals(n * dim), c = random.normals(m * dim);
/** Row 0 leaves candidate 2 out, row 3 candidates 0 and 6. */
const excluded = new Uint8Array(n * m);
for (const [i, j] of [[0, 2], [3, 0], [3, 6]] as const) excluded[i * m + j] = 1;

Deno.test("infoNce() is log m when all candidates are alike", () => {
  assertClose([infoNce(new Float64Array(n * dim), c, n, m, { temperature: 0.05 })], [Math.log(m)], 1e-14);
});

Deno.test("infoNce() does not depend on an excluded candidate", () => {
  const other = c.slice();
  other.fill(3, 6 * dim);
  const all = new Uint8Array(n * m);
  for (let i = 0; i < n; i++) all[i * m + 6] = 1;
  const spec = { temperature: 0.5, excluded: all };
  assert.equal(infoNce(q, c, n, m, spec), infoNce(q, other, n, m, spec));
});

Deno.test("infoNceBackward() is the gradient of infoNce(), with mined negatives and excluded candidates", () => {
  for (const spec of [{ temperature: 0.5 }, { temperature: 0.5, excluded }]) {
    const { dq, dc } = infoNceBackward(q, c, n, m, spec);
    assertGradient((q, c) => infoNce(q, c, n, m, spec), [q, c], [dq, dc]);
  }
});
