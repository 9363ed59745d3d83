import fc from "fast-check";
import { assert, assertRelative, assertSameBits } from "#test";
import type { Device } from "../device.ts";
import type { Tensor } from "../tensor_types.ts";
import { f32ToBf16, f32ToF16 } from "../half_floats.ts";
import { type StoredType, TestRandom } from "../reference/random.ts";
import { findAdapter } from "./adapter.ts";
import { columnTiles, rowTiles, segmentColumns } from "./lm_head_tiles.ts";
import { createWebGpuDevice } from "./mod.ts";

const adapter = await findAdapter();
const dim = 24, vocab = 9001;

/** Registers a test on devices of its own that must give back all memory; ignored where there is no adapter. */
function gpuTest(
  name: string,
  limits: readonly number[],
  body: (...devices: Device[]) => Promise<void>,
): void {
  Deno.test({
    name,
    ignore: adapter === null,
    fn: async () => {
      const devices: Device[] = [];
      for (const maxBinding of limits) devices.push(await createWebGpuDevice({ maxBinding }));
      try {
        await body(...devices);
        for (const { memory } of devices) assert.equal(memory.current, 0);
      } finally {
        for (const device of devices) device.dispose();
      }
    },
  });
}

interface Batch {
  readonly h: Float32Array;
  readonly ids: Int32Array;
  readonly slopes: Float32Array;
}

function batchOf(random: TestRandom, n: number): Batch {
  return {
    h: Float32Array.from(random.normals(n * dim, 0.5)),
    ids: random.integers(n, vocab),
    slopes: Float32Array.from(random.normals(n)),
  };
}

/** Numbers that f32, bf16 and f16 hold exactly. */
const weights = Float32Array.from(new TestRandom(8).bf16Normals(vocab * dim, 0.5), Math.f16round);

/** The weights on a device. */
function weightOn(device: Device, stored: StoredType): Tensor {
  if (stored === "f32") return device.upload(weights, [vocab, dim]);
  const round = stored === "bf16" ? f32ToBf16 : f32ToF16;
  return device.upload(round(weights), [vocab, dim], stored);
}

/** Statistics and gradients of a batch. */
async function train(device: Device, w: Tensor, { h, ids, slopes }: Batch, forBackward = false) {
  const n = ids.length, hidden = device.upload(h, [n, dim]);
  const dh = device.alloc([n, dim]), dw = device.alloc([vocab, dim]);
  device.fill(dh, 0);
  device.fill(dw, 0.5);
  const statistics = await device.lmHead(hidden, w, ids, 0.7, { forBackward });
  const held = device.memory.current;
  const gradient = { dLogProb: slopes, dEntropy: slopes.map((slope) => 1 - slope) };
  device.lmHeadBackward(hidden, w, ids, 0.7, statistics, gradient, dh, dw);
  const result = { ...statistics, dh: await device.read(dh), dw: await device.read(dw) };
  device.free(hidden, dh, dw);
  return { result, held };
}

function assertSame(actual: Record<string, Float32Array>, expected: Record<string, Float32Array>): void {
  for (const [name, values] of Object.entries(expected)) assertSameBits(actual[name]!, values, name);
}

gpuTest(
  "lmHead() that keeps its logits gives the same gradients, and leaves nothing behind",
  [2 ** 27],
  async (device) => {
    const w = weightOn(device, "f32"), before = device.memory.current;
    for (const n of [1, 2, 5]) {
      const batch = batchOf(new TestRandom(n), n);
      const kept = await train(device, w, batch, true), again = await train(device, w, batch);
      assert.ok(kept.held - again.held >= 4 * n * vocab, "the logits are kept");
      assertSame(kept.result, again.result);
      assert.equal(device.memory.current, before);
    }
    const h = device.upload(new Float32Array(dim), [1, dim]), held = device.memory.current;
    const statistics = await device.lmHead(h, w, new Int32Array(1), 1, { forBackward: true });
    assert.ok(device.memory.current > held);
    device.lmHeadDiscard(statistics);
    device.lmHeadDiscard(statistics);
    assert.equal(device.memory.current, held);
    device.free(h, w);
  },
);

