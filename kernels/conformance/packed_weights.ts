/**
 * Conformance of packed weights, and of the ops that stand for parts of a layer: both change how something is computed,
 * and no bit of what comes out.
 *
 * @module
 */
import { assert, assertSameBits } from "#test";
import type { Device } from "../device.ts";
import type { Projection } from "../layer_types.ts";
import type { Tensor } from "../tensor_types.ts";
import { linear } from "../reference/linear.ts";
import { TestRandom } from "../reference/random.ts";
import { assertRows, conformanceTest, forwardTolerance, type Subject } from "./harness.ts";
import { keptOf, layerTailByOps } from "./layer_tail.ts";
import { assertInvariant, pick, poolSize, split } from "./row_invariance.ts";
import type { Workbench } from "./workbench.ts";

/**
 * Shapes [outputs, inputs] whose products an engine may compute from packed weights, and others: few columns, with one block
 * of inner elements and several, a part of a block, and what no block of 16 or 8 divides.
 */
const shapes = [[48, 64], [64, 200], [64, 128], [96, 272], [192, 576], [576, 1536], [1500, 97], [
  40,
  24,
]] as const;

/** One row, two, a few, and those at which an engine may go from packed weights to others. */
const rowCounts = [1, 2, 5, 16, 17, 47, 48, 49, 65];

const eps = 1e-5;

/** Everything once with weights as they are, and once with them packed. */
async function both(
  { device }: Workbench,
  weights: readonly Tensor[],
  run: () => Promise<Float32Array[]>,
): Promise<void> {
  const before = device.memory.current, expected = await run();
  device.packWeights(weights);
  const actual = await run();
  actual.forEach((values, i) => assertSameBits(values, expected[i]!, `output ${i}`));
  device.unpackWeights(weights);
  assert.equal(device.memory.current, before, "bytes after unpackWeights()");
}

/**
 * Layers of odd shapes: one that is packed, and two wide enough for an engine to sum products in pieces, of which vec4 do not
 * divide the second.
 */
const layers = {
  packed: { dim: 96, headDim: 16, heads: 5, kvHeads: 2, inner: 288 },
  wide: { dim: 520, headDim: 64, heads: 6, kvHeads: 2, inner: 300 },
  odd: { dim: 531, headDim: 58, heads: 5, kvHeads: 1, inner: 271 },
} as const;

/** Weights and inputs of a layer. */
function layer(bench: Workbench, n: number, random: TestRandom, sizes: Partial<LayerSizes> = {}) {
  const { device } = bench, { dim, headDim, heads, kvHeads, inner } = { ...layers.packed, ...sizes };
  const matrix = (outputs: number, inputs: number) =>
    bench.put(random.normals(outputs * inputs, 2 / Math.sqrt(inputs)), outputs, inputs);
  const vector = (length: number) => bench.put(random.normals(length), length);
  const positions = Int32Array.from({ length: n }, () => random.integer(40));
  const table = device.ropeTable(Float64Array.from({ length: headDim / 2 }, (_, i) => 100 ** (-i / 8)), 40);
  const rope = (count: number) => ({ positions, table, heads: count });
  const projection = (count: number, rotated: boolean, biased: boolean): Projection => ({
    w: matrix(count * headDim, dim),
    ...(biased && { bias: vector(count * headDim) }),
    ...(rotated && { rope: rope(count) }),
    y: bench.out(n, count * headDim),
  });
  return {
    x: bench.put(random.normals(n * dim), n, dim),
    norm: vector(dim),
    attended: bench.put(random.normals(n * heads * headDim), n, heads * headDim),
    maps: [projection(heads, true, true), projection(kvHeads, true, false), projection(kvHeads, false, true)],
    tail: {
      o: matrix(dim, heads * headDim),
      norm: vector(dim),
      gate: matrix(inner, dim),
      up: matrix(inner, dim),
      down: matrix(dim, inner),
    },
    y: bench.out(n, dim),
  };
}

type LayerSizes = Readonly<Record<keyof typeof layers.packed, number>>;

/** What {@linkcode Device.projections} stands for. */
function projectionsByOps(bench: Workbench, x: Tensor, norm: Tensor, maps: readonly Projection[]): Tensor[] {
  const { device } = bench, h = bench.out(...x.shape);
  device.rmsNorm(x, norm, eps, h);
  return maps.map(({ w, bias, rope, y }) => {
    const product = bench.out(...y.shape), rotated = bench.out(...y.shape);
    device.linear(h, w, product, bias && { bias });
    if (!rope) return product;
    device.rope(product, rope.positions, rope.table, rope.heads, rotated);
    return rotated;
  });
}

