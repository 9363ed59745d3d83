/**
 * pass@k: the chance that one of k samples passes.
 *
 * @module
 */

/**
 * Unbiased estimate from n samples of which c passed: 1 - (n - c choose k) / (n choose k), as a product that does not
 * overflow. (Chen et al. 2021, section 2.1 and figure 3.)
 *
 * @throws RangeError unless 0 <= c <= n and 1 <= k <= n
 */
export function passAtK(n: number, c: number, k: number): number {
  if (!(c >= 0 && c <= n && k >= 1 && k <= n)) throw new RangeError(`pass@${k} of ${n} samples, ${c} passed`);
  if (n - c < k) return 1;
  let none = 1;
  for (let i = n - c + 1; i <= n; i++) none *= 1 - k / i;
  return 1 - none;
}
