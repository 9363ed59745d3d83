import { assert, assertSameBits } from "#test";
import { TestRandom } from "../reference/random.ts";
import { findAdapter, openAdapter } from "./adapter.ts";
import { limitsTest } from "./_limits_test_helper.ts";
import { createWebGpuDevice } from "./mod.ts";

const shape = { heads: 2, kvHeads: 1, headDim: 4 };

/** Rows of four numbers, each unlike all others. */
const rowsOf = (count: number, first: number) =>
  Float64Array.from({ length: 4 * count }, (_, i) => first + i);

limitsTest(
  "cacheWrite() and attentionDecode() follow lists that change, come back, and outgrow their memory",
  // Of a cache of 32 tokens, a binding holds six slots.
  { maxBinding: 256 + 6 * 32 * 16 },
  async (benches) => {
    const results = [];
    for (const bench of [benches.small, benches.large]) {
      const { device } = bench, slots = 20, cache = device.kvCache(2, slots, 32, shape);
      const k = bench.put(rowsOf(slots, 1), slots, 4), v = bench.put(rowsOf(slots, 500), slots, 4);
      const q = bench.put(Float64Array.from({ length: 8 * slots }, (_, i) => (i % 7) / 50), slots, 8);
      const all = Array.from({ length: slots }, (_, i) => ({ row: i, count: 1, slot: i, position: 0 }));
      const turned = all.map((one) => ({ ...one, row: slots - 1 - one.row }));
      const later = all.map((one) => ({ ...one, position: 1 }));
      const y = bench.out(slots, 8), read = [];
      for (
        const [rows, length] of [[all, 1], [turned, 1], [all, 1], [later, 2], [all.slice(3, 9), 1]] as const
      ) {
        for (const layer of [0, 1]) {
          device.cacheWrite(cache, layer, k, v, rows);
          device.attentionDecode(q, cache, layer, new Int32Array(slots).fill(length), shape, y);
          read.push(...(await bench.read(y))[0]!);
        }
      }
      // More pieces than the lists had room for, and a longer cache.
      const many = Array.from(
        { length: 1000 },
        (_, i) => ({ row: i % slots, count: 1, slot: i % slots, position: i % 50 }),
      );
      for (const layer of [0, 1]) device.cacheWrite(cache, layer, k, v, many);
      device.attentionDecode(q, cache, 1, new Int32Array(slots).fill(1), shape, y);
      read.push(...(await bench.read(y))[0]!);
      results.push(Float32Array.from(read));
      device.cacheFree(cache);
    }
    const [small, large] = results;
    assertSameBits(small!, large!, "slots in several bindings, and in one");
    // One token: the result is its value, in both layers.
    const first = Float32Array.from(rowsOf(20, 500)),
      heads = (slot: number) => [...first.slice(4 * slot, 4 * slot + 4)];
    const expected = (slotOf: (slot: number) => number) =>
      Float32Array.from({ length: 20 }, (_, slot) => slot).reduce<number[]>(
        (list, slot) => [...list, ...heads(slotOf(slot)), ...heads(slotOf(slot))],
        [],
      );
    assert.deepEqual([...large!.slice(0, 160)], expected((slot) => slot));
    assert.deepEqual([...large!.slice(320, 480)], expected((slot) => 19 - slot));
    assert.deepEqual([...large!.slice(800, 960)], expected((slot) => slot));
  },
);

limitsTest(
  "cacheCopy() copies in the order of its calls, whichever can be made together, within a binding and across",
  { maxBinding: 256 + 6 * 32 * 16 },
  async (benches) => {
    const random = new TestRandom(7), slots = 20, tokens = 3;
    const copies = Array.from({ length: 200 }, () => {
      const [from, to] = random.integers(2, slots);
      return { from: from!, to: to!, count: 1 + random.integers(1, tokens)[0]! };
    });
    for (const bench of [benches.small, benches.large]) {
      const { device } = bench, cache = device.kvCache(2, slots, 32, shape), n = slots * tokens;
      const k = bench.put(new Float64Array(4 * n), n, 4), v = bench.put(rowsOf(n, 1), n, 4);
      const rows = Array.from(
        { length: slots },
        (_, slot) => ({ row: tokens * slot, count: tokens, slot, position: 0 }),
      );
      for (const layer of [0, 1]) device.cacheWrite(cache, layer, k, v, rows);
      // Of each slot and token, the row whose value it holds.
      const held = Array.from(
        { length: slots },
        (_, slot) => [0, 1, 2].map((token) => tokens * slot + token),
      );
      const q = bench.put(new Float64Array(8 * slots), slots, 8), y = bench.out(slots, 8);
      const all = new Int32Array(slots).fill(tokens);
      copies.forEach(({ from, to, count }, i) => {
        device.cacheCopy(cache, from, to, count);
        held[to]!.splice(0, count, ...held[from]!.slice(0, count));
        // In between something reads.
        if (i === 99) device.attentionDecode(q, cache, 0, all, shape, y);
      });
      for (const layer of [0, 1]) {
        device.attentionDecode(q, cache, layer, all, shape, y);
        const [read] = await bench.read(y);
        held.forEach((values, slot) => {
          // Equal scores: the mean of the values, of which a token's first is 4 times its row and 1.
          const expected = values.reduce((sum, row) => sum + 4 * row + 1, 0) / tokens;
          assert.ok(
            Math.abs(read![8 * slot]! - expected) < 1e-3,
            `slot ${slot}: ${read![8 * slot]}, not ${expected}`,
          );
        });
      }
      device.cacheFree(cache);
    }
  },
);

Deno.test({
  name: "cacheWrite() refuses rows that fitted another tensor, and makes lists once for all layers",
  ignore: await findAdapter() === null,
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async () => {
    const adapter = await openAdapter(), device = await createWebGpuDevice({ adapter });
    const cache = device.kvCache(30, 64, 32, shape),
      long = device.alloc([64, 4]),
      short = device.alloc([63, 4]);
    const rows = Array.from({ length: 64 }, (_, i) => ({ row: i, count: 1, slot: i, position: 0 }));
    const before = device.memory.current;
    device.cacheWrite(cache, 0, long, long, rows);
    const lists = device.memory.current;
    assert.ok(lists > before);
    for (let layer = 1; layer < 30; layer++) {
      device.cacheWrite(cache, layer, long, long, rows.map((one) => ({ ...one })));
    }
    assert.equal(device.memory.current, lists);
    assert.throws(() => device.cacheWrite(cache, 0, short, short, rows), /rows \[63, 64\) of 63/);
    device.cacheFree(cache);
    device.free(long, short);
    assert.equal(device.memory.current, 0);
    device.dispose();
  },
});
