import { NumericError, UsageError } from "#errors";
import { assert, assertSameBits } from "#test";
import type { SampledTokens, SamplingSpec } from "../lm_head_types.ts";
import { TestRandom } from "../reference/random.ts";
import { sampleToken, samplingWeights } from "../sampling.ts";
import { findAdapter, openAdapter } from "./adapter.ts";
import type { LinearOps } from "./linear.ts";
import { LmHeadOps } from "./lm_head.ts";
import { createWebGpuDevice } from "./mod.ts";
import { CommandQueue } from "./queue.ts";
import type { GpuTensor } from "./tensor.ts";

const adapter = await findAdapter();
const almostOne = 1 - 2 ** -24;

/** Registers a test; it is ignored where there is no adapter. */
function gpuTest(name: string, fn: () => Promise<void>): void {
  // The engine, with its compiled kernels, outlives the test that happens to make it.
  Deno.test({ name, ignore: adapter === null, sanitizeOps: false, sanitizeResources: false, fn });
}

/** An engine whose matrix products are the logits that a test gives. */
async function createGiven() {
  const adapter = await openAdapter(), queue = new CommandQueue(adapter);
  const arena = queue.newArena();
  let logits: GpuTensor;
  const linear = { forward: (_h: GpuTensor, _w: GpuTensor, y: GpuTensor) => queue.copy(logits, y) };
  const head = new LmHeadOps(queue, arena, linear as unknown as LinearOps);
  return async (
    rows: readonly Float32Array[],
    uniforms: Float32Array,
    spec: SamplingSpec,
  ): Promise<SampledTokens> => {
    const n = rows.length, vocab = rows[0]!.length;
    const h = arena.alloc([n, 1], "f32"), w = arena.alloc([vocab, 1], "f32");
    logits = arena.alloc([n, vocab], "f32");
    const data = new Float32Array(n * vocab);
    rows.forEach((row, i) => data.set(row, i * vocab));
    queue.write(logits, new Uint8Array(data.buffer));
    try {
      return await head.sample(h, w, uniforms, spec);
    } finally {
      for (const tensor of [h, w, logits]) arena.release(tensor);
      assert.equal(arena.current, 0);
    }
  };
}

let given: ReturnType<typeof createGiven> | undefined;

/** Draws a token from each of the given rows of logits. */
async function draw(...call: Parameters<Awaited<ReturnType<typeof createGiven>>>): Promise<SampledTokens> {
  return await (await (given ??= createGiven()))(...call);
}

/** What f32 sums may move in a cumulative probability, or in the aim of top-p. */
const slack = 3e-6;

/** Distance of `uniform` from the part of the cumulative distribution that is `id`'s; infinite if it is not kept. */
function miss(logits: Float32Array, spec: SamplingSpec, uniform: number, id: number): number {
  const weights = samplingWeights(logits, spec), total = weights.reduce((a, b) => a + b, 0);
  if (!(weights[id]! > 0)) return Infinity;
  const below = weights.subarray(0, id).reduce((a, b) => a + b, 0) / total;
  return Math.max(below - uniform, uniform - below - weights[id]! / total, 0);
}

/** Logits of which many are equal, in and below the nucleus. */
const tied = (random: TestRandom, vocab: number) =>
  Float32Array.from({ length: vocab }, () => Math.round(random.normal() * 8) / 4);
/** Logits of which hardly any are equal. */
const distinct = (random: TestRandom, vocab: number) => Float32Array.from(random.normals(vocab, 3));
/** One likely token, and a long tail. */
const peaked = (random: TestRandom, vocab: number) => {
  const logits = Float32Array.from(random.normals(vocab));
  logits[random.integer(vocab)] = 14;
  return logits;
};
const shapes = [tied, distinct, peaked, () => new Float32Array(1).fill(0.25)];

for (const vocab of [1, 40, 300, 4096, 4097, 9000]) {
  gpuTest(`lmHeadSample() agrees with sampleToken() on given logits, ${vocab} tokens`, async () => {
    const random = new TestRandom(vocab);
    let draws = 0, equal = 0;
    for (const topK of [0, 1, 7, 50, 100_000]) {
      for (const topP of [1, 0.999, 0.9, 0.5, 0.01]) {
        const spec = { temperature: [0.3, 1, 2.5][draws % 3]!, topP, topK };
        const rows = Array.from({ length: 9 }, (_, i) => {
          const logits = shapes[i % shapes.length]!(random, vocab);
          return logits.length === vocab ? logits : new Float32Array(vocab).fill(logits[0]!);
        });
        const uniforms = Float32Array.from(rows, (_, i) => [0, almostOne][i] ?? random.uniform());
        const { ids } = await draw(rows, uniforms, spec);
        rows.forEach((logits, i) => {
          draws++;
          if (ids[i] === sampleToken(logits, spec, uniforms[i]!)) {
            equal++;
            return;
          }
          // Rounding may decide whether the last token of the nucleus is in.
          const shifted = [-slack, 0, slack].map((shift) => topP === 1 ? 1 : Math.min(topP + shift, 1));
          const off = Math.min(
            ...shifted.map((topP) => miss(logits, { ...spec, topP }, uniforms[i]!, ids[i]!)),
          );
          assert.ok(off <= slack, `row ${i}: token ${ids[i]} is off by ${off}: ${JSON.stringify(spec)}`);
        });
      }
    }
    assert.ok(equal >= 0.97 * draws, `${equal} of ${draws} draws are equal`);
  });
}

