import { assert, assertClose, assertSameBits } from "#test";
import type { Workbench } from "../conformance/workbench.ts";
import type { AttentionShape, KvCache } from "../attention_types.ts";
import type { Tensor } from "../tensor_types.ts";
import { TestRandom } from "../reference/random.ts";
import { limitsTest } from "./_limits_test_helper.ts";

/** Sequences one after the other: their rows, and what attention gives for the last row of each. */
function sequences(bench: Workbench, lengths: readonly number[], shape: AttentionShape) {
  const { device } = bench, random = new TestRandom(1), n = lengths.reduce((a, b) => a + b, 0);
  const [width, kvWidth] = [shape.heads * shape.headDim, shape.kvHeads * shape.headDim];
  const segments = lengths.map((length, i) => ({
    start: lengths.slice(0, i).reduce((a, b) => a + b, 0),
    length,
    parent: -1,
  }));
  const put = (columns: number) => bench.put(random.normals(n * columns), n, columns);
  const q = put(width), k = put(kvWidth), v = put(kvWidth), y = bench.out(n, width);
  device.attention(q, k, v, segments, shape, y, bench.out(shape.heads, n));
  const last = bench.putIds(Int32Array.from(segments, ({ start, length }) => start + length - 1));
  const pick = (x: Tensor) => {
    const rows = bench.out(lengths.length, width);
    device.gatherRows(x, last, rows);
    return rows;
  };
  return { k, v, starts: segments.map(({ start }) => start), queries: pick(q), expected: pick(y), width };
}

/** Writes the sequences, slot by slot, so that the cache grows in between. */
function fill(
  { device }: Workbench,
  cache: KvCache,
  { k, v, starts }: { k: Tensor; v: Tensor; starts: number[] },
  lengths: readonly number[],
): void {
  for (const part of [0, 1]) {
    const rows = lengths.map((length, slot) => {
      const position = part === 0 ? 0 : length >> 1, end = part === 0 ? length >> 1 : length;
      return { row: starts[slot]! + position, count: end - position, slot, position };
    });
    device.cacheWrite(cache, 0, k, v, rows);
  }
}

const long = [1, 31, 32, 33, 128, 129, 257, 1000];
const shapes = [
  { heads: 4, kvHeads: 2, headDim: 33 },
  { heads: 12, kvHeads: 1, headDim: 6 },
  { heads: 9, kvHeads: 1, headDim: 20 },
  { heads: 2, kvHeads: 2, headDim: 160 },
  { heads: 9, kvHeads: 3, headDim: 64 },
];

for (const shape of shapes) {
  limitsTest(
    `attentionDecode() has the bits of attention() up to 1,000 tokens, ${shape.heads}/${shape.kvHeads} heads of ${shape.headDim}`,
    {},
    async ({ large }) => {
      const made = sequences(large, long, shape), cache = large.cache(1, long.length, 16, shape);
      fill(large, cache, made, long);
      const y = large.out(long.length, made.width);
      large.device.attentionDecode(made.queries, cache, 0, Int32Array.from(long), shape, y);
      const [actual, expected] = await large.read(y, made.expected);
      assertSameBits(actual!, expected!);
    },
  );
}

limitsTest(
  "attentionDecode() has the bits of attention() when a kernel sees two slots, or some rows, at once",
  { maxBinding: 49_500, maxGroups: 12 },
  async ({ small, large }) => {
    const shape = { heads: 6, kvHeads: 2, headDim: 32 }, lengths = [70, 3, 96, 33, 50];
    const made = sequences(large, lengths, shape),
      [k, v, q, expected] = await large.read(
        made.k,
        made.v,
        made.queries,
        made.expected,
      );
    const rows = k!.length / 64, cache = small.cache(1, lengths.length, 4, shape);
    fill(
      small,
      cache,
      { k: small.put(k!, rows, 64), v: small.put(v!, rows, 64), starts: made.starts },
      lengths,
    );
    assert.equal(cache.capacity, 96);
    const y = small.out(5, made.width);
    small.device.attentionDecode(small.put(q!, 5, made.width), cache, 0, Int32Array.from(lengths), shape, y);
    const [actual] = await small.read(y);
    assertSameBits(actual!, expected!);
  },
);

limitsTest(
  "cacheCopy() copies the first tokens of a slot in all layers, and leaves the others",
  {},
  async ({ large }) => {
    const { device } = large,
      shape = { heads: 2, kvHeads: 2, headDim: 4 },
      cache = large.cache(2, 3, 8, shape);
    const rows = Float64Array.from({ length: 24 * 8 }, (_, i) => i), k = large.put(rows, 24, 8);
    const zeros = large.put(new Float64Array(24 * 8), 24, 8);
    const whole = [0, 1, 2].map((slot) => ({ row: 8 * slot, count: 8, slot, position: 0 }));
    for (const layer of [0, 1]) device.cacheWrite(cache, layer, zeros, k, whole);
    device.cacheCopy(cache, 2, 0, 5);
    device.cacheCopy(cache, 1, 1, 8);
    for (const layer of [0, 1]) {
      for (const [length, expected] of [[1, 16], [5, 18], [6, (5 * 18 + 5) / 6]] as const) {
        const y = large.out(1, 8);
        device.attentionDecode(
          large.put(new Float64Array(8), 1, 8),
          cache,
          layer,
          Int32Array.of(length),
          shape,
          y,
        );
        // Equal scores: the mean of the values. A token's first value is 8 times its row.
        const [read] = await large.read(y);
        assert.ok(
          Math.abs(read![0]! / 8 - expected) < 1e-4,
          `layer ${layer}: ${read![0]! / 8}, not ${expected}`,
        );
      }
    }
  },
);

limitsTest("attentionDecode() gives 0 for a slot without tokens", {}, async ({ large }) => {
  const shape = { heads: 2, kvHeads: 1, headDim: 8 }, cache = large.cache(1, 2, 4, shape);
  const y = large.out(2, 16), ones = large.put(new Float64Array(16).fill(1), 2, 8);
  large.device.cacheWrite(cache, 0, ones, ones, [{ row: 0, count: 2, slot: 1, position: 0 }]);
  large.device.attentionDecode(
    large.put(new Float64Array(32).fill(1), 2, 16),
    cache,
    0,
    Int32Array.of(0, 2),
    shape,
    y,
  );
  const [read] = await large.read(y);
  assertSameBits(read!, Float32Array.from({ length: 32 }, (_, i) => i < 16 ? 0 : 1));
});

limitsTest("attentionDecode() does not see what lies past a slot's tokens", {}, async ({ large }) => {
  const shape = { heads: 1, kvHeads: 1, headDim: 4 }, cache = large.cache(1, 1, 8, shape), { device } = large;
  const rows = Float64Array.from({ length: 20 }, (_, i) => i < 12 ? i % 4 : NaN), k = large.put(rows, 5, 4);
  device.cacheWrite(cache, 0, k, k, [{ row: 0, count: 5, slot: 0, position: 0 }]);
  const y = large.out(1, 4);
  device.attentionDecode(large.put(Float64Array.of(1, 2, 3, 4), 1, 4), cache, 0, Int32Array.of(3), shape, y);
  // Three equal tokens.
  assertClose((await large.read(y))[0]!, [0, 1, 2, 3], 1e-6);
});
