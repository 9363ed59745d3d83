/**
 * How many threads may compute a product of which a row's bits must not depend on the batch, and how many are worth it.
 *
 * @module
 */

/**
 * Most threads for which a [columns, inner] weight gives the same bits for every number of rows. MLAS splits columns
 * over threads when rows are few, and sums over blocks of 128, 256, … inner elements, longer when a thread has at
 * most 64, 32, … columns. With more than 64 columns a thread, or one block whatever the split, nothing changes.
 */
export function safeThreads(columns: number, inner: number, threads: number): number {
  if (inner <= 128 || (inner <= 256 && columns <= 64)) return threads;
  return Math.max(1, Math.min(threads, Math.floor(columns / 80)));
}

/** Below this many multiplications a second thread takes as long to wake as it saves, and longer on a busy machine. */
export const fewProducts = 1 << 22;
