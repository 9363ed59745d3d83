/**
 * How long a program has run, which is not how long ago it began: the machine may have done something else meanwhile, or slept.
 * Of two moments at which the interpreter asks for the time, which are microseconds apart while it computes, no more than some
 * milliseconds count, so that a program does not fail because a machine is busy.
 *
 * @module
 */

/** Of the time between two questions, so much counts, in milliseconds: what takes longer than that is a copy of much memory. */
const MOST_COUNTED = 10;

/** A program that takes so many times its limit is stopped even if little of that counts. */
const WALL_FACTOR = 10;

/** A limit on the time of one program. */
export class RunTime {
  readonly #limit: number;
  readonly #begin: number;
  readonly #now: () => number;
  #last: number;
  #counted = 0;

  /**
   * Starts to count.
   *
   * @param seconds limit
   * @param now milliseconds that only grow
   */
  constructor(seconds: number, now: () => number = () => performance.now()) {
    this.#limit = 1000 * seconds;
    this.#now = now;
    this.#last = this.#begin = now();
  }

  /** Whether the time is over; to be asked again and again. */
  isOver(): boolean {
    const now = this.#now();
    this.#counted += Math.min(now - this.#last, MOST_COUNTED);
    this.#last = now;
    return this.#counted > this.#limit || now - this.#begin > WALL_FACTOR * this.#limit;
  }
}

/** Seconds after which a program with a limit is surely stopped. */
export function mostSeconds(limit: number): number {
  return WALL_FACTOR * limit;
}
