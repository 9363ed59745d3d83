import { assert, assertClose } from "#test";
import type { Segment } from "../attention_types.ts";
import { assertGradient, inner } from "./_gradient_test_helper.ts";
import { attention, attentionBackward, visibleRows } from "./attention.ts";
import { TestRandom } from "./random.ts";

/** A prompt with two rationales, a row in no segment, and a text without rationale. */
const segments: Segment[] = [
  { start: 0, length: 3, parent: -1 },
  { start: 3, length: 2, parent: 0 },
  { start: 6, length: 2, parent: 0 },
  { start: 8, length: 4, parent: -1 },
];
const n = 12, shape = { heads: 4, kvHeads: 2, headDim: 6 };
const random = new TestRandom(1);
const q = random.normals(n * 24),
  k = random.normals(n * 12),
  v = random.normals(n * 12),
  dy = random.normals(n * 24);

Deno.test("visibleRows() shows a child its parent and itself, and never a sibling or the future", () => {
  const visible = visibleRows(segments, n);
  assert.deepEqual(visible[1], [0, 1]);
  assert.deepEqual(visible[4], [0, 1, 2, 3, 4]);
  assert.deepEqual(visible[5], []);
  assert.deepEqual(visible[7], [0, 1, 2, 6, 7]);
  assert.deepEqual(visible[9], [8, 9]);
});

Deno.test("attention() of a token that sees only itself is its value, for every query head of the group", () => {
  const { y } = attention(q, k, v, segments, shape, n);
  for (const [head, kvHead] of [[0, 0], [1, 0], [2, 1], [3, 1]] as const) {
    assertClose(y.subarray(head * 6, head * 6 + 6), v.subarray(kvHead * 6, kvHead * 6 + 6), 1e-14);
  }
});

Deno.test("attention() averages the values when all keys are zero", () => {
  const { y, lse } = attention(q, new Float64Array(k.length), v, segments, shape, n);
  const rows = [0, 1, 2, 6, 7];
  const mean = Array.from({ length: 6 }, (_, d) => rows.reduce((sum, row) => sum + v[row * 12 + d]! / 5, 0));
  assertClose(y.subarray(7 * 24, 7 * 24 + 6), mean, 1e-14);
  assertClose([lse[7]!], [Math.log(5)], 1e-14);
});

Deno.test("attention() of parent and child equals that of the two as one segment", () => {
  const split = attention(q, k, v, segments, shape, n);
  const joined = attention(q, k, v, [{ start: 0, length: 5, parent: -1 }], shape, n);
  assertClose(split.y.subarray(0, 5 * 24), joined.y.subarray(0, 5 * 24), 1e-14);
});

Deno.test("attentionBackward() is the gradient of attention(), with children that share a parent", () => {
  const { dq, dk, dv } = attentionBackward(dy, q, k, v, segments, shape, n);
  assertGradient((q, k, v) => inner(dy, attention(q, k, v, segments, shape, n).y), [q, k, v], [dq, dk, dv]);
});
