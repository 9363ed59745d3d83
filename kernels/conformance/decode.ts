/**
 * Conformance of the cache and of decoding.
 *
 * @module
 */
import fc from "fast-check";
import type { AttentionShape } from "../attention_types.ts";
import { attention } from "../reference/attention.ts";
import { TestRandom } from "../reference/random.ts";
import { shapes } from "./attention_cases.ts";
import {
  assertRows,
  conformanceTest,
  forwardTolerance,
  propertyTest,
  seed,
  type Subject,
} from "./harness.ts";
import { assertInvariant, poolSize, split } from "./row_invariance.ts";
import type { Workbench } from "./workbench.ts";

const cases = fc.record({
  shape: shapes,
  lengths: fc.array(fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 40 })), {
    minLength: 1,
    maxLength: 9,
  }),
  capacity: fc.constantFrom(1, 8, 64),
  seed,
});

interface Case {
  readonly shape: AttentionShape;
  /** Tokens of each slot. */
  readonly lengths: readonly number[];
  readonly capacity: number;
  readonly seed: number;
}

/** Decodes a row of every slot in each of two layers, and compares it with the reference. */
async function compareDecoded(bench: Workbench, c: Case): Promise<void> {
  const { device } = bench,
    { shape, lengths } = c,
    slots = lengths.length,
    random = new TestRandom(c.seed);
  const width = shape.heads * shape.headDim, kvWidth = shape.kvHeads * shape.headDim;
  const n = lengths.reduce((a, b) => a + b, 0), cache = bench.cache(2, slots, c.capacity, shape);
  const q = random.normals(slots * width), queries = bench.put(q, slots, width);
  const layers = [0, 1].map(() => ({ k: random.normals(n * kvWidth), v: random.normals(n * kvWidth) }));
  const rows = lengths.map((count, slot) => ({
    row: lengths.slice(0, slot).reduce((a, b) => a + b, 0),
    count,
    slot,
    position: 0,
  }));
  layers.forEach(({ k, v }, layer) =>
    device.cacheWrite(cache, layer, bench.put(k, n, kvWidth), bench.put(v, n, kvWidth), rows)
  );
  for (const [layer, { k, v }] of layers.entries()) {
    const y = bench.out(slots, width);
    device.attentionDecode(queries, cache, layer, Int32Array.from(lengths), shape, y);
    // A decoded row is the last row of the attention over its slot.
    const expected = rows.flatMap(({ row, count }, slot) => {
      const all = new Float64Array(count * width);
      all.set(q.subarray(slot * width, (slot + 1) * width), (count - 1) * width);
      const part = (x: Float64Array) => x.slice(row * kvWidth, (row + count) * kvWidth);
      const { y } = attention(
        all,
        part(k),
        part(v),
        [{ start: 0, length: count, parent: -1 }],
        shape,
        count,
      );
      return [...y.subarray((count - 1) * width)];
    });
    assertRows((await bench.read(y))[0]!, expected, shape.headDim, forwardTolerance, `layer ${layer}`);
  }
}

/** Registers the tests of kvCache, cacheWrite, cacheCopy and attentionDecode. */
export function decodeSuite(subject: Subject): void {
  propertyTest(
    subject,
    "attentionDecode() equals the reference for every slot and layer",
    cases,
    compareDecoded,
  );

  // Longer than what an engine weighs at a time.
  for (const [heads, kvHeads, headDim] of [[6, 2, 64], [2, 2, 80], [3, 1, 96], [4, 2, 128]] as const) {
    conformanceTest(
      subject,
      `attentionDecode() equals the reference over long sequences, ${heads}/${kvHeads} heads of ${headDim}`,
      (bench) =>
        compareDecoded(bench, {
          shape: { heads, kvHeads, headDim },
          lengths: [129, 1, 270],
          capacity: 270,
          seed: headDim,
        }),
    );
  }

  for (const shape of [{ heads: 3, kvHeads: 3, headDim: 80 }, { heads: 8, kvHeads: 2, headDim: 64 }]) {
    const name = `${shape.heads}/${shape.kvHeads} heads of ${shape.headDim}`;
    conformanceTest(
      subject,
      `attentionDecode() gives a slot the same bits in any batch, ${name}`,
      (bench) => {
        const width = shape.heads * shape.headDim,
          kvWidth = shape.kvHeads * shape.headDim,
          random = new TestRandom(5);
        const lengths = random.integers(poolSize, 60).map((length) => length + 1);
        const data = Array.from(lengths, (length) => ({
          q: random.normals(width),
          k: random.normals(length * kvWidth),
          v: random.normals(length * kvWidth),
        }));
        return assertInvariant(async (items) => {
          using inner = bench.nested();
          const slots = items.length, longest = Math.max(...items.map((item) => lengths[item]!));
          const cache = inner.cache(1, slots, longest, shape);
          items.forEach((item, slot) => {
            using one = inner.nested();
            const { k, v } = data[item]!, count = lengths[item]!;
            one.device.cacheWrite(cache, 0, one.put(k, count, kvWidth), one.put(v, count, kvWidth), [
              { row: 0, count, slot, position: 0 },
            ]);
          });
          const y = inner.out(slots, width),
            q = Float64Array.from(items.flatMap((item) => [...data[item]!.q]));
          const at = Int32Array.from(items, (item) => lengths[item]!);
          inner.device.attentionDecode(inner.put(q, slots, width), cache, 0, at, shape, y);
          return split((await inner.read(y))[0]!, slots);
        });
      },
    );
  }
}
