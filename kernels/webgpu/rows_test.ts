import { assert, assertSameBits } from "#test";
import { assertRows, backwardTolerance } from "../conformance/harness.ts";
import type { Workbench } from "../conformance/workbench.ts";
import { gatherRows, scatterAddRows } from "../reference/embedding.ts";
import { TestRandom } from "../reference/random.ts";
import { limitsTest } from "./_limits_test_helper.ts";
import type { GpuTensor } from "./tensor.ts";

const run = (benches: Workbench[], op: (bench: Workbench) => Promise<Float32Array>) =>
  Promise.all(benches.map(op));

for (const [n, vocab, dim] of [[300, 900, 5], [300, 900, 8], [66_000, 20, 1], [7, 12, 1001]] as const) {
  limitsTest(
    `embedding() copies rows of a table in pieces, ${n} of ${vocab} rows of ${dim}`,
    { maxBinding: 6000, maxGroups: 12 },
    async ({ small }) => {
      const random = new TestRandom(dim),
        w = random.weights("bf16", vocab * dim),
        v = random.weights("f16", vocab * dim),
        index = random.integers(n, vocab);
      const ids = small.putIds(index),
        y = small.out(n, dim),
        bf16 = small.out(n, dim),
        f16 = small.out(n, dim);
      // As if they came from the sampler: the host knows nothing of them.
      (ids as GpuTensor).note();
      small.device.embedding(ids, small.put(w, vocab, dim), y);
      small.device.embedding(ids, small.putWeights("bf16", w, vocab, dim), bf16);
      small.device.embedding(ids, small.putWeights("f16", v, vocab, dim), f16);
      const expected = Float32Array.from(gatherRows(w, index, dim));
      for (const read of await small.read(y, bf16)) assertSameBits(read, expected);
      assertSameBits((await small.read(f16))[0]!, Float32Array.from(gatherRows(v, index, dim)));
    },
  );
}

limitsTest("gatherRows() moves bits that are no normal numbers", {}, async ({ large }) => {
  const bits = Uint32Array.of(0x7fc12345, 0xff812345, 1, 0x80000001, 0x80000000, 0x7f800000, 0x007fffff, 7);
  const x = large.put(new Float32Array(bits.buffer), 2, 4), y = large.out(2, 4);
  large.device.gatherRows(x, large.putIds(Int32Array.of(0, 1)), y);
  assertSameBits((await large.read(y))[0]!, bits);
});

limitsTest("scatterAddRows() throws when the index was made on the GPU", {}, ({ large }) => {
  const ids = large.putIds(Int32Array.of(0)), x = large.out(1, 4), y = large.out(3, 4);
  (ids as GpuTensor).note();
  assert.throws(() => large.device.scatterAddRows(x, ids, y), /made on the GPU/);
  return Promise.resolve();
});

for (const [n, rows, dim] of [[400, 300, 5], [400, 300, 8], [1400, 3, 4], [9, 8, 1001]] as const) {
  limitsTest(
    `scatterAddRows() adds in the same order in pieces, ${n} to ${rows} rows of ${dim}`,
    { maxBinding: 6000, maxGroups: 12 },
    async ({ small, large }) => {
      const random = new TestRandom(dim), x = random.normals(n * dim), before = random.normals(rows * dim);
      const index = random.integers(n, rows);
      const [split, whole] = await run([small, large], async (bench) => {
        const y = bench.put(before, rows, dim);
        bench.device.scatterAddRows(bench.put(x, n, dim), bench.putIds(index), y);
        return (await bench.read(y))[0]!;
      });
      assertSameBits(split!, whole!);
      const expected = scatterAddRows(x, index, rows).map((value, i) => value + before[i]!);
      assertRows(whole!, expected, dim, backwardTolerance, "y");
    },
  );
}

limitsTest(
  "meanPool() has the bits of sums added in order and divided on the host",
  { maxBinding: 9000, maxGroups: 12 },
  async ({ small, large }) => {
    const dim = 12, n = 1200, x = Float32Array.from(new TestRandom(3).normals(n * dim));
    const ranges = [3, 7, 10, 49, 641, 1021, 1200].map((count) => [{ start: 0, end: count }]);
    const expected = new Float32Array(ranges.length * dim);
    ranges.forEach(([range], s) => {
      const sum = expected.subarray(s * dim, (s + 1) * dim), count = range!.end;
      for (let row = 0; row < count; row++) for (let d = 0; d < dim; d++) sum[d]! += x[row * dim + d]!;
      for (let d = 0; d < dim; d++) sum[d]! /= count;
    });
    for (const bench of [small, large]) {
      const pooled = bench.out(ranges.length, dim);
      // The lists of all ranges together would not fit into one binding of the small device.
      ranges.forEach((list, s) =>
        bench.device.meanPool(bench.put(x, n, dim), [list], bench.device.rows(pooled, s, s + 1))
      );
      assertSameBits((await bench.read(pooled))[0]!, expected);
    }
  },
);
