/**
 * Conformance of rotary positions.
 *
 * @module
 */
import fc from "fast-check";
import { assert } from "#test";
import { TestRandom } from "../reference/random.ts";
import { rope } from "../reference/rope.ts";
import {
  assertRows,
  conformanceTest,
  forwardTolerance,
  propertyTest,
  rowCount,
  seed,
  type Subject,
} from "./harness.ts";
import { assertInvariant, pick, poolSize, split } from "./row_invariance.ts";

const tableLength = 3000;

/** θ^(−2i/headDim), as in Llama. */
function frequencies(headDim: number): Float64Array {
  return Float64Array.from({ length: headDim / 2 }, (_, i) => 10000 ** (-2 * i / headDim));
}

const cases = fc.record({
  n: rowCount(60),
  heads: fc.integer({ min: 1, max: 7 }),
  headDim: fc.constantFrom(2, 6, 32, 64, 80, 96, 128),
  inverse: fc.boolean(),
  seed,
});

/** Registers the tests of ropeTable and rope. */
export function ropeSuite(subject: Subject): void {
  propertyTest(subject, "rope() equals the reference, forwards and back", cases, async (bench, c) => {
    const random = new TestRandom(c.seed), width = c.heads * c.headDim, x = random.normals(c.n * width);
    const positions = random.integers(c.n, tableLength),
      table = bench.device.ropeTable(frequencies(c.headDim), tableLength);
    const y = bench.out(c.n, width);
    bench.device.rope(bench.put(x, c.n, width), positions, table, c.heads, y, c.inverse);
    const expected = rope(x, positions, frequencies(c.headDim), c.heads, c.inverse);
    assertRows((await bench.read(y))[0]!, expected, width, forwardTolerance, "y");
  });

  conformanceTest(subject, "rope() rotates more rows than the table has positions", async (bench) => {
    // A packed stream: many short sequences, so n is larger than the longest of them.
    const random = new TestRandom(1), x = random.normals(60 * 8), positions = random.integers(60, 5);
    const y = bench.out(60, 8), table = bench.device.ropeTable(frequencies(4), 5);
    bench.device.rope(bench.put(x, 60, 8), positions, table, 2, y);
    const expected = rope(x, positions, frequencies(4), 2);
    assertRows((await bench.read(y))[0]!, expected, 8, forwardTolerance, "y");
  });

  conformanceTest(
    subject,
    "rope() reads the positions anew when the caller changes the array",
    async (bench) => {
      const table = bench.device.ropeTable(frequencies(4), 10),
        x = bench.put(Float64Array.of(1, 2, 3, 4), 1, 4);
      const positions = Int32Array.of(1), first = bench.out(1, 4), second = bench.out(1, 4);
      bench.device.rope(x, positions, table, 1, first);
      positions[0] = 7;
      bench.device.rope(x, positions, table, 1, second);
      const expected = rope(Float64Array.of(1, 2, 3, 4), Int32Array.of(7), frequencies(4), 1);
      assertRows((await bench.read(second))[0]!, expected, 4, forwardTolerance, "y");
    },
  );

  conformanceTest(subject, "rope() throws when a position is not in the table", (bench) => {
    const x = bench.put(new Float64Array(4), 1, 4), y = bench.out(1, 4);
    const long = bench.device.ropeTable(frequencies(4), 10),
      short = bench.device.ropeTable(frequencies(4), 5);
    const positions = Int32Array.of(5);
    bench.device.rope(x, positions, long, 1, y);
    assert.throws(() => bench.device.rope(x, positions, short, 1, y));
    assert.throws(() => bench.device.rope(x, Int32Array.of(-1), short, 1, y));
    return Promise.resolve();
  });

  for (const [heads, headDim] of [[1, 6], [3, 80], [9, 64]] as const) {
    conformanceTest(
      subject,
      `rope() gives a row the same bits in any batch, ${heads} heads of ${headDim}`,
      (bench) => {
        const random = new TestRandom(headDim), width = heads * headDim, x = random.normals(poolSize * width);
        const positions = random.integers(poolSize, tableLength);
        const table = bench.device.ropeTable(frequencies(headDim), tableLength);
        return assertInvariant(async (items) => {
          const n = items.length, y = bench.out(n, width);
          const at = Int32Array.from(items, (item) => positions[item]!);
          bench.device.rope(bench.put(pick(x, items, width), n, width), at, table, heads, y);
          return split((await bench.read(y))[0]!, n);
        });
      },
    );
  }
}
