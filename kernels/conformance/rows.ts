/**
 * Conformance of the ops that move rows.
 *
 * @module
 */
import fc from "fast-check";
import { assertSameBits } from "#test";
import { gatherRows, scatterAddRows } from "../reference/embedding.ts";
import { type StoredType, TestRandom } from "../reference/random.ts";
import {
  assertRows,
  backwardTolerance,
  dimension,
  propertyTest,
  rowCount,
  seed,
  type Subject,
} from "./harness.ts";

const cases = fc.record({
  n: rowCount(60),
  vocab: dimension(90),
  dim: dimension(70),
  stored: fc.constantFrom<StoredType>("bf16", "f16"),
  seed,
});

/** Registers the tests of embedding, gatherRows, scatterAddRows and embeddingBackward. */
export function rowsSuite(subject: Subject): void {
  // A copy has no rounding, so the bits of a row are those of the table wherever it stands: batch invariance included.
  propertyTest(
    subject,
    "embedding() and gatherRows() copy rows exactly, of 16 bits too",
    cases,
    async (bench, c) => {
      const random = new TestRandom(c.seed), w = random.weights(c.stored, c.vocab * c.dim);
      const index = random.integers(c.n, c.vocab), ids = bench.putIds(index);
      const y = [bench.out(c.n, c.dim), bench.out(c.n, c.dim), bench.out(c.n, c.dim)] as const;
      const table = bench.put(w, c.vocab, c.dim);
      bench.device.embedding(ids, table, y[0]);
      bench.device.embedding(ids, bench.putWeights(c.stored, w, c.vocab, c.dim), y[1]);
      bench.device.gatherRows(table, ids, y[2]);
      const expected = Float32Array.from(gatherRows(w, index, c.dim));
      for (const read of await bench.read(...y)) assertSameBits(read, expected);
    },
  );

  propertyTest(
    subject,
    "scatterAddRows() and embeddingBackward() add up repeated rows",
    cases,
    async (bench, c) => {
      const random = new TestRandom(c.seed),
        x = random.normals(c.n * c.dim),
        before = random.normals(c.vocab * c.dim);
      const index = random.integers(c.n, c.vocab), ids = bench.putIds(index), dy = bench.put(x, c.n, c.dim);
      const y = bench.put(before, c.vocab, c.dim), dw = bench.put(before, c.vocab, c.dim);
      bench.device.scatterAddRows(dy, ids, y);
      bench.device.embeddingBackward(ids, dy, dw);
      const expected = scatterAddRows(x, index, c.vocab).map((value, i) => value + before[i]!);
      for (const read of await bench.read(y, dw)) assertRows(read, expected, c.dim, backwardTolerance, "sum");
    },
  );
}
