import { assert } from "#test";
import { RunClock } from "./run_clock.ts";

const jobs = [
  { name: "evaluate base", kind: "evaluate", amount: 1 },
  { name: "train cl", kind: "train", amount: 40 },
  { name: "train cl-1e-4", kind: "train", amount: 20 },
  { name: "evaluate cl", kind: "evaluate", amount: 1 },
];

function clock() {
  const time = { ms: 0 };
  return { time, clock: new RunClock(jobs, () => time.ms) };
}

Deno.test("RunClock tells no time left before every kind of job has been met", () => {
  const { time, clock: run } = clock();
  run.update("evaluate base", 0, 100);
  assert.equal(run.left, undefined);
  time.ms = 10_000;
  run.update("evaluate base", 100, 100);
  assert.equal(run.left, undefined);
  run.update("train cl", 0, 40);
  assert.equal(run.left, undefined);
  assert.equal(run.place, "2/4");
});

Deno.test("RunClock adds up the rest of the job and all jobs to come, by kind and amount", () => {
  const { time, clock: run } = clock();
  run.update("evaluate base", 0, 100);
  time.ms = 10_000;
  run.update("evaluate base", 100, 100);
  run.update("train cl", 0, 40);
  time.ms = 14_000;
  run.update("train cl", 10, 40);
  // 4 s for 10 of 40 steps: 12 s for the rest, 8 s for the 20 of the next job, 10 s to evaluate.
  assert.equal(run.left, 12 + 8 + 10);
  time.ms = 14_300;
  run.update("train cl", 10, 40);
  assert.equal(run.left, 29.7, "it falls while a step is under way");
});

Deno.test("RunClock takes no time from what was done before this process", () => {
  const { time, clock: run } = clock();
  run.update("evaluate base", 90, 100);
  time.ms = 1000;
  run.update("evaluate base", 100, 100);
  run.update("train cl", 40, 40);
  run.update("train cl-1e-4", 0, 20);
  time.ms = 3000;
  run.update("train cl-1e-4", 20, 20);
  assert.equal(run.left, 10, "a whole evaluation takes ten times as long as a tenth of it");
});

Deno.test("RunClock refuses a job that is not part of the run", () => {
  assert.throws(() => clock().clock.update("train grace", 0, 1), RangeError);
});
