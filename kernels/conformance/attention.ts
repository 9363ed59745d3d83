/**
 * Conformance of attention over packed segments.
 *
 * @module
 */
import { assert } from "#test";
import type { AttentionShape, Segment } from "../attention_types.ts";
import { attention, attentionBackward } from "../reference/attention.ts";
import { TestRandom } from "../reference/random.ts";
import { attentionCases } from "./attention_cases.ts";
import {
  assertRows,
  backwardTolerance,
  conformanceTest,
  forwardTolerance,
  propertyTest,
  type Subject,
} from "./harness.ts";
import { assertInvariant, poolSize } from "./row_invariance.ts";
import type { Workbench } from "./workbench.ts";

/** Sets the rows in no segment to 0, after checking that an op has left there what was there: `before`. */
function checkOutside(
  values: Float32Array,
  segments: readonly Segment[],
  n: number,
  before: number,
): Float32Array {
  const width = values.length / n, result = values.slice();
  for (let row = 0; row < n; row++) {
    if (segments.some(({ start, length }) => row >= start && row < start + length)) continue;
    const outside = result.subarray(row * width, (row + 1) * width);
    assert.ok(
      outside.every((value) => Object.is(value, before)),
      `row ${row} is in no segment but was written`,
    );
    outside.fill(0);
  }
  return result;
}

/** [heads, n] → [n, heads]. */
function byRow(lse: Float32Array | Float64Array, n: number): Float64Array {
  const heads = lse.length / n;
  return Float64Array.from({ length: lse.length }, (_, i) => lse[(i % heads) * n + Math.floor(i / heads)]!);
}

async function compare(
  bench: Workbench,
  segments: readonly Segment[],
  n: number,
  shape: AttentionShape,
  random: TestRandom,
  spread: number,
): Promise<void> {
  const { device } = bench, width = shape.heads * shape.headDim, kvWidth = shape.kvHeads * shape.headDim;
  const q = random.normals(n * width, spread),
    k = random.normals(n * kvWidth),
    v = random.normals(n * kvWidth);
  const dy = random.normals(n * width);
  const inputs = [bench.put(q, n, width), bench.put(k, n, kvWidth), bench.put(v, n, kvWidth)] as const;
  const y = bench.out(n, width), lse = bench.out(shape.heads, n);
  device.attention(...inputs, segments, shape, y, lse);
  const [yRead, lseRead] = await bench.read(y, lse);
  const expected = attention(q, k, v, segments, shape, n);
  assertRows(checkOutside(yRead!, segments, n, NaN), expected.y, shape.headDim, forwardTolerance, "y");
  const lseRows = checkOutside(Float32Array.from(byRow(lseRead!, n)), segments, n, NaN);
  // An exponent: its absolute error is what counts, and that of a score grows with q.
  assertRows(lseRows, byRow(expected.lse, n), 1, forwardTolerance, "lse", Math.max(1, spread));

  const dq = bench.out(n, width), dk = bench.out(n, kvWidth), dv = bench.out(n, kvWidth);
  device.attentionBackward(bench.put(dy, n, width), ...inputs, y, lse, segments, shape, dq, dk, dv);
  const [dqRead, dkRead, dvRead] = await bench.read(dq, dk, dv);
  const gradients = attentionBackward(dy, q, k, v, segments, shape, n);
  // Rows in no segment have gradient 0: their q, k and v have no influence.
  // Where one token has all the probability, dq and dk are what is left of terms of the size of k and q.
  assertRows(dqRead!, gradients.dq, width, backwardTolerance, "dq", 0.01);
  assertRows(dkRead!, gradients.dk, kvWidth, backwardTolerance, "dk", 0.01 * Math.max(1, spread));
  assertRows(dvRead!, gradients.dv, kvWidth, backwardTolerance, "dv");
}

