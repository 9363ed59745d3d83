/**
 * What a helper of `helper_pool.ts` runs: a thread that computes the jobs it is sent, unless somebody else has begun them.
 *
 * @module
 */
import { receiveMessageOnPort, workerData } from "node:worker_threads";
import { runJob } from "./scoring_jobs.ts";
import { packed, unpacked } from "./shared_memory.ts";
import { type Answer, claimed, type HelperData, type Task } from "./helper_pool.ts";

const { port, ...memory } = workerData as Pick<HelperData, "port">;
const { sent, answers } = unpacked(memory) as Omit<HelperData, "port">;

function answer(message: Answer): void {
  port.postMessage(packed(message));
  Atomics.add(answers, 0, 1);
  Atomics.notify(answers, 0);
}

answer({ round: 0, place: 0 });
// Until the process ends.
while (true) {
  const seen = Atomics.load(sent, 0);
  for (let got = receiveMessageOnPort(port); got; got = receiveMessageOnPort(port)) {
    const { round, place, kind, job, claims } = unpacked(got.message) as Task;
    if (!claimed(claims, place)) continue;
    try {
      answer({ round, place, outcome: runJob(kind, job) });
    } catch {
      // Whoever asked computes it again, and fails with the same error where it can be told.
      answer({ round, place });
    }
  }
  Atomics.wait(sent, 0, seen);
}
