/**
 * Seeded permutations: the order in which a run reads its examples.
 *
 * @module
 */
import { UsageError } from "#errors";
import { Purpose, uniformInteger } from "./philox.ts";

/**
 * A uniformly drawn permutation of 0 … `length` − 1 (Fisher and Yates, Durstenfeld's in-place form). It depends
 * on its arguments only, so that a resumed run recomputes the order instead of restoring a generator's state.
 *
 * @param length number of items, 0 … 2^32 − 1
 * @param seed the run's seed
 * @param epoch pass over the data; each pass has its own order
 * @param purpose what is put in order
 * @throws {UsageError} if an argument is not an integer of its range
 */
export function permutation(
  length: number,
  seed: number,
  epoch = 0,
  purpose: Purpose = Purpose.dataOrder,
): Uint32Array {
  if (!Number.isInteger(length) || length < 0 || length >= 2 ** 32) {
    throw new UsageError(
      `Permutation length "${length}" is outside 0 … 2^32 − 1`,
      "Use a non-negative length",
    );
  }
  const order = Uint32Array.from({ length }, (_, i) => i);
  for (let last = length - 1; last > 0; last--) {
    const chosen = uniformInteger(last + 1, seed, { purpose, step: epoch, position: last });
    const item = order[last]!;
    order[last] = order[chosen]!;
    order[chosen] = item;
  }
  return order;
}
