/**
 * The parts of a score that take long and do not depend on each other: k-means of one set, one probe of a classification. Each
 * is computed by one thread, from arrays alone, so that it is the same wherever it is done (`side_by_side.ts`).
 *
 * @module
 */
import { fitProbe, type Probe, type ProbeProfile } from "./logistic_regression.ts";
import { miniBatchKMeans, type MiniBatchOptions, type MiniBatchResult } from "./mini_batch_kmeans.ts";
import { RandomState } from "./numpy_random.ts";
import { type Points, squaredNorms } from "./points.ts";
import { predict } from "./predict.ts";

/** k-means of a set. */
export interface ClusterJob extends MiniBatchOptions {
  readonly points: Points;
  readonly seed: number;
}

/** What k-means of a set comes to. */
export type ClusterOutcome = Omit<MiniBatchResult, "centres"> | {
  /** The first point that is not finite. */
  readonly unusable: number;
};

/** A probe, and what it predicts. */
export interface ProbeJob {
  /** Features of the training rows. */
  readonly points: Points;
  /** Class of each training row. */
  readonly classes: Int32Array;
  readonly classCount: number;
  readonly profile: ProbeProfile;
  readonly test: Points;
  /** Length of the longest test row. */
  readonly reach: number;
}

/** What a probe comes to. */
export interface ProbeOutcome {
  readonly stopped: Probe["stopped"];
  /** Class of each test row. */
  readonly predicted: Int32Array;
}

/** What a job of each kind is computed by. */
export const JOBS = {
  cluster: ({ points, seed, ...options }: ClusterJob): ClusterOutcome => {
    const norms = squaredNorms(points);
    // Squares of float32 do not overflow in float64: of finite numbers, their sum is finite.
    const unusable = norms.findIndex((norm) => !Number.isFinite(norm));
    if (unusable >= 0) return { unusable };
    const fit = miniBatchKMeans({ ...points, norms }, options, new RandomState(seed));
    const { labels, steps, converged, tied } = fit;
    return { labels, steps, converged, tied };
  },
  probe: ({ points, classes, classCount, profile, test, reach }: ProbeJob): ProbeOutcome => {
    const probe = fitProbe(points, classes, classCount, profile);
    return { stopped: probe.stopped, predicted: predict(probe, test, reach) };
  },
};

/** Name of a kind of job. */
export type JobKind = keyof typeof JOBS;

/** What a job of a kind needs. */
export type JobOf<K extends JobKind> = Parameters<typeof JOBS[K]>[0];

/** What a job of a kind gives. */
export type OutcomeOf<K extends JobKind> = ReturnType<typeof JOBS[K]>;

/** Computes a job. */
export function runJob<K extends JobKind>(kind: K, job: JobOf<K>): OutcomeOf<K> {
  return (JOBS[kind] as (job: JobOf<K>) => OutcomeOf<K>)(job);
}
