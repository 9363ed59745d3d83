/**
 * Numbers as they stand in a table, and whether an exact number could have been printed so.
 *
 * All comparisons are of integers: 8.335 is a tie between 8.33 and 8.34 here, which it is not in binary.
 *
 * @module
 */

/** How an exact number becomes a printed one. Ties go away from zero, or to the even digit; truncation goes towards zero. */
export type Rounding = "half-up" | "half-even" | "truncated";

/** An exact number: numerator / denominator, with a denominator above 0. */
export interface Ratio {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

/** A decimal number with the digits that are printed: 43.00 says more than 43. */
export class Printed {
  /** Nearest double. */
  readonly value: number;

  /**
   * @param text the number as printed
   * @param units the number without its point: −0.50 is −50
   * @param decimals digits behind the point
   */
  private constructor(readonly text: string, readonly units: bigint, readonly decimals: number) {
    this.value = Number(text);
  }

  /** Reads a plain decimal number such as "-0.30"; undefined for anything else, exponents among them. */
  static parse(text: string): Printed | undefined {
    const match = /^([+-]?\d{1,12})(?:\.(\d{1,9}))?$/.exec(text);
    if (match === null) return undefined;
    const fraction = match[2] ?? "";
    return new Printed(text, BigInt(match[1]! + fraction), fraction.length);
  }

  /** Half a unit of the last digit: how far a rounded number may lie from what it stands for. */
  get halfUnit(): number {
    return 0.5 * 10 ** -this.decimals;
  }

  /** The number without its last digit, where that digit is 0; undefined where dropping it would lose something. */
  withoutLastZero(): Printed | undefined {
    if (this.decimals === 0 || this.units % 10n !== 0n) return undefined;
    return Printed.parse(this.text.slice(0, this.decimals === 1 ? -2 : -1));
  }

  /** The same number with at least `decimals` digits behind the point: programs that write JSON drop zeros that were printed. */
  withDecimals(decimals: number): Printed {
    if (this.decimals >= decimals) return this;
    const point = this.decimals === 0 ? "." : "";
    return Printed.parse(this.text + point + "0".repeat(decimals - this.decimals))!;
  }

  /** As it is printed. */
  toString(): string {
    return this.text;
  }
}

/** Every way of rounding by which `exact` is printed as `printed`; none if it cannot be. */
export function roundingsOf(exact: Ratio, printed: Printed): Rounding[] {
  const numerator = abs(exact.numerator) * 10n ** BigInt(printed.decimals);
  const { denominator } = exact;
  const whole = numerator / denominator, twiceRest = 2n * (numerator % denominator);
  const up = whole + 1n;
  const results: [Rounding, bigint][] = [
    ["half-up", twiceRest >= denominator ? up : whole],
    ["half-even", twiceRest > denominator || (twiceRest === denominator && whole % 2n === 1n) ? up : whole],
    ["truncated", whole],
  ];
  return results.flatMap(([rounding, units]) =>
    units === abs(printed.units) && (units === 0n || (exact.numerator < 0n) === (printed.units < 0n))
      ? [rounding]
      : []
  );
}

/**
 * Σ weight·cell / Σ weight, exactly.
 *
 * @param weights whole numbers of at least 0, one a cell, not all 0
 */
export function weightedRatio(cells: readonly Printed[], weights: readonly number[]): Ratio {
  const decimals = Math.max(...cells.map((cell) => cell.decimals));
  let sum = 0n, total = 0n;
  cells.forEach((cell, i) => {
    const weight = BigInt(weights[i]!);
    sum += weight * cell.units * 10n ** BigInt(decimals - cell.decimals);
    total += weight;
  });
  return { numerator: sum, denominator: total * 10n ** BigInt(decimals) };
}

/** The nearest double, for showing. */
export function valueOf({ numerator, denominator }: Ratio): number {
  return Number(numerator) / Number(denominator);
}

function abs(value: bigint): bigint {
  return value < 0n ? -value : value;
}
