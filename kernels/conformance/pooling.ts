/**
 * Conformance of mean pooling and of the contrastive loss.
 *
 * @module
 */
import fc from "fast-check";
import { assert, assertClose } from "#test";
import { infoNce, infoNceBackward } from "../reference/info_nce.ts";
import { l2Normalize } from "../reference/norm.ts";
import { meanPool, meanPoolBackward } from "../reference/pool.ts";
import { TestRandom } from "../reference/random.ts";
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
import { assertInvariant, poolSize, split } from "./row_invariance.ts";

const poolCases = fc.record({
  n: rowCount(40),
  dim: dimension(70),
  pooled: fc.integer({ min: 1, max: 6 }),
  seed,
});

const contrastiveCases = fc.record({
  n: rowCount(12),
  negatives: fc.nat(15),
  dim: fc.integer({ min: 2, max: 70 }),
  temperature: fc.constantFrom(0.02, 0.05, 1),
  exclude: fc.boolean(),
  seed,
});

/** Ranges of rows that overlap between outputs but not inside one, as prompts shared by rationales do. */
function randomRanges(random: TestRandom, n: number, outputs: number) {
  return Array.from({ length: outputs }, () => {
    const middle = random.integer(n), start = random.integer(middle + 1);
    const first = { start, end: middle + 1 };
    return middle + 1 < n ? [first, { start: middle + 1 + random.integer(n - middle - 1), end: n }] : [first];
  });
}

/** Registers the tests of meanPool, infoNce and their gradients. */
export function poolingSuite(subject: Subject): void {
  propertyTest(subject, "meanPool() and its gradient equal the reference", poolCases, async (bench, c) => {
    const random = new TestRandom(c.seed), { n, dim } = c, ranges = randomRanges(random, n, c.pooled);
    const x = random.normals(n * dim), dy = random.normals(c.pooled * dim), before = random.normals(n * dim);
    const pooled = bench.out(c.pooled, dim), dx = bench.put(before, n, dim);
    bench.device.meanPool(bench.put(x, n, dim), ranges, pooled);
    bench.device.meanPoolBackward(bench.put(dy, c.pooled, dim), ranges, dx);
    const [pooledRead, dxRead] = await bench.read(pooled, dx);
    assertRows(pooledRead!, meanPool(x, ranges, dim), dim, forwardTolerance, "pooled");
    const expected = meanPoolBackward(dy, ranges, dim, n).map((value, i) => value + before[i]!);
    assertRows(dxRead!, expected, dim, backwardTolerance, "dx");
  });

  conformanceTest(subject, "meanPool() gives a vector the same bits among any others", (bench) => {
    const random = new TestRandom(12), n = 150, dim = 70, x = bench.put(random.normals(n * dim), n, dim);
    const ranges = randomRanges(random, n, poolSize);
    return assertInvariant(async (items) => {
      using inner = bench.nested();
      const pooled = inner.out(items.length, dim);
      inner.device.meanPool(x, items.map((item) => ranges[item]!), pooled);
      return split((await inner.read(pooled))[0]!, items.length);
    });
  });

  conformanceTest(subject, "meanPool() throws when there is nothing to pool", (bench) => {
    const x = bench.put(new Float64Array(6), 3, 2), pooled = bench.out(1, 2);
    assert.throws(() => bench.device.meanPool(x, [[]], pooled));
    assert.throws(() => bench.device.meanPool(x, [[{ start: 1, end: 1 }]], pooled));
    return Promise.resolve();
  });

  propertyTest(
    subject,
    "infoNce() and its gradients equal the reference",
    contrastiveCases,
    async (bench, c) => {
      const random = new TestRandom(c.seed), { n, dim } = c, m = n + c.negatives;
      const unit = (rows: number) => l2Normalize(random.normals(rows * dim), dim).map(Math.fround);
      const q = unit(n), candidates = unit(m);
      const excluded = Uint8Array.from({ length: n * m }, (_, at) => {
        const i = Math.floor(at / m), j = at % m;
        return i !== j && random.uniform() < 0.2 ? 1 : 0;
      });
      const spec = { temperature: c.temperature, ...(c.exclude && { excluded }) };
      const dq = bench.out(n, dim), dc = bench.out(m, dim);
      const loss = await bench.device.infoNce(
        bench.put(q, n, dim),
        bench.put(candidates, m, dim),
        spec,
        dq,
        dc,
      );
      // Similarities are of order 1/τ before they are subtracted.
      assertClose([loss], [infoNce(q, candidates, n, m, spec)], forwardTolerance / c.temperature, "loss");
      const expected = infoNceBackward(q, candidates, n, m, spec);
      const [dqRead, dcRead] = await bench.read(dq, dc);
      // The same error in the exponent is a relative error of the probabilities.
      const tolerance = backwardTolerance * Math.max(1, 0.05 / c.temperature);
      // Gradients of a solved example are what is left of terms of order 1/(nτ).
      const floor = 0.01 / (n * c.temperature);
      assertRows(dqRead!, expected.dq, dim, tolerance, "dq", floor);
      assertRows(dcRead!, expected.dc, dim, tolerance, "dc", floor);
    },
  );
}