/** Ways to change a weight that packed copies must notice. */
const changes: Readonly<
  Record<string, (device: Device, w: Tensor, bench: Workbench, random: TestRandom) => void>
> = {
  write: (device, w, _, random) => device.write(w, Float32Array.from(random.normals(96 * 272))),
  fill: (device, w) => device.fill(w, 0.5),
  copy: (device, w, bench, random) => device.copy(bench.put(random.normals(96 * 272), 96, 272), w),
  "writing to some rows": (device, w) => device.fill(device.rows(w, 7, 9), 0.25),
  add: (device, w, bench, random) => device.add(bench.put(random.normals(96 * 272), 96, 272), w),
  linearBackwardWeight: (device, w, bench, random) =>
    device.linearBackwardWeight(
      bench.put(random.normals(3 * 96), 3, 96),
      bench.put(random.normals(3 * 272), 3, 272),
      w,
    ),
  adamW: (device, w, bench, random) =>
    device.adamW(
      w,
      bench.put(random.normals(96 * 272), 96, 272),
      bench.put(new Float64Array(96 * 272), 96, 272),
      bench.put(new Float64Array(96 * 272), 96, 272),
      { learningRate: 0.1, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, step: 1, gradientScale: 1 },
    ),
};

/** Registers the tests of packWeights, unpackWeights, projections and layerTail. */
export function packedWeightsSuite(subject: Subject): void {
  for (const [outputs, inputs] of shapes) {
    conformanceTest(
      subject,
      `packWeights() changes no bit of linear(), ${outputs}×${inputs}`,
      async (bench) => {
        const random = new TestRandom(outputs + inputs), { device } = bench;
        const w = bench.put(random.normals(outputs * inputs, 0.2), outputs, inputs);
        const bias = bench.put(random.normals(outputs), outputs);
        for (const n of rowCounts) {
          using inner = bench.nested();
          const x = inner.put(random.normals(n * inputs), n, inputs);
          const residual = inner.put(random.normals(n * outputs), n, outputs);
          const y = [inner.out(n, outputs), inner.out(n, outputs), inner.out(n, outputs)] as const;
          await both(inner, [w], () => {
            device.linear(x, w, y[0]);
            device.linear(x, w, y[1], { bias });
            device.linear(x, w, y[2], { bias, residual });
            return inner.read(...y);
          });
        }
      },
    );
  }

  for (const [outputs, inputs] of [[192, 576], [96, 272]] as const) {
    conformanceTest(
      subject,
      `linear() with packed weights gives a row the same bits in any batch, ${outputs}×${inputs}`,
      async (bench) => {
        const random = new TestRandom(3), x = random.normals(poolSize * inputs);
        const w = bench.put(random.normals(outputs * inputs), outputs, inputs);
        bench.device.packWeights([w]);
        await assertInvariant(async (items) => {
          using inner = bench.nested();
          const n = items.length, y = inner.out(n, outputs);
          inner.device.linear(inner.put(pick(x, items, inputs), n, inputs), w, y);
          return split((await inner.read(y))[0]!, n);
        });
        bench.device.unpackWeights([w]);
      },
    );
  }

  conformanceTest(subject, "packWeights() changes no bit of the vocabulary head", async (bench) => {
    const { device } = bench, random = new TestRandom(11);
    // More than a chunk of 4,096, which not every block divides; and a last one of few columns, with one block of inner elements
    // and with two.
    for (const [vocab, hidden] of [[5000, 48], [4112, 48], [4112, 144]] as const) {
      for (const n of [1, 3, 40]) {
        using inner = bench.nested();
        const head = inner.put(random.normals(vocab * hidden, 0.3), vocab, hidden);
        const h = inner.put(random.normals(n * hidden), n, hidden);
        const uniforms = Float32Array.from({ length: n }, (_, i) => (i + 0.5) / n);
        const logits = inner.out(n, vocab);
        await both(inner, [head], async () => {
          const drawn = await device.lmHeadSample(h, head, uniforms, { temperature: 0.7, topP: 1, topK: 0 });
          device.logits(h, head, logits);
          return [
            Float32Array.from(drawn.ids),
            drawn.logProb,
            drawn.entropy,
            ...await inner.read(logits),
          ];
        });
      }
    }
  });

  for (const [name, change] of Object.entries(changes)) {
    conformanceTest(subject, `packed weights are not used after ${name}`, async (bench) => {
      const random = new TestRandom(23), { device } = bench;
      const w = bench.put(random.normals(96 * 272), 96, 272), x = bench.put(random.normals(4 * 272), 4, 272);
      const before = bench.out(4, 96), after = bench.out(4, 96), again = bench.out(4, 96);
      device.packWeights([w]);
      device.linear(x, w, before);
      change(device, w, bench, random);
      device.linear(x, w, after);
      device.packWeights([w]);
      device.linear(x, w, again);
      device.unpackWeights([w]);
      const expected = linear(
        Float64Array.from(await device.read(x)),
        Float64Array.from(await device.read(w)),
        4,
      );
      const [old, actual, repacked] = await bench.read(before, after, again);
      assert.notDeepEqual(actual, old);
      assertRows(actual!, expected, 96, forwardTolerance, "y");
      assertSameBits(repacked!, actual!, "packed again");
    });
  }

  const cases = [
    [1, "packed"],
    [2, "packed"],
    [6, "packed"],
    [33, "packed"],
    [50, "packed"],
    [1, "wide"],
    [
      7,
      "wide",
    ],
    [32, "odd"],
    [40, "wide"],
  ] as const;
  for (const [n, name] of cases) {
    conformanceTest(
      subject,
      `projections() has the bits of the ops that it stands for, ${n} rows of a layer that is ${name}`,
      async (bench) => {
        const { x, norm, maps } = layer(bench, n, new TestRandom(n), layers[name]);
        const expected = await bench.read(...projectionsByOps(bench, x, norm, maps));
        await both(bench, maps.map(({ w }) => w), async () => {
          bench.device.projections(x, norm, eps, maps);
          const actual = await bench.read(...maps.map(({ y }) => y));
          actual.forEach((values, i) => assertSameBits(values, expected[i]!, `map ${i}`));
          return actual;
        });
      },
    );

    conformanceTest(
      subject,
      `layerTail() has the bits of the ops that it stands for, ${n} rows of a layer that is ${name}`,
      async (bench) => {
        const { x, attended, tail, y } = layer(bench, n, new TestRandom(n), layers[name]);
        const ops = layerTailByOps(bench, x, attended, tail, eps);
        const kept = keptOf(bench, n, x.shape[1]!, tail.gate.shape[0]!), again = bench.out(...y.shape);
        const expected = await bench.read(ops.y, ops.y, ops.m, ops.gate, ops.up);
        await both(bench, [tail.o, tail.gate, tail.up, tail.down], async () => {
          bench.device.layerTail(x, attended, tail, eps, y);
          bench.device.layerTail(x, attended, tail, eps, again, kept);
          const actual = await bench.read(y, again, kept.m, kept.gate, kept.up);
          actual.forEach((values, i) => assertSameBits(values, expected[i]!, `result ${i}`));
          return actual;
        });
      },
    );
  }

  for (const name of ["packed", "wide"] as const) {
    conformanceTest(
      subject,
      `projections() rotates each map by positions and a table of its own, in a layer that is ${name}`,
      async (bench) => {
        const n = 5, { device } = bench, sizes = layers[name];
        const { x, norm, maps: [q, k, v] } = layer(bench, n, new TestRandom(41), sizes);
        const table = device.ropeTable(Float64Array.from({ length: 4 }, (_, i) => 10 ** -i), 60);
        const others = [
          { ...k!.rope!, positions: Int32Array.from({ length: n }, (_, i) => 39 - i) },
          { positions: k!.rope!.positions, table, heads: sizes.kvHeads * sizes.headDim / 8 },
        ];
        for (const rope of others) {
          const maps = [q!, { ...k!, rope }, v!];
          const expected = await bench.read(...projectionsByOps(bench, x, norm, maps));
          await both(bench, maps.map(({ w }) => w), async () => {
            device.projections(x, norm, eps, maps);
            const actual = await bench.read(...maps.map(({ y }) => y));
            actual.forEach((values, i) => assertSameBits(values, expected[i]!, `map ${i}`));
            return actual;
          });
        }
      },
    );
  }

  conformanceTest(subject, "a weight that is freed takes its packed copy along", (bench) => {
    const { device } = bench, before = device.memory.current;
    const w = device.upload(new Float32Array(96 * 272), [96, 272]);
    device.packWeights([w]);
    device.packWeights([w]);
    device.free(w);
    assert.equal(device.memory.current, before);
    return Promise.resolve();
  });
}
