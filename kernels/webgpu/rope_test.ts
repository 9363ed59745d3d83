import { assert, assertSameBits } from "#test";
import { assertRows, forwardTolerance } from "../conformance/harness.ts";
import { TestRandom } from "../reference/random.ts";
import { rope } from "../reference/rope.ts";
import { limitsTest } from "./_limits_test_helper.ts";

const frequencies = (headDim: number) =>
  Float64Array.from({ length: headDim / 2 }, (_, i) => 10000 ** (-2 * i / headDim));

for (const [n, heads, headDim] of [[66_000, 1, 2], [50, 3, 64], [50, 2, 6]] as const) {
  limitsTest(
    `rope() rotates the same bits in pieces, ${n} rows of ${heads} heads of ${headDim}`,
    { maxBinding: 20_000, maxGroups: 12 },
    async ({ small, large }) => {
      const random = new TestRandom(headDim), width = heads * headDim, x = random.normals(n * width);
      const positions = random.integers(n, 60);
      const [split, whole] = await Promise.all([small, large].map(async (bench) => {
        const y = bench.out(n, width), table = bench.device.ropeTable(frequencies(headDim), 60);
        bench.device.rope(bench.put(x, n, width), positions, table, heads, y, true);
        return (await bench.read(y))[0]!;
      }));
      assertSameBits(split!, whole!);
      assertRows(whole!, rope(x, positions, frequencies(headDim), heads, true), width, forwardTolerance, "y");
    },
  );
}

limitsTest("rope() gives the same bits where a view starts amid a vector", {}, async ({ large }) => {
  const { device } = large,
    values = new TestRandom(2).normals(128),
    table = device.ropeTable(frequencies(64), 9);
  const shifted = large.put(Float64Array.of(0, ...values), 129), positions = Int32Array.of(8);
  const [a, b] = [large.out(1, 128), large.out(1, 128)];
  device.rope(large.put(values, 1, 128), positions, table, 2, a);
  device.rope(device.reshape(device.rows(shifted, 1, 129), [1, 128]), positions, table, 2, b);
  const [expected, actual] = await large.read(a, b);
  assertSameBits(actual!, expected!);
});

limitsTest("ropeTable() gives the same memory when asked again", {}, ({ large: { device } }) => {
  const table = device.ropeTable(frequencies(64), 100);
  assert.equal(device.ropeTable(frequencies(64), 100), table);
  assert.notEqual(device.ropeTable(frequencies(64), 101), table);
  assert.notEqual(device.ropeTable(frequencies(64).map((f) => f / 2), 100), table);
  return Promise.resolve();
});
