import { assert } from "#test";
import type { CommandIo } from "./io.ts";
import type { ProgressReport } from "./progress.ts";
import { RunClock } from "./run_clock.ts";
import { suiteProgress } from "./suite_progress.ts";

function watched() {
  const shown: ProgressReport[] = [];
  const io = { progress: { update: (report: ProgressReport) => shown.push(report) } } as unknown as CommandIo;
  return { shown, io };
}

Deno.test("suiteProgress() tells the end of a stage once, and counts the tokens of each stage by themselves", () => {
  const { shown, io } = watched();
  const { onTokens, onProgress } = suiteProgress(io, "evaluate cl");
  onProgress({ stage: "embedding texts", done: 1, total: 2 });
  onTokens(30);
  onProgress({ stage: "embedding texts", done: 2, total: 2 });
  onProgress({ stage: "embedding texts", done: 2, total: 2 });
  onTokens(30);
  onProgress({ stage: "generating answers", done: 0, total: 4 });
  assert.deepEqual(shown.map(({ task, unit, done, tokens }) => [task, unit, done, tokens]), [
    ["evaluate cl", "texts", 1, 0],
    ["evaluate cl", "texts", 1, 30],
    ["evaluate cl", "texts", 2, 30],
    ["evaluate cl", "answers", 0, 0],
  ]);
});

Deno.test("suiteProgress() tells the place in the run, whose clock knows nothing of scoring", () => {
  const { shown, io } = watched();
  const jobs = ["embedding texts", "generating answers"].map((stage) => ({
    name: `evaluate cl: ${stage}`,
    kind: stage,
    amount: 1,
  }));
  const { onProgress } = suiteProgress(io, "evaluate cl", new RunClock(jobs));
  onProgress({ stage: "generating answers", done: 1, total: 4 });
  onProgress({ stage: "scoring tasks", done: 0, total: 3 });
  assert.deepEqual(shown.map(({ whole }) => whole!.place), ["2/2", "2/2"]);
});
