/**
 * How far an evaluation is, on stderr.
 *
 * @module
 */
import type { SuiteProgress } from "../evals/run_suite.ts";
import type { CommandIo } from "./io.ts";

/**
 * Reports of one evaluation. Tokens are those of the stage that runs, and the end of a stage is told once.
 *
 * @param task what is evaluated, such as "evaluate grace"
 */
export function suiteProgress(
  io: CommandIo,
  task: string,
): { onTokens: (count: number) => void; onProgress: (progress: SuiteProgress) => void } {
  let tokens = 0, last: SuiteProgress | undefined;
  return {
    onTokens: (count) => tokens += count,
    onProgress: (progress) => {
      const { stage, done, total } = progress;
      if (stage === last?.stage && done === last.done) return;
      if (stage !== last?.stage) tokens = 0;
      last = progress;
      io.progress.update({ task: `${task}: ${stage}`, done, total, unit: "items", tokens });
    },
  };
}
