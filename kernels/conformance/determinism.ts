/**
 * Every op gives the same bits when it is called again, also after other work has used the engine's scratch memory.
 *
 * @module
 */
import { assertSameBits } from "#test";
import type { Tensor } from "../tensor_types.ts";
import { TestRandom } from "../reference/random.ts";
import { conformanceTest, type Subject } from "./harness.ts";
import type { Workbench } from "./workbench.ts";

/** Runs one op on data that depends on `random` only, and returns all that it computes. */
export type OpCase = (bench: Workbench, random: TestRandom) => Promise<readonly Float32Array[]>;

const n = 37, dim = 96, vocab = 4500, shape = { heads: 6, kvHeads: 3, headDim: 32 };
const segments = [{ start: 0, length: 9, parent: -1 }, { start: 9, length: 14, parent: 0 }, {
  start: 23,
  length: 14,
  parent: 0,
}];

const matrix = (bench: Workbench, random: TestRandom, rows = n, columns = dim): Tensor =>
  bench.put(random.normals(rows * columns), rows, columns);
const vector = (bench: Workbench, random: TestRandom, size = dim): Tensor =>
  bench.put(random.normals(size), size);

/** Every op, by groups. */
export const opCases: Readonly<Record<string, OpCase>> = {
  "linear ops": (bench, random) => {
    const x = matrix(bench, random), w = matrix(bench, random, 160), dy = matrix(bench, random, n, 160);
    const y = bench.out(n, 160), dx = bench.out(n, dim), dw = bench.out(160, dim), dBias = bench.out(160);
    bench.device.linear(x, w, y, { bias: vector(bench, random, 160), residual: dy });
    bench.device.linearBackwardInput(dy, w, dx);
    bench.device.linearBackwardWeight(dy, x, dw, { dBias });
    return bench.read(y, dx, dw, dBias);
  },
  "row ops": (bench, random) => {
    const dw = bench.put(new Float64Array(7 * dim), 7, dim), table = matrix(bench, random, 7);
    const ids = bench.putIds(random.integers(n, 7)), rows = bench.out(n, dim), picked = bench.out(n, dim);
    bench.device.embedding(ids, table, rows);
    bench.device.gatherRows(table, ids, picked);
    bench.device.scatterAddRows(rows, ids, table);
    bench.device.embeddingBackward(ids, matrix(bench, random), dw);
    return bench.read(rows, picked, table, dw);
  },
  "projections and rope": (bench, random) => {
    const headDim = 32, wide = 600, { device } = bench, x = matrix(bench, random, n, wide);
    const table = device.ropeTable(
      Float64Array.from({ length: headDim / 2 }, (_, i) => 100 ** (-i / 16)),
      50,
    );
    const rope = { positions: random.integers(n, 50), table, heads: 2 }, columns = 2 * headDim;
    const maps = [{ rope }, { rope, bias: vector(bench, random, columns) }, {}].map((map) => ({
      ...map,
      w: matrix(bench, random, columns, wide),
      y: bench.out(n, columns),
    }));
    device.projections(x, vector(bench, random, wide), 1e-5, maps);
    const rotated = bench.out(n, columns), back = bench.out(n, columns);
    device.rope(maps[0]!.y, rope.positions, table, 2, rotated);
    device.rope(rotated, rope.positions, table, 2, back, true);
    return bench.read(...maps.map(({ y }) => y), rotated, back);
  },
  "decode ops": (bench, random) => {
    const { device } = bench,
      slots = 3,
      lengths = Int32Array.of(1, 20, 33),
      kvWidth = shape.kvHeads * shape.headDim;
    const cache = bench.cache(1, slots, 8, shape),
      [k, v] = [0, 1].map(() => matrix(bench, random, n, kvWidth));
    device.cacheWrite(cache, 0, k!, v!, [{ row: 4, count: 33, slot: 0, position: 0 }]);
    for (const slot of [1, 2]) device.cacheCopy(cache, 0, slot, 33);
    const q = matrix(bench, random, slots, shape.heads * shape.headDim), y = bench.out(...q.shape);
    device.attentionDecode(q, cache, 0, lengths, shape, y);
    return bench.read(y);
  },
  "norm ops": (bench, random) => {
    const x = matrix(bench, random), w = vector(bench, random), dy = matrix(bench, random);
    const y = bench.out(n, dim), dx = bench.out(n, dim), dw = vector(bench, random), z = bench.out(n, dim);
    bench.device.rmsNorm(x, w, 1e-5, y);
    bench.device.rmsNormBackward(dy, x, w, 1e-5, dx, dw);
    bench.device.l2NormalizeBackward(dy, x, z);
    return bench.read(y, dx, dw, z);
  },
  "swiglu ops": (bench, random) => {
    const gate = matrix(bench, random), up = matrix(bench, random), y = bench.out(n, dim);
    bench.device.swiglu(gate, up, y);
    bench.device.swigluBackward(matrix(bench, random), gate, up, gate, up);
    return bench.read(y, gate, up);
  },
  "layerTail calls": (bench, random) => {
    const wide = 600, x = matrix(bench, random, n, wide), y = bench.out(n, wide);
    const [gate, up] = [0, 1].map(() => matrix(bench, random, 40, wide));
    const o = matrix(bench, random, wide, dim), down = matrix(bench, random, wide, 40);
    const weights = { o, norm: vector(bench, random, wide), gate: gate!, up: up!, down };
    bench.device.layerTail(x, matrix(bench, random), weights, 1e-5, y);
    return bench.read(y);
  },
  "attention ops": (bench, random) => {
    const width = shape.heads * shape.headDim, kvWidth = shape.kvHeads * shape.headDim;
    const [q, k, v, dy] = [width, kvWidth, kvWidth, width].map((columns) =>
      matrix(bench, random, n, columns)
    );
    const y = bench.out(n, width), lse = bench.out(shape.heads, n);
    const dq = bench.out(n, width), dk = bench.out(n, kvWidth), dv = bench.out(n, kvWidth);
    bench.device.attention(q!, k!, v!, segments, shape, y, lse);
    bench.device.attentionBackward(dy!, q!, k!, v!, y, lse, segments, shape, dq, dk, dv);
    return bench.read(y, lse, dq, dk, dv);
  },
  "lmHead ops": async (bench, random) => {
    const h = matrix(bench, random, 5), w = matrix(bench, random, vocab), ids = random.integers(5, vocab);
    const statistics = await bench.device.lmHead(h, w, ids, 0.9);
    const dh = matrix(bench, random, 5), dw = matrix(bench, random, vocab);
    const ones = new Float32Array(5).fill(1), gradient = { dLogProb: ones, dEntropy: ones };
    bench.device.lmHeadBackward(h, w, ids, 0.9, statistics, gradient, dh, dw);
    const uniforms = Float32Array.from({ length: 5 }, () => random.uniform());
    const sampled = await bench.device.lmHeadSample(h, w, uniforms, {
      temperature: 0.9,
      topP: 0.9,
      topK: 100,
    });
    const { logProb, logSumExp, entropy } = statistics;
    return [...await bench.read(dh, dw), logProb, logSumExp, entropy, Float32Array.from(sampled.ids)];
  },
  "policy ops": async (bench, random) => {
    const tokens = 700, statistics = matrix(bench, random, tokens, 3), dLogProb = bench.out(tokens);
    const sequences = {
      oldLogProbs: random.normals(tokens),
      advantages: random.normals(2),
      offsets: [0, 300, tokens],
    };
    const spec = {
      surrogate: "ppo-clip" as const,
      clipLow: 0.2,
      clipHigh: 0.2,
      dualClip: 3,
      logRatioClamp: 20,
      scale: 1,
    };
    const [sums] = await bench.device.policySums([
      bench.device.policyLoss(statistics, sequences, spec, dLogProb),
    ]);
    const { loss, clipped, dualClipped, kl, entropy, logProbGap, firstNotFinite } = sums!;
    const counted = Float32Array.of(clipped, dualClipped, firstNotFinite);
    return [...await bench.read(dLogProb), Float32Array.of(loss, kl, entropy, logProbGap), counted];
  },
  "embedding objective ops": async (bench, random) => {
    const x = matrix(bench, random), pooled = bench.out(2, dim), dx = matrix(bench, random);
    const ranges = [[{ start: 0, end: 9 }], [{ start: 3, end: 5 }, { start: 20, end: n }]];
    bench.device.meanPool(x, ranges, pooled);
    bench.device.meanPoolBackward(pooled, ranges, dx);
    const q = bench.out(2, dim), dq = bench.out(2, dim), dc = bench.out(n, dim);
    bench.device.l2Normalize(pooled, q);
    const loss = await bench.device.infoNce(q, x, { temperature: 10 }, dq, dc);
    return [...await bench.read(pooled, dx, q, dq, dc), Float32Array.of(loss)];
  },
  "optimiser ops": async (bench, random) => {
    const p = vector(bench, random), g = vector(bench, random), m = vector(bench, random);
    const v = bench.put(random.normals(dim).map(Math.abs), dim);
    const spec = {
      learningRate: 0.01,
      beta1: 0.9,
      beta2: 0.99,
      eps: 1e-8,
      weightDecay: 0.1,
      step: 3,
      gradientScale: 0.5,
    };
    bench.device.adamW(p, g, m, v, spec);
    return [...await bench.read(p, m, v), Float32Array.of(await bench.device.globalNorm([g, m]))];
  },
};

/** Registers one test a group of ops. */
export function determinismSuite(subject: Subject): void {
  for (const [name, run] of Object.entries(opCases)) {
    conformanceTest(subject, `${name} give the same bits when called again`, async (bench) => {
      using first = bench.nested();
      const expected = await run(first, new TestRandom(1));
      {
        using other = bench.nested();
        await run(other, new TestRandom(2));
      }
      for (let time = 0; time < 3; time++) {
        using again = bench.nested();
        (await run(again, new TestRandom(1))).forEach((values, i) =>
          assertSameBits(values, expected[i]!, `output ${i}`)
        );
      }
    });
  }
}
