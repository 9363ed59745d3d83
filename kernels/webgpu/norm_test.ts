import { assertSameBits } from "#test";
import { assertRows, backwardTolerance, forwardTolerance } from "../conformance/harness.ts";
import type { Workbench } from "../conformance/workbench.ts";
import { l2Normalize, l2NormalizeBackward, rmsNorm, rmsNormBackward } from "../reference/norm.ts";
import { TestRandom } from "../reference/random.ts";
import { limitsTest } from "./_limits_test_helper.ts";

const eps = 0.1;

/** y and dx of the norms are rows of their own; dw is a sum over all rows. */
async function run(bench: Workbench, n: number, dim: number, [x, w, dy]: Float64Array[]) {
  const { device } = bench, input = bench.put(x!, n, dim), slope = bench.put(dy!, n, dim);
  const weight = bench.put(w!, dim), dw = bench.put(new Float64Array(dim), dim);
  const [y, dx, unit, dUnit] = Array.from({ length: 4 }, () => bench.out(n, dim));
  device.rmsNorm(input, weight, eps, y!);
  device.rmsNormBackward(slope, input, weight, eps, dx!, dw);
  device.l2Normalize(input, unit!);
  device.l2NormalizeBackward(slope, input, dUnit!);
  return await bench.read(y!, dx!, unit!, dUnit!, dw);
}

for (const [n, dim] of [[70_000, 1], [66_000, 3], [40, 577], [9, 4096]] as const) {
  limitsTest(
    `rmsNorm(), l2Normalize() and gradients give the same rows in pieces, ${n} rows of ${dim}`,
    { maxBinding: 40_000, maxGroups: 150 },
    async ({ small, large }) => {
      const random = new TestRandom(dim), x = random.normals(n * dim), dy = random.normals(n * dim);
      const w = random.normals(dim), inputs = [x, w, dy];
      const split = await run(small, n, dim, inputs), whole = await run(large, n, dim, inputs);
      for (const i of [0, 1, 2, 3]) assertSameBits(split[i]!, whole[i]!, `output ${i}`);
      const gradient = rmsNormBackward(dy, x, w, eps);
      assertRows(whole[0]!, rmsNorm(x, w, eps), dim, forwardTolerance, "y");
      assertRows(whole[1]!, gradient.dx, dim, backwardTolerance, "dx");
      assertRows(whole[2]!, l2Normalize(x, dim), dim, forwardTolerance, "unit");
      // A number divided by its magnitude has the gradient 0: nothing to measure a relative error on.
      if (dim > 1) assertRows(whole[3]!, l2NormalizeBackward(dy, x, dim), dim, backwardTolerance, "dUnit");
      for (const dw of [split[4]!, whole[4]!]) assertRows(dw, gradient.dw, dim, backwardTolerance, "dw");
    },
  );
}

limitsTest("rmsNorm() gives the same bits where a view starts amid a vector", {}, async ({ large }) => {
  const random = new TestRandom(5), n = 3, dim = 576, values = random.normals(n * dim), { device } = large;
  const w = large.put(random.normals(dim), dim),
    shifted = large.put(Float64Array.of(0, ...values), n * dim + 1);
  const view = device.reshape(device.rows(shifted, 1, n * dim + 1), [n, dim]);
  const [a, b] = [large.out(n, dim), large.out(n, dim)];
  device.rmsNorm(large.put(values, n, dim), w, eps, a);
  device.rmsNorm(view, w, eps, b);
  const [expected, actual] = await large.read(a, b);
  assertSameBits(actual!, expected!);
});

limitsTest(
  "l2NormalizeBackward() divides by the shortest length where a row is shorter",
  {},
  async ({ large }) => {
    const dim = 5,
      x = new Float64Array(dim).fill(1e-15).map(Math.fround),
      dy = new TestRandom(1).normals(dim);
    const dx = large.out(1, dim);
    large.device.l2NormalizeBackward(large.put(dy, 1, dim), large.put(x, 1, dim), dx);
    assertRows((await large.read(dx))[0]!, l2NormalizeBackward(dy, x, dim), dim, backwardTolerance, "dx");
  },
);
