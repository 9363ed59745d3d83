/**
 * Batch invariance by bits: the promise of the op vocabulary that a row depends on nothing but what it is computed from.
 *
 * @module
 */
import { assert, assertSameBits } from "#test";
import { TestRandom } from "../reference/random.ts";

/** Number of items that {@linkcode assertInvariant} chooses from. */
export const poolSize = 80;

/**
 * Computes some items (rows, sequences) alone, and then first, in the middle and last among 2, 8, 33 and 64 others,
 * and compares the bits.
 *
 * @param run computes the named items of a pool of {@linkcode poolSize} in one call, in this order, and returns the
 *   output of each
 */
export async function assertInvariant(run: (items: number[]) => Promise<Float32Array[]>): Promise<void> {
  const random = new TestRandom(7);
  for (const item of [0, 1, 41]) {
    const [alone] = await run([item]);
    assert.ok(
      alone!.length > 0 && alone!.every(Number.isFinite),
      "the output is not a row of finite numbers",
    );
    for (const size of [2, 8, 33, 64]) {
      for (const position of new Set([0, size >> 1, size - 1])) {
        const items = Array.from({ length: size }, () => random.integer(poolSize));
        items[position] = item;
        const together = await run(items);
        assertSameBits(together[position]!, alone!, `item ${item} at ${position} of ${size}`);
      }
    }
  }
}

/** Rows of `width` of a matrix, in the order of `items`. */
export function pick(matrix: Float64Array, items: readonly number[], width: number): Float64Array {
  const picked = new Float64Array(items.length * width);
  items.forEach((item, i) => picked.set(matrix.subarray(item * width, (item + 1) * width), i * width));
  return picked;
}

/** The rows of a matrix as separate arrays. */
export function split(matrix: Float32Array, rows: number): Float32Array[] {
  const width = matrix.length / rows;
  return Array.from({ length: rows }, (_, row) => matrix.slice(row * width, (row + 1) * width));
}
