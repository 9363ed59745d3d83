/**
 * Conformance of RMSNorm and of the division by length.
 *
 * @module
 */
import fc from "fast-check";
import { assert } from "#test";
import { l2Normalize, l2NormalizeBackward, rmsNorm, rmsNormBackward } from "../reference/norm.ts";
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
import { assertInvariant, pick, poolSize, split } from "./row_invariance.ts";

const cases = fc.record({
  n: rowCount(70),
  dim: fc.oneof(dimension(200), fc.constantFrom(576, 1001)),
  eps: fc.constantFrom(1e-6, 1e-5, 0.1),
  scale: fc.constantFrom(0.01, 1, 30),
  accumulate: fc.boolean(),
  seed,
});

/** Registers the tests of rmsNorm, l2Normalize and their gradients. */
export function normSuite(subject: Subject): void {
  propertyTest(subject, "rmsNorm() equals the reference", cases, async (bench, c) => {
    const random = new TestRandom(c.seed),
      x = random.normals(c.n * c.dim, c.scale),
      w = random.normals(c.dim);
    const y = bench.out(c.n, c.dim);
    bench.device.rmsNorm(bench.put(x, c.n, c.dim), bench.put(w, c.dim), c.eps, y);
    assertRows((await bench.read(y))[0]!, rmsNorm(x, w, c.eps), c.dim, forwardTolerance, "y");
  });

  propertyTest(subject, "rmsNormBackward() equals the reference and adds to dw", cases, async (bench, c) => {
    // From 2 up: with one element dx is the difference of two nearly equal numbers.
    const dim = c.dim + 1;
    const random = new TestRandom(c.seed), x = random.normals(c.n * dim, c.scale), w = random.normals(dim);
    const dy = random.normals(c.n * dim),
      dwBefore = random.normals(dim),
      dxBefore = random.normals(c.n * dim);
    const dx = c.accumulate ? bench.put(dxBefore, c.n, dim) : bench.out(c.n, dim),
      dw = bench.put(dwBefore, dim);
    bench.device.rmsNormBackward(
      bench.put(dy, c.n, dim),
      bench.put(x, c.n, dim),
      bench.put(w, dim),
      c.eps,
      dx,
      dw,
      c.accumulate,
    );
    const expected = rmsNormBackward(dy, x, w, c.eps), [dxRead, dwRead] = await bench.read(dx, dw);
    const dxExpected = expected.dx.map((value, i) => value + (c.accumulate ? dxBefore[i]! : 0));
    assertRows(dxRead!, dxExpected, dim, backwardTolerance, "dx");
    assertRows(dwRead!, expected.dw.map((value, i) => value + dwBefore[i]!), dim, backwardTolerance, "dw");
  });

  propertyTest(subject, "l2Normalize() and its gradient equal the reference", cases, async (bench, c) => {
    const dim = c.dim + 1;
    const random = new TestRandom(c.seed),
      x = random.normals(c.n * dim, c.scale),
      dy = random.normals(c.n * dim);
    const input = bench.put(x, c.n, dim), y = bench.out(c.n, dim), dx = bench.out(c.n, dim);
    bench.device.l2Normalize(input, y);
    bench.device.l2NormalizeBackward(bench.put(dy, c.n, dim), input, dx);
    const [yRead, dxRead] = await bench.read(y, dx);
    assertRows(yRead!, l2Normalize(x, dim), dim, forwardTolerance, "y");
    assertRows(dxRead!, l2NormalizeBackward(dy, x, dim), dim, backwardTolerance, "dx");
  });

  conformanceTest(subject, "l2Normalize() keeps a zero row at zero", async (bench) => {
    const y = bench.out(2, 2);
    bench.device.l2Normalize(bench.put(Float64Array.of(0, 0, 3, 4), 2, 2), y);
    const [read] = await bench.read(y);
    assert.deepEqual([...read!.subarray(0, 2)], [0, 0]);
  });

  for (const dim of [1, 7, 64, 100, 576, 1536]) {
    conformanceTest(
      subject,
      `rmsNorm(), l2Normalize() and gradients give a row the same bits in any batch, dim ${dim}`,
      (bench) => {
        const random = new TestRandom(dim), { device } = bench;
        const x = random.normals(poolSize * dim), dy = random.normals(poolSize * dim);
        const w = bench.put(random.normals(dim), dim), dw = bench.put(new Float64Array(dim), dim);
        return assertInvariant(async (items) => {
          const n = items.length,
            input = bench.put(pick(x, items, dim), n, dim),
            slope = bench.put(pick(dy, items, dim), n, dim);
          const outputs = Array.from({ length: 4 }, () => bench.out(n, dim));
          device.rmsNorm(input, w, 1e-5, outputs[0]!);
          device.rmsNormBackward(slope, input, w, 1e-5, outputs[1]!, dw);
          device.l2Normalize(input, outputs[2]!);
          device.l2NormalizeBackward(slope, input, outputs[3]!);
          const read = (await bench.read(...outputs)).map((matrix) => split(matrix, n));
          return items.map((_, i) => Float32Array.of(...read.flatMap((rows) => [...rows[i]!])));
        });
      },
    );
  }
}
