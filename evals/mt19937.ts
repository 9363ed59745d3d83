/**
 * The Mersenne Twister MT19937 (Matsumoto and Nishimura 1998): the generator behind numpy's legacy
 * `RandomState` and Python's `random`, which the reference evaluations draw from. This project's own draws use
 * counter-based numbers; this one exists to repeat other people's.
 *
 * @module
 */

const SIZE = 624;
const MIDDLE = 397;

/** A stream of 32-bit words. */
export class Mt19937 {
  readonly #state: Uint32Array;
  #next = SIZE;

  private constructor(state: Uint32Array) {
    this.#state = state;
  }

  /** Seeds with Knuth's recurrence from one 32-bit number, as `numpy.random.RandomState(seed)` does. */
  static fromSeed(seed: number): Mt19937 {
    return new Mt19937(knuth(seed));
  }

  /** Seeds from a list of 32-bit words (`init_by_array`), as Python's `random.seed(int)` does. */
  static fromKey(key: readonly number[]): Mt19937 {
    const state = knuth(19650218);
    const length = key.length;
    let i = 1, j = 0;
    const mixed = (factor: number) =>
      (state[i]! ^ Math.imul(state[i - 1]! ^ (state[i - 1]! >>> 30), factor)) >>> 0;
    const advance = () => {
      if (++i >= SIZE) {
        state[0] = state[SIZE - 1]!;
        i = 1;
      }
    };
    for (let k = Math.max(SIZE, length); k > 0; k--) {
      state[i] = mixed(1664525) + key[j]! + j;
      advance();
      if (++j >= length) j = 0;
    }
    for (let k = SIZE - 1; k > 0; k--) {
      state[i] = mixed(1566083941) - i;
      advance();
    }
    state[0] = 0x80000000;
    return new Mt19937(state);
  }

  /** The next word, uniform in [0, 2^32). */
  nextU32(): number {
    if (this.#next === SIZE) this.#refill();
    let y = this.#state[this.#next++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    y ^= y >>> 18;
    return y >>> 0;
  }

  #refill(): void {
    const s = this.#state, rest = SIZE - MIDDLE;
    twist(s, 0, rest, MIDDLE);
    twist(s, rest, SIZE - 1, -rest);
    s[SIZE - 1] = s[MIDDLE - 1]! ^ mixed(s[SIZE - 1]!, s[0]!);
    this.#next = 0;
  }
}

/** Renews some words, each from itself, the next one and the one that is as far off as `offset` says. */
function twist(s: Uint32Array, from: number, to: number, offset: number): void {
  for (let k = from; k < to; k++) s[k] = s[k + offset]! ^ mixed(s[k]!, s[k + 1]!);
}

function mixed(word: number, next: number): number {
  const y = (word & 0x80000000) | (next & 0x7fffffff);
  // All bits set or none: of a branch on a random bit, a processor guesses every other one wrong.
  const odd = -(y & 1);
  return (y >>> 1) ^ (odd & 0x9908b0df);
}

function knuth(seed: number): Uint32Array {
  const state = new Uint32Array(SIZE);
  state[0] = seed;
  for (let i = 1; i < SIZE; i++) {
    const previous = state[i - 1]!;
    state[i] = Math.imul(1812433253, previous ^ (previous >>> 30)) + i;
  }
  return state;
}
