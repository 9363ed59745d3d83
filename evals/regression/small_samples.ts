/**
 * How much further out an interval has to end because items are few: a resample of n items varies less than the items do, and what
 * it knows of their spread is as unsure as in Student's t-test. The level of a percentile interval is raised by both (Hesterberg, What
 * Teachers Should Know About the Bootstrap, 2015, section 3.5: "expanded percentile interval").
 *
 * @module
 */
import { regularisedBeta } from "../mteb/student_t.ts";

/**
 * The share of resamples that an interval leaves out at each end.
 *
 * @param tail share that is asked for, at most 1/2
 * @param items number of items, more than 1; infinity for no correction
 * @returns Φ(-√(n / (n - 1)) t), where P(T > t) is the tail of Student's distribution with n - 1 degrees of freedom
 */
export function expandedTail(tail: number, items: number): number {
  if (items === Infinity || tail >= 0.5 || tail <= 0) return tail;
  const t = solve((t) => studentTail(t, items - 1), tail);
  return normalTail(Math.sqrt(items / (items - 1)) * t);
}

/** The tail whose {@linkcode expandedTail} this is. */
export function contractedTail(tail: number, items: number): number {
  if (items === Infinity || tail >= 0.5 || tail <= 0) return tail;
  return studentTail(Math.sqrt((items - 1) / items) * solve(normalTail, tail), items - 1);
}

/**
 * Items that a mean over tasks is as sure as: one more than the degrees of freedom of a sum of independent variances (Satterthwaite 1946).
 *
 * @param parts variance of each task's share of the mean, and its items
 */
export function effectiveItems(
  parts: readonly { readonly variance: number; readonly items: number }[],
): number {
  let sum = 0, squares = 0;
  for (const { variance, items } of parts) {
    sum += variance;
    squares += variance ** 2 / (items - 1);
  }
  return squares > 0 ? sum ** 2 / squares + 1 : Infinity;
}

/** P(T > t) for t >= 0 (Abramowitz and Stegun 26.7.1). */
function studentTail(t: number, freedom: number): number {
  return regularisedBeta(freedom / (freedom + t * t), freedom / 2, 0.5) / 2;
}

/** P(Z > z) for z >= 0, to 1.2e-7 of itself (Chebyshev fit of erfc, Press et al., Numerical Recipes, section 6.2). */
function normalTail(z: number): number {
  const x = z / Math.SQRT2, t = 1 / (1 + x / 2);
  const series = [
    -1.26551223,
    1.00002368,
    0.37409196,
    0.09678418,
    -0.18628806,
    0.27886807,
    -1.13520398,
    1.48851587,
    -0.82215223,
    0.17087277,
  ].reduceRight((sum, coefficient) => coefficient + t * sum, 0);
  return t * Math.exp(-x * x + series) / 2;
}

/** Where a tail, which falls from 1/2, has a value. */
function solve(tail: (x: number) => number, value: number): number {
  let low = 0, high = 1;
  while (tail(high) > value) high *= 2;
  for (let i = 0; i < 100; i++) {
    const middle = (low + high) / 2;
    if (tail(middle) > value) low = middle;
    else high = middle;
  }
  return high;
}
