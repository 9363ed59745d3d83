/**
 * Jobs that do not depend on each other, computed on all cores: by the thread that asks, which waits for the answers, and by
 * helpers, one for each further core (`helper_pool.ts`).
 *
 * Helpers are started by the first score that is worth it, and stay until the process ends, which they do not delay. What they
 * are given lies in shared memory that is used again; it is bounded, however many jobs and cores there are.
 *
 * @module
 */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { HelperPool, type Jobs } from "./helper_pool.ts";
import type { JobKind, OutcomeOf } from "./scoring_jobs.ts";

export type { Jobs } from "./helper_pool.ts";

/** Each has a JavaScript engine of its own, of some 30 MB. */
const MOST_HELPERS = 15;

const pool = new HelperPool((options) => new Worker(new URL("./helper.ts", import.meta.url), options));

/**
 * Outcomes of all jobs, in their order.
 *
 * @param helping most helpers to have; default: as many as there are cores to spare
 * @throws what a job throws
 */
export function sideBySide<K extends JobKind>(
  jobs: Jobs<K>,
  helping: number = Math.min(availableParallelism() - 1, MOST_HELPERS),
): OutcomeOf<K>[] {
  return pool.run(jobs, helping);
}

/** Jobs that helpers have computed, in this process. */
export function helped(): number {
  return pool.helped;
}
