/**
 * Checks a gradient against differences of its function, in float64.
 *
 * @module
 */
import { TestRandom } from "./random.ts";

/** How {@linkcode gradientError} probes. */
export interface ProbeOptions {
  /** Random unit directions through all inputs together. */
  readonly directions?: number;
  /** Single coordinates of each input. */
  readonly coordinates?: number;
  /** Step of the difference; 3e-4 balances the h⁴ of the formula against rounding for functions of order 1. */
  readonly step?: number;
  readonly seed?: number;
}

/** The probe that disagrees most. */
export interface GradientError {
  /** |difference − gradient·direction| / max(|gradient·direction|, ‖gradient‖/√size). */
  readonly relative: number;
  /** "direction 3" or "input 1, coordinate 17". */
  readonly probe: string;
  readonly difference: number;
  readonly gradient: number;
}

/**
 * Compares `gradients` of the scalar function `f` at `inputs` with its central differences of fourth order,
 * (f(−2h) − 8f(−h) + 8f(h) − f(2h)) / 12h, along random directions and single coordinates.
 * The size of a typical entry, ‖gradient‖/√size, is the smallest scale that an error is measured on:
 * an entry that is zero has no relative error.
 */
export function gradientError(
  f: (...inputs: Float64Array[]) => number,
  inputs: readonly Float64Array[],
  gradients: readonly Float64Array[],
  options: ProbeOptions = {},
): GradientError {
  const { directions = 8, coordinates = 12, step = 3e-4, seed = 1 } = options;
  const random = new TestRandom(seed);
  let worst: GradientError = { relative: 0, probe: "none", difference: 0, gradient: 0 };

  const probe = (name: string, direction: readonly Float64Array[], typical: number): void => {
    const at = (t: number) =>
      f(...inputs.map((input, k) => input.map((value, i) => value + t * direction[k]![i]!)));
    const difference = (at(-2 * step) - 8 * at(-step) + 8 * at(step) - at(2 * step)) / (12 * step);
    const gradient = sumOf(gradients.map((g, k) => sumOf(g.map((value, i) => value * direction[k]![i]!))));
    const scale = Math.max(Math.abs(gradient), typical);
    const relative = Math.abs(difference - gradient) / (scale > 0 ? scale : 1);
    // NaN counts as the worst of all, and stays.
    if (relative > worst.relative || Number.isNaN(relative)) {
      worst = { relative, probe: name, difference, gradient };
    }
  };

  const typicalOf = (parts: readonly Float64Array[]) =>
    Math.sqrt(sumOf(parts.map((g) => sumOf(g.map((x) => x * x)))) / sumOf(parts.map((g) => g.length)));

  for (let d = 0; d < directions; d++) {
    const direction = inputs.map((input) => random.normals(input.length));
    const length = Math.sqrt(sumOf(direction.map((part) => sumOf(part.map((x) => x * x)))));
    probe(`direction ${d}`, direction.map((part) => part.map((x) => x / length)), typicalOf(gradients));
  }
  inputs.forEach((input, k) => {
    for (let c = 0; c < coordinates; c++) {
      const coordinate = random.integer(input.length);
      const direction = inputs.map((other) => new Float64Array(other.length));
      direction[k]![coordinate] = 1;
      probe(`input ${k}, coordinate ${coordinate}`, direction, typicalOf([gradients[k]!]));
    }
  });
  return worst;
}

function sumOf(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum;
}
