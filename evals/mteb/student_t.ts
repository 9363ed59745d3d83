/**
 * The p-value that scipy gives beside a correlation.
 *
 * @module
 */

/**
 * Two-sided p-value of a Pearson or Spearman correlation of n pairs (`scipy.stats.pearsonr`, `spearmanr`): P(|T| >= |t|) with
 * t = rho √((n - 2) / ((1 + rho)(1 - rho))) and Student's distribution of n - 2 degrees of freedom.
 *
 * @param n at least 3
 */
export function correlationPValue(rho: number, n: number): number {
  const freedom = n - 2;
  const tSquared = rho * rho * freedom / ((1 + rho) * (1 - rho));
  // P(|T| >= t) = I_x(freedom / 2, 1 / 2) at x = freedom / (freedom + t²) (Abramowitz and Stegun 26.5.27, 26.7.1).
  return regularisedBeta(freedom / (freedom + tSquared), freedom / 2, 0.5);
}

/** The regularised incomplete beta function I_x(a, b), by its continued fraction (Abramowitz and Stegun 26.5.8). */
export function regularisedBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  // The fraction converges fast left of the mean; the other side follows from I_x(a, b) = 1 - I_{1-x}(b, a).
  if (x > (a + 1) / (a + b + 2)) return 1 - regularisedBeta(1 - x, b, a);
  const factor = Math.exp(
    a * Math.log(x) + b * Math.log1p(-x) + logGamma(a + b) - logGamma(a) - logGamma(b),
  ) / a;
  // Lentz's method from the top: numerators d_1, d_2, ... over denominators of 1.
  let c = 1, d = 1 / (1 - (a + b) * x / (a + 1)), fraction = d;
  for (let m = 1; m < 1000; m++) {
    const even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / (1 + even * d);
    c = 1 + even / c;
    fraction *= c * d;
    const odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / (1 + odd * d);
    c = 1 + odd / c;
    const step = c * d;
    fraction *= step;
    if (Math.abs(step - 1) < 1e-16) break;
  }
  return factor * fraction;
}

/** ln Γ(z) for z > 0: Stirling's series after raising z above 10 with Γ(z) = Γ(z + 1) / z. */
function logGamma(z: number): number {
  let shift = 0;
  for (; z < 10; z++) shift += Math.log(z);
  const r = 1 / (z * z);
  const series =
    (1 / 12 - r * (1 / 360 - r * (1 / 1260 - r * (1 / 1680 - r * (1 / 1188 - r * 691 / 360360))))) / z;
  return (z - 0.5) * Math.log(z) - z + 0.5 * Math.log(2 * Math.PI) + series - shift;
}
