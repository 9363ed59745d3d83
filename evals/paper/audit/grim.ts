/**
 * GRIM (granularity-related inconsistency of means; Brown and Heathers 2017): a share of right answers among N is k/N, so
 * with few items most decimal numbers cannot be one.
 *
 * @module
 */
import { type Printed, type Rounding, roundingsOf } from "./printed.ts";

/** A count that is printed as the score. */
export interface Attained {
  /** Right answers. */
  readonly k: number;
  /** Items, over all runs. */
  readonly n: number;
  readonly roundings: readonly Rounding[];
}

/** What GRIM says about one accuracy. */
export interface Grim {
  /** Every k of every N that is printed as the score; with large N there are several. */
  readonly attained: readonly Attained[];
  /** The counts just below and above, of the first N, where there is none that fits; k may be −1 or N + 1. */
  readonly between: { readonly below: number; readonly above: number; readonly n: number } | null;
  /** Whether every number of so many digits is some k/N, so that the check says nothing. */
  readonly vacuous: boolean;
}

/**
 * Which counts of right answers are printed as `score`: rounded, ties either way, or truncated.
 *
 * @param sizes numbers of items (times runs) that the score may be over; at least one
 * @param fullScore what N of N is printed as: 100 or 1
 */
export function grim(score: Printed, sizes: readonly number[], fullScore: 100 | 1): Grim {
  const exact = (k: number, n: number) => ({
    numerator: BigInt(fullScore) * BigInt(k),
    denominator: BigInt(n),
  });
  const attained = sizes.flatMap((n) => {
    // Truncation takes what is up to a unit above, rounding what is up to half a unit below.
    const unit = 2 * score.halfUnit;
    const lowest = Math.max(0, Math.floor((score.value - unit) / fullScore * n));
    const highest = Math.min(n, Math.ceil((score.value + unit) / fullScore * n));
    const found: Attained[] = [];
    for (let k = lowest; k <= highest; k++) {
      const roundings = roundingsOf(exact(k, n), score);
      if (roundings.length > 0) found.push({ k, n, roundings });
    }
    return found;
  });
  const n = sizes[0]!;
  const below = Math.floor(score.value / fullScore * n);
  return {
    attained,
    between: attained.length > 0 ? null : { below, above: below + 1, n },
    // Steps of k/N no larger than a unit of the last digit reach every number.
    vacuous: sizes.some((size) => fullScore / size <= 2 * score.halfUnit),
  };
}
