/**
 * Limited-memory BFGS as L-BFGS-B 3.0 (Zhu, Byrd, Lu, Nocedal 1997) does it where no variable is bounded: memory
 * 10, first step of length 1, Moré-Thuente line search, one restart from steepest descent when it fails.
 *
 * @module
 */
import { BorrowedArrays } from "../../kernels/cpu/borrowed_arrays.ts";
import { moreThuente } from "./more_thuente.ts";
import {
  addScaled,
  addScaledThenDot,
  dot,
  maxAbs,
  moveAlong,
  negate,
  scale,
  subtractFrom,
} from "./vector_loops.ts";

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
  rho: number;
}

const MEMORY = 10;

/** Minimises an objective from `start`, which is not changed. */
export function minimizeLbfgs(objective: Objective, start: Float64Array, options: LbfgsOptions): LbfgsResult {
  using memory = new BorrowedArrays();
  const n = start.length, x = start.slice();
  const gradient = memory.float64(n), origin = memory.float64(n);
  let value = objective(x, gradient);
  let pairs: Pair[] = [];
  let iterations = 0;
  const result = (stopped: LbfgsResult["stopped"]): LbfgsResult => ({ x, value, iterations, stopped });
  if (maxAbs(gradient) <= options.gradientTolerance) return result("gradient");

  /** Memory of pairs that are forgotten. */
  const spare: Pair[] = [];
  while (true) {
    const next = spare.pop() ?? { s: memory.float64(n), y: memory.float64(n), rho: NaN };
    // Until they become the pair, the direction and the old gradient.
    const { s: direction, y: oldGradient } = next;
    descentDirection(direction, gradient, pairs);
    origin.set(x);
    oldGradient.set(gradient);
    const oldValue = value, slope = dot(gradient, direction);
    const firstStep = iterations === 0 ? 1 / Math.sqrt(dot(direction, direction)) : 1;
    const evaluate = (step: number) => {
      moveAlong(x, origin, step, direction);
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
      spare.push(next, ...pairs);
      pairs = [];
      continue;
    }

    iterations++;
    if (iterations >= options.maxIterations) return result("iterations");
    if (maxAbs(gradient) <= options.gradientTolerance) return result("gradient");
    const largest = Math.max(Math.abs(oldValue), Math.abs(value), 1);
    if (oldValue - value <= options.valueTolerance * largest) return result("value");

    subtractFrom(oldGradient, gradient);
    scale(direction, found.step);
    const curvature = (found.slope - slope) * found.step;
    // Without positive curvature the pair would spoil the approximation; it is left out.
    if (curvature > Number.EPSILON * -slope * found.step) {
      next.rho = 1 / curvature;
      pairs.push(next);
      if (pairs.length > MEMORY) spare.push(pairs.shift()!);
    } else spare.push(next);
  }
}

/** d = -H g by the two-loop recursion (Nocedal 1980), H starting from (s·y / y·y) of the newest pair. */
function descentDirection(d: Float64Array, gradient: Float64Array, pairs: readonly Pair[]): void {
  const last = pairs.length - 1, alphas = new Float64Array(pairs.length);
  negate(d, gradient);
  if (last < 0) return;
  let product = dot(pairs[last]!.s, d);
  for (let i = last; i > 0; i--) {
    alphas[i] = pairs[i]!.rho * product;
    product = addScaledThenDot(d, pairs[i]!.y, -alphas[i]!, pairs[i - 1]!.s);
  }
  alphas[0] = pairs[0]!.rho * product;
  addScaled(d, pairs[0]!.y, -alphas[0]!);
  const { y, rho } = pairs[last]!;
  scale(d, 1 / (rho * dot(y, y)));
  product = dot(pairs[0]!.y, d);
  for (let i = 0; i < last; i++) {
    product = addScaledThenDot(d, pairs[i]!.s, alphas[i]! - pairs[i]!.rho * product, pairs[i + 1]!.y);
  }
  addScaled(d, pairs[last]!.s, alphas[last]! - rho * product);
}
