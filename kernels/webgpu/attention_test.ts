import { assert, assertClose, assertSameBits } from "#test";
import { assertRows, backwardTolerance, forwardTolerance } from "../conformance/harness.ts";
import type { Workbench } from "../conformance/workbench.ts";
import type { AttentionShape, Segment } from "../attention_types.ts";
import type { Tensor } from "../tensor_types.ts";
import { attention, attentionBackward } from "../reference/attention.ts";
import { TestRandom } from "../reference/random.ts";
import { limitsTest } from "./_limits_test_helper.ts";

/** q, k, v and dy of a stream. */
function inputs(n: number, { heads, kvHeads, headDim }: AttentionShape, seed = 1): Float64Array[] {
  const random = new TestRandom(seed);
  return [heads, kvHeads, kvHeads, heads].map((count) => random.normals(n * count * headDim));
}

/** y, lse, dq, dk and dv. `put` and `out` make tensors [n, width]. */
async function run(
  bench: Workbench,
  segments: readonly Segment[],
  shape: AttentionShape,
  values: readonly Float64Array[],
  put = (data: Float64Array, rows: number, width: number) => bench.put(data, rows, width),
  out = (rows: number, width: number): Tensor => bench.out(rows, width),
): Promise<Float32Array[]> {
  const width = shape.heads * shape.headDim, kvWidth = shape.kvHeads * shape.headDim;
  const n = values[0]!.length / width, widths = [width, kvWidth, kvWidth, width];
  const [q, k, v, dy] = values.map((data, i) => put(data, n, widths[i]!));
  const y = out(n, width), lse = out(shape.heads, n);
  const dq = out(n, width), dk = out(n, kvWidth), dv = out(n, kvWidth);
  bench.device.attention(q!, k!, v!, segments, shape, y, lse);
  bench.device.attentionBackward(dy!, q!, k!, v!, y, lse, segments, shape, dq, dk, dv);
  return await bench.read(y, lse, dq, dk, dv);
}

const names = ["y", "lse", "dq", "dk", "dv"];

/** Two prompts with continuations, and rows in no segment before, between and after. */
const families: readonly Segment[] = [
  { start: 2, length: 45, parent: -1 },
  { start: 47, length: 33, parent: 0 },
  { start: 80, length: 20, parent: 0 },
  { start: 103, length: 70, parent: -1 },
  { start: 173, length: 9, parent: 3 },
  { start: 182, length: 1, parent: -1 },
];
const total = 185;

limitsTest(
  "attention() and its gradient give the same bits when a kernel sees only part of the stream",
  { maxBinding: 110 * 768, maxGroups: 7 },
  async ({ small, large }) => {
    const shape = { heads: 6, kvHeads: 2, headDim: 32 }, values = inputs(total, shape);
    const [split, whole] = await Promise.all(
      [small, large].map((bench) => run(bench, families, shape, values)),
    );
    names.forEach((name, i) => assertSameBits(split![i]!, whole![i]!, name));
  },
);

limitsTest(
  "attention() throws when a prompt and its continuations are more than a kernel sees",
  { maxBinding: 90 * 768 },
  async ({ small }) => {
    const shape = { heads: 6, kvHeads: 2, headDim: 32 };
    await assert.rejects(
      run(small, families, shape, inputs(total, shape)),
      /rows \[2, 100\), a kernel sees 89/,
    );
  },
);

for (const headDim of [6, 33, 160]) {
  limitsTest(
    `attention() and its gradient equal the reference for heads of ${headDim}`,
    {},
    async ({ large }) => {
      const shape = { heads: 3, kvHeads: 1, headDim }, values = inputs(total, shape);
      const [q, k, v, dy] = values, [y, , dq, dk, dv] = await run(large, families, shape, values);
      const gradient = attentionBackward(dy!, q!, k!, v!, families, shape, total);
      // Rows in no segment keep the NaN that was there.
      const written = y!.map((value) => Number.isNaN(value) ? 0 : value);
      assertRows(written, attention(q!, k!, v!, families, shape, total).y, headDim, forwardTolerance, "y");
      assertRows(dq!, gradient.dq, 3 * headDim, backwardTolerance, "dq", 0.01);
      assertRows(dk!, gradient.dk, headDim, backwardTolerance, "dk", 0.01);
      assertRows(dv!, gradient.dv, headDim, backwardTolerance, "dv");
    },
  );
}

limitsTest(
  "attention() and its gradient give the same bits where views start amid a vector",
  {},
  async ({ large }) => {
    const shape = { heads: 4, kvHeads: 2, headDim: 64 }, values = inputs(total, shape), { device } = large;
    const shift = (tensor: Tensor, rows: number, width: number) =>
      device.reshape(device.rows(tensor, 1, rows * width + 1), [rows, width]);
    const aligned = await run(large, families, shape, values);
    const shifted = await run(
      large,
      families,
      shape,
      values,
      (data, rows, width) => shift(large.put(Float64Array.of(0, ...data), data.length + 1), rows, width),
      (rows, width) => shift(large.out(rows * width + 1), rows, width),
    );
    names.forEach((name, i) => assertSameBits(shifted[i]!, aligned[i]!, name));
  },
);

limitsTest(
  "attention() gives the value itself to thousands of sequences of one token",
  { maxGroups: 60 },
  async ({ small }) => {
    const n = 3500, shape = { heads: 1, kvHeads: 1, headDim: 4 }, values = inputs(n, shape);
    const segments = Array.from({ length: n }, (_, start) => ({ start, length: 1, parent: -1 }));
    const [y, , dq, dk, dv] = await run(small, segments, shape, values), [, , v, dy] = values;
    assertSameBits(y!, Float32Array.from(v!), "y");
    // The probability comes from a rounded logarithm.
    assertClose(dv!, dy!, 1e-5, "dv");
    for (const zero of [dq!, dk!]) assert.ok(zero.every((value) => value === 0));
  },
);

limitsTest("attention() lets a NaN through", {}, async ({ large }) => {
  const shape = { heads: 1, kvHeads: 1, headDim: 4 };
  for (const which of [0, 1, 2]) {
    const values = inputs(40, shape);
    values[which]![4 * 35] = NaN;
    const [y] = await run(large, [{ start: 0, length: 40, parent: -1 }], shape, values);
    assert.ok(Number.isNaN(y![4 * 35]), `input ${which}`);
  }
});
