/**
 * Means, standard errors, ranks and correlations, as numpy and scipy define them.
 *
 * @module
 */

/** Arithmetic mean; NaN of nothing. */
export function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum / values.length;
}

/** Sample standard deviation (n - 1) over sqrt(n); undefined for fewer than two values. */
export function standardError(values: ArrayLike<number>): number | undefined {
  const n = values.length;
  if (n < 2) return undefined;
  const m = mean(values);
  let sum = 0;
  for (let i = 0; i < n; i++) sum += (values[i]! - m) ** 2;
  return Math.sqrt(sum / (n - 1) / n);
}

/** Whether there is nothing to correlate with: all values are equal. */
export function isConstant(values: readonly number[]): boolean {
  return values.every((value) => value === values[0]);
}

/** Ranks from 1; equal values share the mean of their ranks (`scipy.stats.rankdata`, method "average"). */
export function averageRanks(values: ArrayLike<number>): Float64Array {
  const order = Array.from({ length: values.length }, (_, i) => i).sort((a, b) => values[a]! - values[b]!);
  const ranks = new Float64Array(values.length);
  for (let start = 0; start < order.length;) {
    let end = start;
    while (end + 1 < order.length && values[order[end + 1]!] === values[order[start]!]) end++;
    for (let i = start; i <= end; i++) ranks[order[i]!] = (start + end) / 2 + 1;
    start = end + 1;
  }
  return ranks;
}

/** Pearson correlation; NaN if either side is constant. */
export function pearson(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const meanA = mean(a), meanB = mean(b);
  let ab = 0, aa = 0, bb = 0;
  for (let i = 0; i < a.length; i++) {
    const x = a[i]! - meanA, y = b[i]! - meanB;
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  if (aa === 0 || bb === 0) return NaN;
  return Math.max(-1, Math.min(1, ab / Math.sqrt(aa) / Math.sqrt(bb)));
}

/** Spearman correlation: Pearson of average ranks; NaN if either side is constant. */
export function spearman(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return pearson(averageRanks(a), averageRanks(b));
}

/**
 * A percentile by linear interpolation (`numpy.percentile`, method "linear").
 *
 * @param sorted ascending, at least one value
 * @param fraction in [0, 1]
 */
export function quantile(sorted: ArrayLike<number>, fraction: number): number {
  const position = fraction * (sorted.length - 1);
  const below = Math.floor(position);
  const low = sorted[below]!, high = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return low + (high - low) * (position - below);
}
