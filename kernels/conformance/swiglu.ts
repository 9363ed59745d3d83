/**
 * Conformance of the gated activation.
 *
 * @module
 */
import fc from "fast-check";
import { TestRandom } from "../reference/random.ts";
import { swiglu, swigluBackward } from "../reference/swiglu.ts";
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
  dim: dimension(300),
  scale: fc.constantFrom(0.1, 1, 20),
  inPlace: fc.boolean(),
  seed,
});

/** Registers the tests of swiglu and swigluBackward. */
export function swigluSuite(subject: Subject): void {
  propertyTest(
    subject,
    "swiglu() and its gradient equal the reference, in place too",
    cases,
    async (bench, c) => {
      const random = new TestRandom(c.seed), size = c.n * c.dim;
      const gate = random.normals(size, c.scale), up = random.normals(size), dy = random.normals(size);
      const put = (values: Float64Array) => bench.put(values, c.n, c.dim);
      const gateTensor = put(gate), upTensor = put(up), y = bench.out(c.n, c.dim);
      bench.device.swiglu(gateTensor, upTensor, y);
      const dGate = c.inPlace ? gateTensor : bench.out(c.n, c.dim);
      const dUp = c.inPlace ? upTensor : bench.out(c.n, c.dim);
      bench.device.swigluBackward(put(dy), gateTensor, upTensor, dGate, dUp);
      const [yRead, dGateRead, dUpRead] = await bench.read(y, dGate, dUp);
      const expected = swigluBackward(dy, gate, up);
      // Far below zero silu(z) is z times nearly nothing; what counts is that it is small beside z.
      const floor = c.scale / 10;
      assertRows(yRead!, swiglu(gate, up), c.dim, forwardTolerance, "y", floor);
      assertRows(dGateRead!, expected.dGate, c.dim, backwardTolerance, "dGate", floor);
      assertRows(dUpRead!, expected.dUp, c.dim, backwardTolerance, "dUp", floor);
    },
  );

  // 3,001 × 33 rows and more is past the size at which an engine may work in pieces.
  for (const dim of [1, 5, 64, 1536, 3001]) {
    conformanceTest(
      subject,
      `swiglu() and its gradient give a row the same bits in any batch, dim ${dim}`,
      (bench) => {
        const random = new TestRandom(dim), size = poolSize * dim;
        const gate = random.normals(size, 4), up = random.normals(size), dy = random.normals(size);
        return assertInvariant(async (items) => {
          const n = items.length, put = (values: Float64Array) => bench.put(pick(values, items, dim), n, dim);
          const outputs = [bench.out(n, dim), bench.out(n, dim), bench.out(n, dim)] as const;
          const g = put(gate), u = put(up);
          bench.device.swiglu(g, u, outputs[0]);
          bench.device.swigluBackward(put(dy), g, u, outputs[1], outputs[2]);
          const read = (await bench.read(...outputs)).map((matrix) => split(matrix, n));
          return items.map((_, i) => Float32Array.of(...read.flatMap((rows) => [...rows[i]!])));
        });
      },
    );
  }
}
