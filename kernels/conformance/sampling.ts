/**
 * Conformance of token sampling.
 *
 * @module
 */
import fc from "fast-check";
import { assert, assertSameBits } from "#test";
import type { SamplingSpec } from "../lm_head_types.ts";
import { linear } from "../reference/linear.ts";
import { TestRandom } from "../reference/random.ts";
import { truncatedDistribution } from "../reference/sampling.ts";
import { conformanceTest, propertyTest, rowCount, seed, type Subject } from "./harness.ts";
import { assertInvariant, pick, poolSize } from "./row_invariance.ts";

/** What f32 logits may move in a probability or a cumulative sum. */
const slack = 2e-5;

const cases = fc.record({
  n: rowCount(20),
  vocab: fc.constantFrom(1, 7, 300, 4097, 5003),
  dim: fc.constantFrom(3, 24),
  temperature: fc.constantFrom(0, 0.6, 1, 1.5),
  topP: fc.constantFrom(1, 0.9, 0.4),
  topK: fc.constantFrom(0, 1, 5, 50),
  seed,
});

/** Fails unless `id` is kept and its share of the cumulative distribution holds `uniform`. */
function assertDraw(logits: Float64Array, spec: SamplingSpec, uniform: number, id: number): void {
  // Rounding may decide whether the last token of the nucleus is in: either way is right.
  const misses = [-slack, 0, slack].map((shift) => {
    const topP = spec.topP === 1 ? 1 : spec.topP + shift;
    const p = truncatedDistribution(logits, { ...spec, topP });
    if (p[id] === 0) return Infinity;
    const below = p.subarray(0, id).reduce((sum, value) => sum + value, 0);
    return Math.max(below - uniform, uniform - (below + p[id]!), 0);
  });
  const miss = Math.min(...misses);
  assert.ok(
    miss <= slack,
    `token ${id} for ${uniform} is off the distribution by ${miss}: ${JSON.stringify(spec)}`,
  );
}