gpuTest("lmHeadSample() agrees with sampleToken() on a vocabulary of 49,152", async () => {
  const random = new TestRandom(3), vocab = 49_152;
  const rows = [tied, distinct, peaked].map((shape) => shape(random, vocab));
  for (
    const spec of [{ topK: 0, topP: 1 }, { topK: 40, topP: 0.95 }, { topK: 0, topP: 0.9 }, {
      topK: 5000,
      topP: 1,
    }]
  ) {
    for (const uniform of [0, 0.37, almostOne]) {
      const options = { temperature: 0.8, ...spec }, uniforms = new Float32Array(3).fill(uniform);
      const { ids } = await draw(rows, uniforms, options);
      rows.forEach((logits, i) => {
        const shifted = [-slack, 0, slack].map((shift) => spec.topP === 1 ? 1 : spec.topP + shift);
        const off = Math.min(
          ...shifted.map((topP) => miss(logits, { ...options, topP }, uniforms[i]!, ids[i]!)),
        );
        assert.ok(off <= slack, `row ${i}: token ${ids[i]} is off by ${off}: ${JSON.stringify(options)}`);
      });
    }
  }
});

gpuTest(
  "lmHeadSample() draws what top-k and top-p keep and nothing else, the edge's lowest ids first",
  async () => {
    const grid = Float32Array.from({ length: 64 }, (_, i) => (i + 0.5) / 64);
    const cases: [logits: number[], spec: Omit<SamplingSpec, "temperature">, kept: number[]][] = [
      [[0, 0, 0, 0], { topK: 0, topP: 0.5 }, [0, 1]],
      [[0, 0, 0, 0], { topK: 1, topP: 1 }, [0, 1, 2, 3]],
      [[1, 3, 1, 2, 1], { topK: 3, topP: 1 }, [0, 1, 2, 3, 4]],
      [[1, 3, 1, 2, 1], { topK: 2, topP: 1 }, [1, 3]],
      [[-1, -3, -2, -1, -5], { topK: 2, topP: 1 }, [0, 3]],
      [[-1, -3, -2, -1, -5], { topK: 2, topP: 0.4 }, [0]],
      // Both zeros are one logit.
      [[-0, -2, 0, -2, -0], { topK: 1, topP: 1 }, [0, 2, 4]],
      [[0, -2, -0, -2, 0], { topK: 0, topP: 0.45 }, [0, 2]],
      [[5, 1e-30, -1e-30, 4.999], { topK: 3, topP: 1 }, [0, 1, 3]],
    ];
    for (const [logits, spec, kept] of cases) {
      const rows = Array.from(grid, () => Float32Array.from(logits));
      const { ids } = await draw(rows, grid, { temperature: 3, ...spec });
      assert.deepEqual([...new Set(ids)].sort(), kept, JSON.stringify([logits, spec]));
    }
  },
);

gpuTest("lmHeadSample() has the statistics of lmHead() by bits on a vocabulary of 49,152", async () => {
  const device = await createWebGpuDevice();
  const random = new TestRandom(5), n = 3, dim = 40, vocab = 49_152, temperature = 0.7;
  const h = device.upload(Float32Array.from(random.normals(n * dim)), [n, dim]);
  const w = device.upload(Float32Array.from(random.normals(vocab * dim, 0.4)), [vocab, dim]);
  const uniforms = Float32Array.of(0.1, 0.5, 0.9);
  for (const spec of [{ topP: 1, topK: 0 }, { topP: 0.9, topK: 0 }]) {
    const { ids, ...statistics } = await device.lmHeadSample(h, w, uniforms, { temperature, ...spec });
    const scored = await device.lmHead(h, w, ids, temperature);
    for (const key of ["logProb", "logSumExp", "entropy"] as const) {
      assertSameBits(statistics[key], scored[key], key);
    }
  }
  device.dispose();
});

gpuTest("lmHeadSample() refuses logits that are not finite, and what is out of range", async () => {
  const spec = { temperature: 1, topP: 1, topK: 0 }, half = Float32Array.of(0.5);
  const sample = (logits: number[], options: object = {}, uniforms = half) =>
    draw([Float32Array.from(logits)], uniforms, { ...spec, ...options });
  await assert.rejects(sample([0, NaN, 1]), NumericError);
  await assert.rejects(sample([0, 1], { temperature: 1e-300 }), UsageError);
  await assert.rejects(sample([0, 1], { topP: 0 }), UsageError);
  for (const uniform of [-0.1, 1, NaN]) await assert.rejects(sample([0, 1], {}, Float32Array.of(uniform)));
});
