import { assert, assertSameBits } from "#test";
import type { Device } from "../device.ts";
import type { Tensor } from "../tensor_types.ts";
import { Workbench } from "../conformance/workbench.ts";
import { TestRandom } from "../reference/random.ts";
import { limitsTest } from "./_limits_test_helper.ts";

const vocab = 150, heads = 3, headDim = 64, dim = heads * headDim, n = 210, vectors = 5;

/** What a step leaves behind: every gradient, the norm of all, the updated table. */
async function step(device: Device, seed: number): Promise<Float32Array[]> {
  using bench = new Workbench(device);
  const random = new TestRandom(seed),
    matrix = (rows: number) => bench.put(random.normals(rows * dim), rows, dim);
  const table = matrix(vocab),
    w = bench.put(random.normals(dim), dim),
    up = matrix(n),
    ids = random.integers(n, vocab);
  const positions = random.integers(n, 100), rope = device.ropeTable(random.normals(headDim / 2), 100);
  const ranges = Array.from(
    { length: vectors },
    (_, s) => [{ start: 0, end: 10 }, { start: 40 * s + 10, end: 40 * s + 50 }],
  );
  const out = (rows = n) => bench.out(rows, dim), tokens = bench.putIds(ids);

  const x = out(), h = out(), rotated = out(), y = out(), pooled = out(vectors), unit = out(vectors);
  device.embedding(tokens, table, x);
  device.rmsNorm(x, w, 1e-5, h);
  device.rope(h, positions, rope, heads, rotated);
  device.swiglu(rotated, up, y);
  device.meanPool(y, ranges, pooled);
  device.l2Normalize(pooled, unit);

  const dUnit = matrix(vectors),
    dPooled = out(vectors),
    dy = out(),
    dRotated = out(),
    dUp = out(),
    dh = out(),
    dx = out();
  const dw = bench.put(new Float64Array(dim), dim), zeros = new Float64Array(vocab * dim);
  const [dTable, m, v] = [0, 0, 0].map(() => bench.put(zeros, vocab, dim)) as [Tensor, Tensor, Tensor];
  device.l2NormalizeBackward(dUnit, pooled, dPooled);
  device.fill(dy, 0);
  device.meanPoolBackward(dPooled, ranges, dy);
  device.swigluBackward(dy, rotated, up, dRotated, dUp);
  device.rope(dRotated, positions, rope, heads, dh, true);
  device.rmsNormBackward(dh, x, w, 1e-5, dx, dw);
  device.embeddingBackward(tokens, dx, dTable);
  const norm = await device.globalNorm([dTable, dw, dUp]);
  device.adamW(table, dTable, m, v, {
    learningRate: 0.01,
    beta1: 0.9,
    beta2: 0.99,
    eps: 1e-8,
    weightDecay: 0.1,
    step: 1,
    gradientScale: 1 / norm,
  });
  return [Float32Array.of(norm), ...await bench.read(unit, dw, dUp, dTable, table, m, v)];
}

limitsTest(
  "a chain of ops, forwards and back, gives the same bits when it is run again",
  {},
  async ({ large }) => {
    const first = await step(large.device, 1);
    assert.ok(first.every((values) => values.every(Number.isFinite) && values.some((value) => value !== 0)));
    // Other numbers in the memory that the second run takes over.
    await step(large.device, 2);
    (await step(large.device, 1)).forEach((values, i) => assertSameBits(values, first[i]!, `output ${i}`));
  },
);

limitsTest(
  "a chain of ops gives the same rows on a device that has to split them",
  { maxBinding: 70_000, maxGroups: 12 },
  async ({ small, large }) => {
    const [split, whole] = [await step(small.device, 1), await step(large.device, 1)];
    // The gradient of the norm's weight is a sum over all rows, and whatever follows from it has other last bits.
    const names = ["norm", "unit", "dw", "dUp", "dTable"];
    for (const name of ["unit", "dUp", "dTable"]) {
      assertSameBits(split[names.indexOf(name)]!, whole[names.indexOf(name)]!, name);
    }
  },
);
