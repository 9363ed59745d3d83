import { assert } from "#test";
import { clusteredPoints } from "../../fixtures/clustered_points.ts";
import { helped, type Jobs, sideBySide } from "./side_by_side.ts";

const rows = 300, columns = 16, clusters = 4;

/** Sets to cluster, with as many multiplications as make helpers worth their start. */
function sets(count: number, broken = -1): Jobs<"cluster"> {
  return {
    kind: "cluster",
    count,
    floats: () => rows * columns,
    job: (place, memory) => {
      memory.set(
        clusteredPoints({ seed: place + 1, rows, columns, classes: clusters, spread: 1, offset: 0 }).data,
      );
      // An array of no length cannot hold the rows that it says it has.
      const data = place === broken ? memory.subarray(0, 0) : memory;
      return { points: { data, rows, columns }, clusters, batchSize: 100, sklearn: "1.9", seed: 42 };
    },
    multiplications: 2 ** 31,
  };
}

Deno.test("sideBySide() gives the same bits with helpers and without, in the order of the jobs", () => {
  const alone = sideBySide(sets(40), 0);
  // A helper takes a moment to start; whoever asks does not wait for it.
  for (let turn = 0; turn < 100 && helped() < 5; turn++) assert.deepEqual(sideBySide(sets(40), 2), alone);
  assert.ok(helped() >= 5, `${helped()} jobs were answered by helpers`);
  assert.notDeepEqual(alone[0]!.labels, alone[1]!.labels);
});

Deno.test("sideBySide() fails as the job does, with helpers and without, and computes others afterwards", () => {
  const expected = sideBySide(sets(6), 0);
  for (const helping of [0, 2]) {
    assert.throws(() => sideBySide(sets(6, 3), helping));
    assert.throws(() => sideBySide(sets(6, 0), helping));
    assert.deepEqual(sideBySide(sets(6), helping), expected);
  }
});

Deno.test("sideBySide() of no jobs gives none", () => {
  assert.deepEqual(sideBySide(sets(0)), []);
});