/** Registers the tests of attention and attentionBackward. */
export function attentionSuite(subject: Subject): void {
  propertyTest(
    subject,
    "attention() and its gradient equal the reference",
    attentionCases,
    async (bench, c) => {
      await compare(bench, c.stream.segments, c.stream.n, c.shape, new TestRandom(c.seed), c.spread);
    },
    40,
  );

  conformanceTest(
    subject,
    "attention() equals the reference when children come before their parent",
    async (bench) => {
      const segments = [{ start: 9, length: 6, parent: -1 }, { start: 0, length: 4, parent: 0 }, {
        start: 4,
        length: 5,
        parent: 0,
      }];
      await compare(bench, segments, 15, { heads: 4, kvHeads: 2, headDim: 64 }, new TestRandom(1), 1);
    },
  );

  // Long enough that an engine which works in blocks of queries or keys has several, the last one of a single row.
  for (const length of [257, 300]) {
    conformanceTest(
      subject,
      `attention() equals the reference over ${length} tokens with a child`,
      async (bench) => {
        const segments = [{ start: 0, length, parent: -1 }, { start: length, length: 130, parent: 0 }];
        await compare(
          bench,
          segments,
          length + 130,
          { heads: 2, kvHeads: 2, headDim: 32 },
          new TestRandom(2),
          1,
        );
      },
    );
  }

  // Several chunks of keys and tiles of queries, which the random streams are too short for.
  for (const [heads, kvHeads, headDim] of [[6, 2, 64], [2, 2, 80], [3, 1, 96], [4, 2, 128]] as const) {
    conformanceTest(
      subject,
      `attention() and its gradient equal the reference over long sequences, ${heads}/${kvHeads} heads of ${headDim}`,
      async (bench) => {
        const segments = [
          { start: 0, length: 101, parent: -1 },
          { start: 101, length: 70, parent: 0 },
          { start: 171, length: 1, parent: 0 },
          { start: 172, length: 67, parent: -1 },
        ];
        await compare(bench, segments, 239, { heads, kvHeads, headDim }, new TestRandom(headDim), 1);
      },
    );
  }

  for (const shape of [{ heads: 3, kvHeads: 3, headDim: 80 }, { heads: 6, kvHeads: 2, headDim: 64 }]) {
    const name = `${shape.heads}/${shape.kvHeads} heads of ${shape.headDim}`;
    conformanceTest(subject, `attention() gives a sequence the same bits in any batch, ${name}`, (bench) => {
      const width = shape.heads * shape.headDim, kvWidth = shape.kvHeads * shape.headDim;
      const random = new TestRandom(3), lengths = random.integers(poolSize, 24).map((length) => length + 1);
      // Items 0 and 1 are the shortest and longest of interest.
      lengths.set([1, 140]);
      const data = Array.from(lengths, (length) => ({
        q: random.normals(length * width),
        k: random.normals(length * kvWidth),
        v: random.normals(length * kvWidth),
      }));
      return assertInvariant(async (items) => {
        using inner = bench.nested();
        const segments: Segment[] = [];
        let n = 0;
        for (const item of items) {
          segments.push({ start: n, length: lengths[item]!, parent: -1 });
          n += lengths[item]!;
        }
        const put = (key: "q" | "k" | "v", columns: number) =>
          inner.put(Float64Array.from(items.flatMap((item) => [...data[item]![key]])), n, columns);
        const y = inner.out(n, width), lse = inner.out(shape.heads, n);
        inner.device.attention(
          put("q", width),
          put("k", kvWidth),
          put("v", kvWidth),
          segments,
          shape,
          y,
          lse,
        );
        const [yRead, lseRead] = await inner.read(y, lse);
        const lseRows = byRow(lseRead!, n);
        return segments.map(({ start, length }) =>
          Float32Array.of(
            ...yRead!.subarray(start * width, (start + length) * width),
            ...lseRows.subarray(start * shape.heads, (start + length) * shape.heads),
          )
        );
      });
    });
  }
}
