import { assert, assertClose, assertSameBits } from "#test";
import { globalNorm } from "../reference/adamw.ts";
import { TestRandom } from "../reference/random.ts";
import { limitsTest } from "./_limits_test_helper.ts";

limitsTest(
  "globalNorm() is exact to float64 over many tensors, blocks and pieces",
  { maxBinding: 40_000, maxGroups: 3 },
  async (benches) => {
    const random = new TestRandom(1);
    const gradients = [1, 3, 40_001, 16_384, 70_000, 4].map((size, i) => random.normals(size, 10 ** (i - 3)));
    for (const bench of [benches.small, benches.large]) {
      const norm = await bench.device.globalNorm(gradients.map((g) => bench.put(g, g.length)));
      assertClose([norm / globalNorm(gradients)], [1], 1e-13, "norm");
    }
  },
);

for (const scale of [1e30, 1e-30]) {
  limitsTest(
    `globalNorm() stands gradients of order ${scale}, whose squares are no f32`,
    {},
    async ({ large }) => {
      const gradient = new TestRandom(2).normals(5000).map((value) => Math.fround(value * scale));
      const norm = await large.device.globalNorm([large.put(gradient, 5000)]);
      assertClose([norm / globalNorm([gradient])], [1], 1e-13, "norm");
    },
  );
}

limitsTest(
  "globalNorm() tells of a gradient that is not a number, or infinite",
  {},
  async ({ large }) => {
    for (const [value, expected] of [[NaN, NaN], [-Infinity, Infinity]] as const) {
      const gradient = new Float64Array(20_000);
      gradient[17_001] = value;
      const tensors = [large.put(new Float64Array(3), 3), large.put(gradient, 20_000)];
      assert.equal(await large.device.globalNorm(tensors), expected);
    }
  },
);

limitsTest("globalNorm() of nothing, and of zeros, is 0", {}, async ({ large }) => {
  assert.equal(await large.device.globalNorm([]), 0);
  assert.equal(await large.device.globalNorm([large.put(new Float64Array(9), 3, 3)]), 0);
});

limitsTest(
  "adamW() gives the same bits in pieces and where a view starts amid a vector",
  { maxBinding: 20_000, maxGroups: 3 },
  async (benches) => {
    const size = 30_000,
      random = new TestRandom(3),
      values = [1, 1e-3, 0.1].map((s) => random.normals(size, s));
    const second = random.normals(size).map(Math.abs),
      spec = {
        learningRate: 0.01,
        beta1: 0.9,
        beta2: 0.99,
        eps: 1e-8,
        weightDecay: 0.1,
        step: 3,
        gradientScale: 0.5,
      };
    const results: Float32Array[][] = [];
    for (const [bench, shift] of [[benches.large, 0], [benches.large, 1], [benches.small, 0]] as const) {
      const [p, g, m, v] = [...values, second].map((data) => {
        const all = bench.put(Float64Array.of(...new Array(shift).fill(9), ...data), size + shift);
        return bench.device.rows(all, shift, size + shift);
      });
      bench.device.adamW(p!, g!, m!, v!, spec);
      results.push(await bench.read(p!, m!, v!));
    }
    for (const result of results.slice(1)) {
      result.forEach((values, i) => assertSameBits(values, results[0]![i]!, `output ${i}`));
    }
  },
);
