/**
 * How far an evaluation is, on stderr.
 *
 * @module
 */
import type { SuiteProgress } from "../evals/run_suite.ts";
import type { CommandIo } from "./io.ts";
import type { RunClock } from "./run_clock.ts";

/** What is counted in each stage. */
const UNITS: Readonly<Record<SuiteProgress["stage"], string>> = {
  "embedding texts": "texts",
  "generating answers": "answers",
  "comparing answers": "choices",
  "running programs": "programs",
  "scoring tasks": "tasks scored",
};

/**
 * Reports of one evaluation. Tokens are those of the stage that runs, and the end of a stage is told once.
 *
 * @param task what is evaluated, such as "evaluate grace"
 * @param clock that of the run that the evaluation is a part of; it knows the stages as jobs "<task>: <stage>", except
 *   scoring, which takes next to no time
 */
export function suiteProgress(
  io: CommandIo,
  task: string,
  clock?: RunClock,
): { onTokens: (count: number) => void; onProgress: (progress: SuiteProgress) => void } {
  let tokens = 0, last: SuiteProgress | undefined;
  const show = ({ stage, done, total }: SuiteProgress) => {
    if (stage !== "scoring tasks") clock?.update(`${task}: ${stage}`, done, total);
    const whole = clock && { place: clock.place, left: clock.left };
    io.progress.update({ task, done, total, unit: UNITS[stage], tokens, ...(whole && { whole }) });
  };
  return {
    onTokens: (count) => {
      tokens += count;
      // Texts that are decoded together are finished together: what moves meanwhile is the number of tokens.
      if (last && last.done < last.total) show(last);
    },
    onProgress: (progress) => {
      const { stage, done } = progress;
      if (stage === last?.stage && done === last.done) return;
      if (stage !== last?.stage) tokens = 0;
      last = progress;
      show(progress);
    },
  };
}
