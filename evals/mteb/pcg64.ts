/**
 * numpy's newer generator, `numpy.random.default_rng(seed)`: PCG64 (XSL-RR 128/64, O'Neill 2014) seeded by SeedSequence.
 *
 * @module
 */

const MASK_128 = (1n << 128n) - 1n, MASK_64 = (1n << 64n) - 1n, MASK_32 = (1n << 32n) - 1n;
const MULTIPLIER = 0x2360ED051FC65DA44385DF649FCCF645n;

/** The generator with the draws that the reference needs. */
export class Pcg64 {
  #state: bigint;
  readonly #increment: bigint;
  /** Upper half of the last 64 bits, where only the lower one was handed out. */
  #spare: number | undefined;

  /** @param seed a whole number below 2^32 */
  constructor(seed: number) {
    const [w0, w1, w2, w3] = seedWords(seed);
    this.#increment = (((w2! << 64n | w3!) << 1n) | 1n) & MASK_128;
    this.#state = 0n;
    this.#step();
    this.#state = (this.#state + (w0! << 64n | w1!)) & MASK_128;
    this.#step();
  }

  /** 64 random bits. */
  next64(): bigint {
    this.#step();
    const mixed = (this.#state >> 64n ^ this.#state) & MASK_64, turn = this.#state >> 122n;
    return (mixed >> turn | mixed << (64n - turn) & MASK_64) & MASK_64;
  }

  /** 32 random bits: the lower half of 64, then the upper. */
  next32(): number {
    if (this.#spare !== undefined) {
      const spare = this.#spare;
      this.#spare = undefined;
      return spare;
    }
    const bits = this.next64();
    this.#spare = Number(bits >> 32n);
    return Number(bits & MASK_32);
  }

  /** The numbers 0 to n - 1 in random order (`Generator.permutation(n)`). */
  permutation(n: number): number[] {
    const order = Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = this.#interval(i), moved = order[i]!;
      order[i] = order[j]!;
      order[j] = moved;
    }
    return order;
  }

  /** A whole number from 0 to `max`: bits under the smallest mask that holds it, drawn until they are not above it. */
  #interval(max: number): number {
    const mask = 2 ** (32 - Math.clz32(max)) - 1;
    while (true) {
      const value = (this.next32() & mask) >>> 0;
      if (value <= max) return value;
    }
  }

  #step(): void {
    this.#state = (this.#state * MULTIPLIER + this.#increment) & MASK_128;
  }
}

/** Four 64-bit words of `SeedSequence(seed)`: a pool of four 32-bit words, each mixed into all others, then hashed out. */
function seedWords(seed: number): bigint[] {
  let hash = 0x43b0d7e5;
  const hashed = (value: number) => {
    value = (value ^ hash) >>> 0;
    hash = Math.imul(hash, 0x931e8875) >>> 0;
    value = Math.imul(value, hash) >>> 0;
    return (value ^ value >>> 16) >>> 0;
  };
  const mixed = (x: number, y: number) => {
    const result = (Math.imul(x, 0xca01f9dd) - Math.imul(y, 0x4973f715)) >>> 0;
    return (result ^ result >>> 16) >>> 0;
  };
  const pool = [seed, 0, 0, 0].map(hashed);
  for (let from = 0; from < 4; from++) {
    for (let to = 0; to < 4; to++) if (from !== to) pool[to] = mixed(pool[to]!, hashed(pool[from]!));
  }
  let out = 0x8b51f9dd;
  const words = Array.from({ length: 8 }, (_, i) => {
    let value = (pool[i % 4]! ^ out) >>> 0;
    out = Math.imul(out, 0x58f38ded) >>> 0;
    value = Math.imul(value, out) >>> 0;
    return (value ^ value >>> 16) >>> 0;
  });
  return [0, 2, 4, 6].map((i) => BigInt(words[i]!) | BigInt(words[i + 1]!) << 32n);
}