for (const stored of ["f32", "bf16", "f16"] as const) {
  gpuTest(
    `lmHead() and its gradients do not depend on how the logits are cut, ${stored} weights`,
    [2 ** 27, 70_000, 120_000],
    async (...devices) => {
      const batch = batchOf(new TestRandom(2), 9);
      const w = devices.map((device) => weightOn(device, stored));
      const results = [];
      for (const [i, device] of devices.entries()) results.push((await train(device, w[i]!, batch)).result);
      const { dw: expected, ...rows } = results[0]!;
      for (const result of results.slice(1)) {
        assertSame(result, rows);
        // A sum over rows, which such small bindings cut at other rows.
        assertRelative(result.dw, expected, 1e-6, "dw");
      }
      devices.forEach((device, i) => device.free(w[i]!));
    },
  );
}

gpuTest("lmHeadBackward() gives a row of dh the same bits in any batch", [70_000], async (device) => {
  const w = weightOn(device, "f32"), random = new TestRandom(4), all = batchOf(random, 11);
  const dhOf = async (...items: number[]) => {
    const part = {
      h: Float32Array.from(items.flatMap((item) => [...all.h.subarray(item * dim, (item + 1) * dim)])),
      ids: Int32Array.from(items, (item) => all.ids[item]!),
      slopes: Float32Array.from(items, (item) => all.slopes[item]!),
    };
    return (await train(device, w, part)).result.dh;
  };
  const alone = await dhOf(6);
  assertSameBits((await dhOf(6, 1)).subarray(0, dim), alone);
  assertSameBits((await dhOf(0, 1, 2, 6, 4, 5, 3, 7, 8, 9, 10)).subarray(3 * dim, 4 * dim), alone);
  device.free(w);
});

gpuTest(
  "lmHeadSample() and logits() do not depend on the limit of a binding",
  [2 ** 27, 40_000],
  async (...devices) => {
    const { h } = batchOf(new TestRandom(6), 5), uniforms = Float32Array.of(0, 0.3, 0.5, 0.8, 0.999);
    const results = [];
    for (const device of devices) {
      const hidden = device.upload(h, [5, dim]), w = weightOn(device, "f32"), y = device.alloc([5, vocab]);
      const one = device.rows(y, 2, 3);
      device.logits(device.rows(hidden, 2, 3), w, one);
      const specs = [{ topP: 1, topK: 0 }, { topP: 0.8, topK: 300 }];
      const drawn = [];
      for (const spec of specs) {
        drawn.push(await device.lmHeadSample(hidden, w, uniforms, { temperature: 0.9, ...spec }));
      }
      results.push({ logits: await device.read(one), drawn });
      device.free(hidden, w, y);
    }
    assertSameBits(results[1]!.logits, results[0]!.logits);
    assert.deepEqual(results[1]!.drawn, results[0]!.drawn);
  },
);

Deno.test("columnTiles() and rowTiles() fit a binding, and are cut where sums are", () => {
  fc.assert(fc.property(
    fc.integer({ min: 1, max: 100_000 }),
    fc.integer({ min: 1, max: 300_000 }),
    fc.integer({ min: 20, max: 31 }),
    (n, vocab, log) => {
      const maxBinding = 2 ** log;
      const { rows, columns } = columnTiles(n, vocab, maxBinding);
      assert.ok(rows >= 1 && rows <= n && columns >= 1 && columns <= vocab);
      assert.ok(4 * rows * columns <= Math.min(maxBinding, 64 << 20));
      assert.ok(columns === vocab || columns % segmentColumns === 0, `${columns} columns`);
      assert.ok(rows === n || rows % 256 === 0 || rows < 256, `${rows} rows`);
      if (4 * vocab <= maxBinding - 256) {
        assert.ok(4 * vocab * rowTiles(vocab, maxBinding).rows <= Math.min(maxBinding, 64 << 20));
      }
    },
  ));
});
