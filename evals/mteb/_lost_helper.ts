/**
 * A helper that is lost in the middle of its first job: it ends, fails or falls silent, as `workerData.ending` says. For the tests
 * of `helper_pool.ts`.
 *
 * @module
 */
import process from "node:process";
import { receiveMessageOnPort, workerData } from "node:worker_threads";
import { claimed, type HelperData, type Task } from "./helper_pool.ts";
import { packed, sharedIntegers, unpacked } from "./shared_memory.ts";

/** What becomes of a helper. */
export type Ending = "ends" | "fails" | "falls silent";

const { port, ending, ...memory } = workerData as Pick<HelperData, "port"> & { ending: Ending };
const { sent, answers } = unpacked(memory) as Omit<HelperData, "port">;

port.postMessage(packed({ round: 0, place: 0 }));
Atomics.add(answers, 0, 1);
Atomics.notify(answers, 0);
while (true) {
  const seen = Atomics.load(sent, 0);
  for (let got = receiveMessageOnPort(port); got; got = receiveMessageOnPort(port)) {
    const { place, claims } = unpacked(got.message) as Task;
    if (!claimed(claims, place)) continue;
    if (ending === "ends") process.exit(1);
    if (ending === "fails") throw new Error("a failure outside any job");
    Atomics.wait(sharedIntegers(1), 0, 0);
  }
  Atomics.wait(sent, 0, seen);
}