/** Registers the tests of lmHeadSample. */
export function samplingSuite(subject: Subject): void {
  propertyTest(subject, "lmHeadSample() inverts the reference's distribution", cases, async (bench, c) => {
    const random = new TestRandom(c.seed), { n, dim, vocab } = c;
    const h = random.normals(n * dim, 2 / Math.sqrt(dim)), w = random.normals(vocab * dim);
    const uniforms = Float32Array.from({ length: n }, () => random.uniform());
    const { ids } = await bench.device.lmHeadSample(
      bench.put(h, n, dim),
      bench.put(w, vocab, dim),
      uniforms,
      c,
    );
    const logits = linear(h, w, n);
    ids.forEach((id, i) => assertDraw(logits.slice(i * vocab, (i + 1) * vocab), c, uniforms[i]!, id));
  }, 40);

  propertyTest(subject, "lmHeadSampleInto() leaves what lmHeadSample() returns", cases, async (bench, c) => {
    const random = new TestRandom(c.seed), { n, dim, vocab } = c, { device } = bench;
    const hidden = bench.put(random.normals(n * dim), n, dim),
      weight = bench.put(random.normals(vocab * dim), vocab, dim);
    const uniforms = Float32Array.from({ length: n }, () => random.uniform());
    const ids = bench.putIds(new Int32Array(2 * n).fill(-1)), statistics = bench.out(n, 3);
    device.lmHeadSampleInto(hidden, weight, uniforms, c, device.rows(ids, n, 2 * n), statistics);
    const [drawn, told] = await bench.read(ids, statistics);
    const { ids: expected, logProb, logSumExp, entropy } = await device.lmHeadSample(
      hidden,
      weight,
      uniforms,
      c,
    );
    assert.deepEqual([...drawn!], [...new Int32Array(n).fill(-1), ...expected]);
    const rows = Array.from(expected, (_, i) => [logProb[i]!, logSumExp[i]!, entropy[i]!]);
    assertSameBits(told!, Float32Array.from(rows.flat()));
    // The ids can be embedded without having been on the host.
    const vectors = bench.out(n, dim);
    device.embedding(device.rows(ids, n, 2 * n), weight, vectors);
    const [gathered, table] = await bench.read(vectors, weight);
    expected.forEach((id, i) => {
      assertSameBits(
        gathered!.subarray(i * dim, (i + 1) * dim),
        table!.subarray(id * dim, (id + 1) * dim),
      );
    });
  });

  propertyTest(subject, "lmHeadSample() has the statistics of lmHead() by bits", cases, async (bench, c) => {
    const random = new TestRandom(c.seed), { n, dim, vocab } = c;
    const hidden = bench.put(random.normals(n * dim), n, dim),
      weight = bench.put(random.normals(vocab * dim), vocab, dim);
    const uniforms = Float32Array.from({ length: n }, () => random.uniform());
    const sampled = await bench.device.lmHeadSample(hidden, weight, uniforms, c);
    const scored = await bench.device.lmHead(hidden, weight, sampled.ids, c.temperature || 1);
    for (const key of ["logProb", "logSumExp", "entropy"] as const) {
      assertSameBits(sampled[key], scored[key], key);
    }
  });

  conformanceTest(
    subject,
    "lmHeadSample() draws every token as often as its probability says",
    async (bench) => {
      const random = new TestRandom(11), draws = 1000, dim = 8, vocab = 4200;
      // A few likely tokens on both sides of column 4,096, and many unlikely ones.
      const h = new Float64Array(dim).fill(1), w = random.normals(vocab * dim, 0.5);
      for (const id of [0, 17, 4095, 4096, 4199]) w.fill(1, id * dim, (id + 1) * dim);
      const rows = Float64Array.from({ length: draws * dim }, () => 1);
      const uniforms = Float32Array.from({ length: draws }, (_, i) => (i + 0.5) / draws);
      const spec = { temperature: 1, topP: 1, topK: 0 };
      const { ids } = await bench.device.lmHeadSample(
        bench.put(rows, draws, dim),
        bench.put(w, vocab, dim),
        uniforms,
        spec,
      );
      const p = truncatedDistribution(linear(h, w, 1), spec);
      for (const id of [0, 17, 4095, 4096, 4199]) {
        const count = ids.filter((drawn) => drawn === id).length;
        assert.ok(
          Math.abs(count - draws * p[id]!) <= 1 + draws * slack,
          `token ${id}: ${count} draws, p = ${p[id]}`,
        );
      }
      assert.ok(ids.every((id, i) => i === 0 || id >= ids[i - 1]!), "tokens come in the order of ids");
    },
  );

  conformanceTest(subject, "lmHeadSample() chooses the lowest id on ties at temperature 0", async (bench) => {
    const vocab = 5000,
      dim = 4,
      h = Float64Array.of(0, 0, 0, 0, 1, 1, 1, 1),
      w = new Float64Array(vocab * dim);
    // Row 0: all logits 0. Row 1: tokens 4,090, 4,099 and 4,999 tie.
    for (const id of [4090, 4099, 4999]) w.fill(0.5, id * dim, (id + 1) * dim);
    const { ids } = await bench.device.lmHeadSample(
      bench.put(h, 2, dim),
      bench.put(w, vocab, dim),
      Float32Array.of(0.9, 0.9),
      { temperature: 0, topP: 1, topK: 0 },
    );
    assert.deepEqual([...ids], [0, 4090]);
  });

  conformanceTest(
    subject,
    "lmHeadSample() never draws a token of probability 0, at the ends of [0, 1) too",
    async (bench) => {
      const vocab = 5000, w = new Float64Array(vocab).fill(-500);
      for (const id of [3, 4097]) w[id] = 0;
      const { ids } = await bench.device.lmHeadSample(
        bench.put(Float64Array.of(1, 1), 2, 1),
        bench.put(w, vocab, 1),
        Float32Array.of(0, 1 - 2 ** -24),
        { temperature: 1, topP: 1, topK: 0 },
      );
      assert.deepEqual([...ids], [3, 4097]);
    },
  );

  for (const spec of [{ temperature: 1, topP: 1, topK: 0 }, { temperature: 0.7, topP: 0.9, topK: 40 }]) {
    conformanceTest(
      subject,
      `lmHeadSample() draws the same token in any batch, ${JSON.stringify(spec)}`,
      (bench) => {
        const random = new TestRandom(9), dim = 48, vocab = 4300, h = random.normals(poolSize * dim, 0.3);
        const uniforms = Float32Array.from({ length: poolSize }, () => random.uniform());
        const weight = bench.put(random.normals(vocab * dim), vocab, dim);
        return assertInvariant(async (items) => {
          using inner = bench.nested();
          const hidden = inner.put(pick(h, items, dim), items.length, dim);
          const at = Float32Array.from(items, (item) => uniforms[item]!);
          const { ids, logProb, logSumExp, entropy } = await inner.device.lmHeadSample(
            hidden,
            weight,
            at,
            spec,
          );
          return items.map((_, i) => Float32Array.of(ids[i]!, logProb[i]!, logSumExp[i]!, entropy[i]!));
        });
      },
    );
  }
}
