/**
 * Conformance of the vocabulary head.
 *
 * @module
 */
import fc from "fast-check";
import { assertClose, assertSameBits } from "#test";
import { linear } from "../reference/linear.ts";
import { lmHead, lmHeadBackward } from "../reference/lm_head.ts";
import { type StoredType, TestRandom } from "../reference/random.ts";
import {
  assertRows,
  backwardTolerance,
  conformanceTest,
  dimension,
  forwardTolerance,
  propertyTest,
  rowCount,
  seed,
  type Subject,
} from "./harness.ts";
import { assertInvariant, pick, poolSize, split } from "./row_invariance.ts";

/** Vocabularies below, at and above the 4,096 columns that engines work in, the larger ones with few other sizes. */
const cases = fc.oneof(
  fc.record({ n: rowCount(20), dim: dimension(90), vocab: dimension(300) }),
  fc.record({ n: rowCount(4), dim: dimension(20), vocab: fc.constantFrom(4096, 4097, 5003, 8200) }),
).chain((size) =>
  fc.record({
    size: fc.constant(size),
    temperature: fc.constantFrom(0.6, 1, 1.7),
    // 12 gives logits in the hundreds: the exponentials must be taken relative to the largest.
    spread: fc.constantFrom(0.3, 1, 12),
    stored: fc.constantFrom<StoredType>("f32", "bf16", "f16"),
    entropy: fc.boolean(),
    weight: fc.boolean(),
    seed,
  })
);

/** Registers the tests of lmHead, lmHeadBackward and logits. */
export function lmHeadSuite(subject: Subject): void {
  propertyTest(subject, "lmHead() and logits() equal the reference", cases, async (bench, c) => {
    const { n, dim, vocab } = c.size, random = new TestRandom(c.seed);
    const h = random.normals(n * dim, c.spread),
      w = random.weights(c.stored, vocab * dim),
      ids = random.integers(n, vocab);
    const hidden = bench.put(h, n, dim), y = bench.out(n, vocab);
    const weight = bench.putWeights(c.stored, w, vocab, dim);
    bench.device.logits(hidden, weight, y);
    const expectedLogits = linear(h, w, n);
    assertRows((await bench.read(y))[0]!, expectedLogits, vocab, forwardTolerance, "logits");
    const actual = await bench.device.lmHead(hidden, weight, ids, c.temperature);
    const expected = lmHead(h, w, ids, c.temperature, n);
    // Differences of logits: their error is that of the largest logit, whatever is left after the subtraction.
    const size = expectedLogits.reduce((max, logit) => Math.max(max, Math.abs(logit) / c.temperature), 1);
    for (const key of ["logProb", "logSumExp", "entropy"] as const) {
      assertClose(actual[key], expected[key], forwardTolerance * size, key);
    }
    const without = await bench.device.lmHead(hidden, weight, ids, c.temperature, { entropy: false });
    for (const key of ["logProb", "logSumExp"] as const) {
      assertSameBits(without[key], actual[key], `${key} without entropy`);
    }
  });

  propertyTest(
    subject,
    "lmHeadBackward() equals the reference and adds to what is there",
    cases,
    async (bench, c) => {
      const { n, dim, vocab } = c.size, random = new TestRandom(c.seed);
      // Peaked distributions have gradients close to 0, which have no digits in f32: stay at logits of order 10.
      const h = random.normals(n * dim, Math.min(c.spread, 1) / Math.sqrt(dim));
      const w = random.weights(c.stored, vocab * dim), ids = random.integers(n, vocab);
      const dLogProb = random.normals(n), dEntropy = random.normals(n);
      const dhBefore = random.normals(n * dim), dwBefore = random.normals(vocab * dim, 0.01);
      const hidden = bench.put(h, n, dim),
        dh = bench.put(dhBefore, n, dim),
        dw = bench.put(dwBefore, vocab, dim);
      const weight = bench.putWeights(c.stored, w, vocab, dim);
      const statistics = await bench.device.lmHead(hidden, weight, ids, c.temperature);
      const gradient = {
        dLogProb: Float32Array.from(dLogProb),
        ...(c.entropy && { dEntropy: Float32Array.from(dEntropy) }),
      };
      bench.device.lmHeadBackward(
        hidden,
        weight,
        ids,
        c.temperature,
        statistics,
        gradient,
        dh,
        c.weight ? dw : null,
      );
      const expected = lmHeadBackward(h, w, ids, c.temperature, n, {
        dLogProb,
        ...(c.entropy && { dEntropy }),
      });
      const [dhRead, dwRead] = await bench.read(dh, dw);
      const dhExpected = expected.dh.map((value, i) => value + dhBefore[i]!);
      assertRows(dhRead!, dhExpected, dim, backwardTolerance, "dh");
      const dwExpected = expected.dw.map((value, i) => (c.weight ? value : 0) + dwBefore[i]!);
      assertRows(dwRead!, dwExpected, dim, backwardTolerance, "dw");
    },
  );

  const sizes = [[48, 5003, "f32"], [192, 300, "f32"], [200, 4500, "bf16"], [100, 4097, "f16"]] as const;
  for (const [dim, vocab, stored] of sizes) {
    conformanceTest(
      subject,
      `lmHead() and logits() give a row the same bits in any batch, ${stored} ${vocab}×${dim}`,
      (bench) => {
        const random = new TestRandom(vocab),
          h = random.normals(poolSize * dim),
          ids = random.integers(poolSize, vocab);
        const w = random.weights(stored, vocab * dim, 0.3);
        const weight = bench.putWeights(stored, w, vocab, dim);
        return assertInvariant(async (items) => {
          using inner = bench.nested();
          const n = items.length, hidden = inner.put(pick(h, items, dim), n, dim), y = inner.out(n, vocab);
          const chosen = Int32Array.from(items, (item) => ids[item]!);
          const { logProb, logSumExp, entropy } = await inner.device.lmHead(hidden, weight, chosen, 0.8);
          inner.device.logits(hidden, weight, y);
          const rows = split((await inner.read(y))[0]!, n);
          return rows.map((row, i) => Float32Array.of(...row, logProb[i]!, logSumExp[i]!, entropy[i]!));
        });
      },
    );
  }
}
