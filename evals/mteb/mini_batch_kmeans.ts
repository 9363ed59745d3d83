/**
 * Mini-batch k-means (Sculley 2010) as `sklearn.cluster.MiniBatchKMeans` runs it, draw for draw, with its defaults:
 * k-means++ once, 100 passes at most, an end after 10 batches without progress, starved centres moved.
 *
 * What may differ from scikit-learn: its products are float32 in an order that depends on the machine, so a point as
 * near to one centre as to another to seven digits may go to the other, and what follows goes another way. On the
 * golden sets this happens in 3 of 72; to scikit-learn itself under another BLAS kernel in 3 of 72. And where more
 * than half a batch of centres are starved, which of the equally starved ones move depends on numpy's unstable
 * sort; here the sort is stable, and the result says that it came to this.
 *
 * @module
 */
import { kMeansPlusPlus } from "./kmeans_plus_plus.ts";
import { MovingCentres } from "./moving_centres.ts";
import type { RandomState } from "./numpy_random.ts";
import { gather, type Points, row, squaredNorms } from "./points.ts";
import { SKLEARN_DRAWS, type SklearnRelease } from "./sklearn_draws.ts";

/** Choices of a fit. */
export interface MiniBatchOptions {
  /** 1..points.rows */
  readonly clusters: number;
  readonly batchSize: number;
  readonly sklearn: SklearnRelease;
}

/** A fitted clustering. */
export interface MiniBatchResult {
  /** Cluster of each point, 0..clusters-1. */
  readonly labels: Int32Array;
  /** [clusters, columns] */
  readonly centres: Points;
  /** Batches seen. */
  readonly steps: number;
  /** Whether it ended for lack of progress, not at the limit of passes. */
  readonly converged: boolean;
  /** Whether a tie decided which centres moved. */
  readonly tied: boolean;
}

const MAX_PASSES = 100;
const MAX_BATCHES_WITHOUT_PROGRESS = 10;
/** A centre with fewer points than this share of the largest count is starved. */
const STARVED_SHARE = 0.01;

/** Fits k-means to float32 points. The stream of `random` is advanced as scikit-learn advances it. */
export function miniBatchKMeans(
  given: Points,
  { clusters, batchSize, sklearn }: MiniBatchOptions,
  random: RandomState,
): MiniBatchResult {
  const draws = SKLEARN_DRAWS[sklearn], points = { ...given, norms: squaredNorms(given) };
  const n = points.rows, size = Math.min(batchSize, n);
  using moving = new MovingCentres(points, startingCentres(points, clusters, size, random, draws), size);
  const { centres, counts, rows } = moving;
  const progress = new Progress(Math.min(1, 2 * size / (n + 1)));
  const limit = Math.floor(MAX_PASSES * n / size);

  let steps = 0, converged = false, tied = false, sinceMove = 0;
  while (steps < limit && !converged) {
    if (draws.minibatch === "integer") rows.set(random.integers(n, size));
    else random.weightedChoice(n, rows);
    sinceMove += size;
    const move = sinceMove >= 10 * clusters || counts.includes(0);
    if (move) sinceMove = 0;

    const meanInertia = moving.step() / size;
    if (move) tied = moveStarved(moving.points, centres, counts, random) || tied;
    converged = progress.ended(meanInertia, ++steps);
  }

  const labels = moving.labels();
  return { labels, centres: { ...centres, data: centres.data.slice() }, steps, converged, tied };
}

/** k-means++ on a sample of three batches, or of three times as many rows as clusters if that is more. */
function startingCentres(
  points: Points,
  clusters: number,
  batch: number,
  random: RandomState,
  draws: Parameters<typeof kMeansPlusPlus>[3],
): Points {
  const n = points.rows;
  const size = Math.min(3 * batch < clusters ? 3 * clusters : 3 * batch, n);
  // scikit-learn draws rows to compare several starts on. There is one start, but the stream has moved on.
  random.integers(n, size);
  const sample = size < n ? random.integers(n, size) : Int32Array.from({ length: n }, (_, i) => i);
  const picked = kMeansPlusPlus(points, clusters, random, draws, sample);
  // Without their lengths, which change as they move.
  const { norms: _, ...centres } = gather(points, picked.map((place) => sample[place]!));
  return centres;
}

/**
 * Moves starved centres to distinct random rows of the batch, at most half a batch of them, and gives them the
 * smallest count of the others, so that they are not starved again at once.
 *
 * @returns whether a tie between counts decided which centres moved
 */
function moveStarved(batch: Points, centres: Points, counts: Float32Array, random: RandomState): boolean {
  const largest = counts.reduce((a, b) => Math.max(a, b), 0);
  const threshold = Math.fround(STARVED_SHARE * largest);
  let starved = indicesWhere(counts, (count) => count < threshold);
  let tied = false;
  if (starved.length > 0.5 * batch.rows) {
    const order = starved.sort((a, b) => counts[a]! - counts[b]! || a - b);
    const kept = Math.floor(0.5 * batch.rows);
    tied = counts[order[kept - 1]!] === counts[order[kept]!];
    starved = order.slice(0, kept).sort((a, b) => a - b);
  }
  if (starved.length === 0) return false;
  const rows = random.permutation(batch.rows);
  const moved = new Set(starved);
  starved.forEach((k, i) => row(centres, k).set(row(batch, rows[i]!)));
  const smallest = counts.reduce(
    (least, count, k) => moved.has(k) ? least : Math.min(least, count),
    Infinity,
  );
  for (const k of starved) counts[k] = smallest;
  return tied;
}

function indicesWhere(values: Float32Array, test: (value: number) => boolean): number[] {
  const indices: number[] = [];
  values.forEach((value, i) => test(value) && indices.push(i));
  return indices;
}

/** Ends the fit when the exponentially weighted mean of the batches' inertia has stopped falling. */
class Progress {
  readonly #weight: number;
  #mean: number | undefined;
  #least = Infinity;
  #without = 0;

  /** @param weight of the newest batch, in (0, 1] */
  constructor(weight: number) {
    this.#weight = weight;
  }

  /** Whether to end after a batch. The first batch is not judged: its inertia is that of the starting centres. */
  ended(meanInertia: number, step: number): boolean {
    if (step === 1) return false;
    this.#mean = this.#mean === undefined
      ? meanInertia
      : this.#mean * (1 - this.#weight) + meanInertia * this.#weight;
    if (this.#mean < this.#least) {
      this.#least = this.#mean;
      this.#without = 0;
    } else {
      this.#without++;
    }
    return this.#without >= MAX_BATCHES_WITHOUT_PROGRESS;
  }
}
