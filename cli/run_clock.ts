/**
 * How much longer a whole run takes: its jobs are known beforehand, and each kind of job is timed when it is first met.
 *
 * @module
 */

/** A part of a run. */
export interface Job {
  /** Names the job, once in a run. */
  readonly name: string;
  /** Jobs of one kind take equally long for equal amounts. */
  readonly kind: string;
  /** How much there is to do, in a unit of the kind. */
  readonly amount: number;
}

/** Tells the time left, from what the jobs so far took. */
export class RunClock {
  readonly #jobs: readonly Job[];
  readonly #now: () => number;
  readonly #secondsPerAmount = new Map<string, number>();
  #current = -1;
  #begin = { at: 0, done: 0 };
  #advance = { at: 0, done: 0 };
  #left: number | undefined;

  /** @param now milliseconds that never run backwards */
  constructor(jobs: readonly Job[], now: () => number = () => performance.now()) {
    this.#jobs = jobs;
    this.#now = now;
  }

  /**
   * Takes note of how far a job is. What an earlier process did, which is there at the first call, counts as no time.
   *
   * @throws {RangeError} if there is no job of that name
   */
  update(name: string, done: number, total: number): void {
    const now = this.#now();
    if (this.#jobs[this.#current]?.name !== name) {
      this.#current = this.#jobs.findIndex((job) => job.name === name);
      if (this.#current < 0) throw new RangeError(`the run has no job "${name}"`);
      this.#begin = this.#advance = { at: now, done };
    }
    const { kind, amount } = this.#jobs[this.#current]!;
    if (done !== this.#advance.done) {
      this.#advance = { at: now, done };
      const seconds = (now - this.#begin.at) / 1000;
      this.#secondsPerAmount.set(kind, seconds * total / (done - this.#begin.done) / amount);
    }
    const sum = this.#estimate(total > 0 ? 1 - done / total : 0);
    this.#left = sum === undefined ? undefined : Math.max(0, sum - (now - this.#advance.at) / 1000);
  }

  /** Seconds left of the whole run; undefined while a job is to come whose kind has not been met yet. */
  get left(): number | undefined {
    return this.#left;
  }

  /** Place of the current job among all, such as "3/14". */
  get place(): string {
    return `${this.#current + 1}/${this.#jobs.length}`;
  }

  #estimate(shareLeft: number): number | undefined {
    let seconds = 0;
    for (const [i, { kind, amount }] of this.#jobs.slice(this.#current).entries()) {
      const rate = this.#secondsPerAmount.get(kind);
      const share = i === 0 ? shareLeft : 1;
      if (rate === undefined && share > 0) return undefined;
      seconds += share * amount * (rate ?? 0);
    }
    return seconds;
  }
}
