import { assert } from "#test";
import { clusterJobs as sets } from "../../fixtures/cluster_jobs.ts";
import { helped, sideBySide } from "./side_by_side.ts";

Deno.test("sideBySide() gives the same bits with helpers and without, in the order of the jobs", () => {
  const alone = sideBySide(sets(40), 0);
  // A helper takes a moment to start; whoever asks does not wait for it.
  for (let turn = 0; turn < 100 && helped() < 5; turn++) assert.deepEqual(sideBySide(sets(40), 2), alone);
  assert.ok(helped() >= 5, `${helped()} jobs were answered by helpers`);
  assert.notDeepEqual(alone[0], alone[1]);
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
