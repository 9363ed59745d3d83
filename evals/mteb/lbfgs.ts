/**
 * Limited-memory BFGS as L-BFGS-B 3.0 (Zhu, Byrd, Lu, Nocedal 1997) does it where no variable is bounded: memory
 * 10, first step of length 1, Moré-Thuente line search, one restart from steepest descent when it fails.
 *
 * @module
 */
import { moreThuente } from "./more_thuente.ts";

/** Objective: writes the gradient at `x` to `gradient` and returns the value. */
export type Objective = (x: Float64Array, gradient: Float64Array) => number;

/** When to stop. */
export interface LbfgsOptions {
  readonly maxIterations: number;
  /** Stop when max |gradient| is at most this. */
  readonly gradientTolerance: number;
  /** Stop when an iteration lowers the value by at most this times max(|old|, |new|, 1). */
  readonly valueTolerance: number;
  /** Evaluations allowed in one line search. */
  readonly maxLineSearchEvaluations: number;
}

/** Where and why the search ended. */
export interface LbfgsResult {
  readonly x: Float64Array;
  readonly value: number;
  readonly iterations: number;
  readonly stopped: "gradient" | "value" | "iterations" | "line search";
}

/** A step s and the gradient change y over it. */
interface Pair {
  readonly s: Float64Array;
  readonly y: Float64Array;
  /** 1 / (s · y) */
  readonly rho: number;
}

const MEMORY = 10;

/** Minimises an objective from `start`, which is not changed. */
export function minimizeLbfgs(objective: Objective, start: Float64Array, options: LbfgsOptions): LbfgsResult {
  const n = start.length;
  const x = start.slice(), gradient = new Float64Array(n);
  let value = objective(x, gradient);
  let pairs: Pair[] = [];
  let iterations = 0;
  const result = (stopped: LbfgsResult["stopped"]): LbfgsResult => ({ x, value, iterations, stopped });
  if (maxAbs(gradient) <= options.gradientTolerance) return result("gradient");

  while (true) {
    const direction = descentDirection(gradient, pairs);
    const origin = x.slice(), oldGradient = gradient.slice(), oldValue = value;
    const slope = dot(gradient, direction);
    const firstStep = iterations === 0 ? 1 / Math.sqrt(dot(direction, direction)) : 1;
    const evaluate = (step: number) => {
      for (let i = 0; i < n; i++) x[i] = origin[i]! + step * direction[i]!;
      value = objective(x, gradient);
      return { step, value, slope: dot(gradient, direction) };
    };
    const found = slope < 0
      ? moreThuente({ step: 0, value, slope }, firstStep, evaluate, options.maxLineSearchEvaluations)
      : null;
    if (found === null) {
      x.set(origin);
      gradient.set(oldGradient);
      value = oldValue;
      if (pairs.length === 0) return result("line search");
      pairs = [];
      continue;
    }

    iterations++;
    if (iterations >= options.maxIterations) return result("iterations");
    if (maxAbs(gradient) <= options.gradientTolerance) return result("gradient");
    const scale = Math.max(Math.abs(oldValue), Math.abs(value), 1);
    if (oldValue - value <= options.valueTolerance * scale) return result("value");

    // The old gradient and the direction are of no further use as they are.
    const y = oldGradient, s = direction;
    for (let i = 0; i < n; i++) {
      y[i] = gradient[i]! - y[i]!;
      s[i]! *= found.step;
    }
    const curvature = (found.slope - slope) * found.step;
    // Without positive curvature the pair would spoil the approximation; it is left out.
    if (curvature > Number.EPSILON * -slope * found.step) {
      pairs.push({ s, y, rho: 1 / curvature });
      if (pairs.length > MEMORY) pairs.shift();
    }
  }
}

/** -H g by the two-loop recursion (Nocedal 1980), H starting from (s·y / y·y) of the newest pair. */
function descentDirection(gradient: Float64Array, pairs: readonly Pair[]): Float64Array {
  const d = new Float64Array(gradient.length), last = pairs.length - 1;
  for (let i = 0; i < d.length; i++) d[i] = -gradient[i]!;
  if (last < 0) return d;
  const alphas = new Float64Array(pairs.length);
  let product = dot(pairs[last]!.s, d);
  for (let i = last; i >= 0; i--) {
    alphas[i] = pairs[i]!.rho * product;
    product = addScaled(d, pairs[i]!.y, -alphas[i]!, i > 0 ? pairs[i - 1]!.s : undefined);
  }
  const { y, rho } = pairs[last]!, scale = 1 / (rho * dot(y, y));
  for (let i = 0; i < d.length; i++) d[i]! *= scale;
  product = dot(pairs[0]!.y, d);
  for (let i = 0; i <= last; i++) {
    const beta = pairs[i]!.rho * product;
    product = addScaled(d, pairs[i]!.s, alphas[i]! - beta, i < last ? pairs[i + 1]!.y : undefined);
  }
  return d;
}

function dot(a: Float64Array, b: Float64Array): number {
  const n = a.length, whole = n - n % 4;
  // Four sums, none of which waits for another.
  let s0 = 0, s1 = 0, s2 = 0, s3 = 0;
  for (let i = 0; i < whole; i += 4) {
    s0 += a[i]! * b[i]!;
    s1 += a[i + 1]! * b[i + 1]!;
    s2 += a[i + 2]! * b[i + 2]!;
    s3 += a[i + 3]! * b[i + 3]!;
  }
  for (let i = whole; i < n; i++) s0 += a[i]! * b[i]!;
  return (s0 + s1) + (s2 + s3);
}

/** Adds a multiple of `source` to `target`. Gives the product of `next` and the sum, as {@linkcode dot} does, in one pass. */
function addScaled(
  target: Float64Array,
  source: Float64Array,
  factor: number,
  next: Float64Array | undefined,
): number {
  const n = target.length;
  if (next === undefined) {
    for (let i = 0; i < n; i++) target[i]! += factor * source[i]!;
    return 0;
  }
  const whole = n - n % 4;
  let s0 = 0, s1 = 0, s2 = 0, s3 = 0;
  for (let i = 0; i < whole; i += 4) {
    s0 += next[i]! * (target[i]! += factor * source[i]!);
    s1 += next[i + 1]! * (target[i + 1]! += factor * source[i + 1]!);
    s2 += next[i + 2]! * (target[i + 2]! += factor * source[i + 2]!);
    s3 += next[i + 3]! * (target[i + 3]! += factor * source[i + 3]!);
  }
  for (let i = whole; i < n; i++) s0 += next[i]! * (target[i]! += factor * source[i]!);
  return (s0 + s1) + (s2 + s3);
}

function maxAbs(values: Float64Array): number {
  let max = 0;
  for (let i = 0; i < values.length; i++) {
    const value = Math.abs(values[i]!);
    if (value > max) max = value;
    else if (Number.isNaN(value)) return NaN;
  }
  return max;
}
