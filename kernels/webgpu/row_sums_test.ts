import { assert } from "#test";
import { groupRows } from "./row_sums.ts";

const list = {
  targets: Int32Array.of(4, 1, 4, 0, 4),
  sources: Int32Array.of(10, 11, 12, 13, 14),
  weights: Float32Array.of(1, 2, 3, 4, 5),
};

Deno.test("groupRows() keeps the order of the entries of a target", () => {
  const { targets, starts, sources, weights } = groupRows(list, 6, 0, 100);
  assert.deepEqual([...targets], [0, 1, 4]);
  assert.deepEqual([...starts], [0, 1, 2, 5]);
  assert.deepEqual([...sources], [13, 11, 10, 12, 14]);
  assert.deepEqual([...weights], [4, 2, 1, 3, 5]);
});

Deno.test("groupRows() leaves out sources of other blocks, and counts from the start of this one", () => {
  const { targets, starts, sources } = groupRows(list, 6, 11, 13);
  assert.deepEqual([...targets], [1, 4]);
  assert.deepEqual([...starts], [0, 1, 2]);
  assert.deepEqual([...sources], [0, 1]);
});
