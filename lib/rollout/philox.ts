/**
 * Philox4x32-10: randomness as a function of an address, not as a stream.
 *
 * Every random number of a run is `philox(counter, key)`, where counter and key spell out what the number is
 * for: seed, purpose, step, example, rollout, position. Nothing is consumed, so a number depends neither on
 * what was drawn before it, nor on the batch it was drawn in, nor on whether the run was resumed.
 *
 * Generator: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011); the tests
 * hold it to the known answers of their Random123 library.
 *
 * @module
 */
import { UsageError } from "#errors";

/** Four unsigned 32-bit words: a Philox counter, and a Philox result. */
export type Words4 = readonly [number, number, number, number];

/** Two unsigned 32-bit words: a Philox key. */
export type Words2 = readonly [number, number];

/**
 * What a random number is for. The values are part of what makes a run replayable: never renumber, only append.
 */
export const Purpose = {
  /** Rationales of the trained role: the positive document, or the text of unsupervised training. */
  rollout: 1,
  /** Rationales of the query in supervised training. */
  query: 2,
  /** Rationales of the mined negative in supervised training. */
  negative: 3,
  /** Rationales of the anchor in unsupervised training. */
  anchor: 4,
  /** Rationales written while evaluating. */
  evaluation: 5,
  /** Order of the training examples. */
  dataOrder: 6,
  /** Initial values of new weights, such as those of an adapter. */
  init: 7,
  /** Resampling for confidence intervals. */
  bootstrap: 8,
  /** Dropout masks (SimCSE baseline). */
  dropout: 9,
  /** Choice of a subset of a corpus. */
  subsample: 10,
  /** Answers to the questions of general benchmarks, where these are sampled. */
  answer: 11,
} as const;

/** One of the values of {@linkcode Purpose}. */
export type Purpose = typeof Purpose[keyof typeof Purpose];

/**
 * Where in a run a random number belongs. Each field left out is 0.
 *
 * Bit budget: the 64-bit key holds the seed (53 bits) and the purpose (11 bits); the 128-bit counter holds step,
 * example, rollout and position, 32 bits each. Distinct addresses therefore never share a key and counter.
 */
export interface RandomAddress {
  /** What the number is for. */
  purpose: Purpose;
  /** Optimiser step, epoch, task number: whatever counts from the outside. */
  step?: number;
  /** Number of the example within the data set. */
  example?: number;
  /** Number of the rollout within its group. */
  rollout?: number;
  /** Position within the sequence, the permutation, or the tensor. */
  position?: number;
}

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;
const ROUNDS = 10;
const PURPOSE_BITS = 11;
const SEED_HIGH_BITS = 21;
const TWO_32 = 2 ** 32;

/** High 32 bits of the 64-bit product of two unsigned 32-bit numbers (`Math.imul` gives the low ones). */
function multiplyHigh(a: number, b: number): number {
  const aHigh = a >>> 16, aLow = a & 0xffff, bHigh = b >>> 16, bLow = b & 0xffff;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carry = aLow * bHigh + (middle & 0xffff);
  return aHigh * bHigh + (middle >>> 16) + (carry >>> 16);
}

/**
 * Philox4x32-10, the raw generator.
 *
 * @param counter four unsigned 32-bit words
 * @param key two unsigned 32-bit words
 * @returns four unsigned 32-bit words; for a fixed key a bijection of the counter
 */
export function philox4x32(counter: Words4, key: Words2): Words4 {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = multiplyHigh(MULTIPLIER_0, c0), low0 = Math.imul(MULTIPLIER_0, c0);
    const high1 = multiplyHigh(MULTIPLIER_1, c2), low1 = Math.imul(MULTIPLIER_1, c2);
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1 >>> 0;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0 >>> 0;
    k0 = (k0 + WEYL_0) >>> 0;
    k1 = (k1 + WEYL_1) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/** Fails unless `value` is an integer of `bits` bits; wrapping it would let two addresses share their numbers. */
function checkField(name: string, value: number, bits: number): number {
  if (!Number.isInteger(value) || value < 0 || value >= 2 ** bits) {
    throw new UsageError(
      `Random address field ${name} is "${value}", outside 0 … 2^${bits} − 1`,
      `Use an integer ${name} of at most ${bits} bits`,
    );
  }
  return value;
}

/**
 * Packs a seed and an address into a Philox key and counter, injectively (see {@linkcode RandomAddress}).
 *
 * @throws {UsageError} if a field is not an integer of its bit budget
 */
export function philoxInput(seed: number, address: RandomAddress): { counter: Words4; key: Words2 } {
  checkField("seed", seed, 32 + SEED_HIGH_BITS);
  checkField("purpose", address.purpose, PURPOSE_BITS);
  return {
    key: [seed % TWO_32, Math.floor(seed / TWO_32) + address.purpose * 2 ** SEED_HIGH_BITS],
    counter: [
      checkField("position", address.position ?? 0, 32),
      checkField("rollout", address.rollout ?? 0, 32),
      checkField("example", address.example ?? 0, 32),
      checkField("step", address.step ?? 0, 32),
    ],
  };
}

/**
 * The four random words at an address.
 *
 * @throws {UsageError} if a field is not an integer of its bit budget
 */
export function randomWords(seed: number, address: RandomAddress): Words4 {
  const { counter, key } = philoxInput(seed, address);
  return philox4x32(counter, key);
}

/**
 * A number in [0, 1) at an address: the top `bits` bits of its first word, divided by 2^bits.
 *
 * @param bits 32, or 24 for a value that a float32 (a GPU kernel) holds exactly
 * @throws {UsageError} if a field is not an integer of its bit budget
 */
export function uniform(seed: number, address: RandomAddress, bits: 24 | 32 = 32): number {
  const word = randomWords(seed, address)[0];
  return bits === 24 ? (word >>> 8) / 2 ** 24 : word / TWO_32;
}

/**
 * An integer in 0 … `bound` − 1 at an address: ⌊x·bound / 2^64⌋ with the 64-bit x of its first two words. No
 * value's probability is off by more than 2^-64 (no rejection loop, so one address is one number).
 *
 * @param bound number of possible values, 1 … 2^32 − 1
 * @throws {UsageError} if `bound` or a field is out of range
 */
export function uniformInteger(bound: number, seed: number, address: RandomAddress): number {
  if (!Number.isInteger(bound) || bound < 1 || bound >= TWO_32) {
    throw new UsageError(
      `Bound "${bound}" of a random integer is outside 1 … 2^32 − 1`,
      "Use a positive bound",
    );
  }
  const [high, low] = randomWords(seed, address);
  const middle = (Math.imul(high, bound) >>> 0) + multiplyHigh(low, bound);
  return multiplyHigh(high, bound) + (middle >= TWO_32 ? 1 : 0);
}
