import { assert } from "#test";
import type { CommandIo } from "./io.ts";
import type { ProgressReport } from "./progress.ts";
import { suiteProgress } from "./suite_progress.ts";

Deno.test("suiteProgress() tells the end of a stage once, and counts the tokens of each stage by themselves", () => {
  const shown: ProgressReport[] = [];
  const io = { progress: { update: (report: ProgressReport) => shown.push(report) } } as unknown as CommandIo;
  const { onTokens, onProgress } = suiteProgress(io, "evaluate cl");
  onProgress({ stage: "embedding texts", done: 1, total: 2 });
  onTokens(30);
  onProgress({ stage: "embedding texts", done: 2, total: 2 });
  onProgress({ stage: "embedding texts", done: 2, total: 2 });
  onProgress({ stage: "generating answers", done: 1, total: 4 });
  assert.deepEqual(shown.map(({ task, done, tokens }) => [task, done, tokens]), [
    ["evaluate cl: embedding texts", 1, 0],
    ["evaluate cl: embedding texts", 2, 30],
    ["evaluate cl: generating answers", 1, 0],
  ]);
});
