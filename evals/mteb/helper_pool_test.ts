import { Worker } from "node:worker_threads";
import { assert } from "#test";
import { clusterJobs } from "../../fixtures/cluster_jobs.ts";
import type { Ending } from "./_lost_helper.ts";
import { HelperPool } from "./helper_pool.ts";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

for (const ending of ["ends", "fails", "falls silent"] as const satisfies Ending[]) {
  Deno.test({
    name: `HelperPool.run() computes itself what a helper owes that ${ending} in the middle of a job`,
    // A silent helper is ended with the process, as all are.
    sanitizeResources: false,
    sanitizeOps: false,
    async fn() {
      let started = 0;
      const pool = new HelperPool(({ workerData, ...options }) => {
        started++;
        const url = new URL("./_lost_helper.ts", import.meta.url);
        return new Worker(url, { ...options, workerData: { ...workerData as object, ending } });
      });
      const jobs = clusterJobs(6), expected = pool.run(jobs, 0);
      // A helper takes a moment to start; whoever asks does not wait for it.
      for (let turn = 0; turn < 500 && pool.takenOver === 0; turn++) {
        assert.deepEqual(pool.run(jobs, 1), expected);
        await pause(10);
      }
      assert.equal(pool.takenOver, 1);
      for (let turn = 0; turn < 100 && pool.ended === 0 && ending !== "falls silent"; turn++) await pause(10);
      assert.equal(pool.ended, Number(ending !== "falls silent"));
      // Of the silent nothing more is expected; in place of the ended another is started, which is lost as well.
      for (let turn = 0; turn < 3; turn++) assert.deepEqual(pool.run(jobs, 1), expected);
      assert.equal(started, ending === "falls silent" ? 1 : 2);
      assert.equal(pool.helped, 0);
    },
  });
}

Deno.test("HelperPool.run() starts no more helpers when some have ended", async () => {
  let started = 0;
  const pool = new HelperPool((options) => {
    started++;
    return new Worker(new URL("data:text/javascript,null"), options);
  });
  const jobs = clusterJobs(3), expected = pool.run(jobs, 0);
  for (let turn = 0; turn < 500 && pool.ended < 3; turn++) {
    assert.deepEqual(pool.run(jobs, 1), expected);
    await pause(10);
  }
  for (let turn = 0; turn < 3; turn++) assert.deepEqual(pool.run(jobs, 1), expected);
  assert.deepEqual([started, pool.ended, pool.helped], [3, 3, 0]);
});
