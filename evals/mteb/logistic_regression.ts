/**
 * The logistic probe of MTEB's classification tasks: scikit-learn's LogisticRegression with its defaults (L2,
 * C = 1, intercept not penalised, L-BFGS from zero, at most 100 iterations, tolerance 1e-4).
 *
 * scikit-learn changed what is minimised in 1.4, and with it where the search stops:
 *
 *     "1.3"    Σ loss_i + ½ ‖W‖²             ("1.3" stands for 1.1 to 1.3)
 *     "1.4"    mean loss_i + ½ ‖W‖² / n      ("1.4" stands for 1.4 and later)
 *
 * @module
 */
import { type LbfgsResult, minimizeLbfgs } from "./lbfgs.ts";

/** Generation of scikit-learn whose probe is fitted. */
export type ProbeProfile = "1.3" | "1.4";

/** Rows of features. */
export interface Matrix {
  /** [rows, columns], row-major. */
  readonly data: Float64Array;
  readonly rows: number;
  readonly columns: number;
}

/** A fitted probe. Two classes have one weight vector, more have one each. */
export interface Probe {
  readonly classes: number;
  /** [1 or classes, columns] */
  readonly weights: Float64Array;
  /** [1 or classes] */
  readonly intercepts: Float64Array;
  readonly iterations: number;
  readonly stopped: LbfgsResult["stopped"];
}

const MAX_ITERATIONS = 100;
const TOLERANCE = 1e-4;

/**
 * Fits a probe.
 *
 * @param x features
 * @param y class of each row, 0..classes-1; every class must occur
 * @throws RangeError if there are fewer than two classes
 */
export function fitProbe(x: Matrix, y: ArrayLike<number>, classes: number, profile: ProbeProfile): Probe {
  if (classes < 2) throw new RangeError(`a probe needs at least two classes, found ${classes}`);
  const outputs = classes === 2 ? 1 : classes;
  const size = outputs * x.columns;
  const lossScale = profile === "1.4" ? 1 / x.rows : 1;
  const loss = outputs === 1 ? logisticLoss : softmaxLoss;
  const residual = new Float64Array(outputs);

  const objective = (p: Float64Array, gradient: Float64Array): number => {
    gradient.fill(0);
    let value = 0;
    for (let row = 0; row < x.rows; row++) {
      decision(x, row, p, size, residual);
      value += loss(residual, y[row]!);
      const offset = row * x.columns;
      for (let k = 0; k < outputs; k++) {
        const r = residual[k]! * lossScale;
        const base = k * x.columns;
        for (let j = 0; j < x.columns; j++) gradient[base + j]! += r * x.data[offset + j]!;
        gradient[size + k]! += r;
      }
    }
    value *= lossScale;
    let squares = 0;
    for (let i = 0; i < size; i++) {
      squares += p[i]! ** 2;
      gradient[i]! += lossScale * p[i]!;
    }
    return value + 0.5 * lossScale * squares;
  };

  const found = minimizeLbfgs(objective, new Float64Array(size + outputs), {
    maxIterations: MAX_ITERATIONS,
    gradientTolerance: TOLERANCE,
    valueTolerance: profile === "1.4" ? 64 * Number.EPSILON : 2.220446049250313e-9,
    maxLineSearchEvaluations: profile === "1.4" ? 50 : 20,
  });
  return {
    classes,
    weights: found.x.slice(0, size),
    intercepts: found.x.slice(size),
    iterations: found.iterations,
    stopped: found.stopped,
  };
}

/** Most probable class of each row; the lowest of equally probable ones. */
export function predict(probe: Probe, x: Matrix): Int32Array {
  const outputs = probe.intercepts.length;
  const parameters = new Float64Array(probe.weights.length + outputs);
  parameters.set(probe.weights);
  parameters.set(probe.intercepts, probe.weights.length);
  const scores = new Float64Array(outputs);
  return Int32Array.from({ length: x.rows }, (_, row) => {
    decision(x, row, parameters, probe.weights.length, scores);
    if (outputs === 1) return scores[0]! > 0 ? 1 : 0;
    let best = 0;
    for (let k = 1; k < outputs; k++) if (scores[k]! > scores[best]!) best = k;
    return best;
  });
}

/** Writes W x + b of one row to `out`; `parameters` holds W, then b from `size` on. */
function decision(x: Matrix, row: number, parameters: Float64Array, size: number, out: Float64Array): void {
  const offset = row * x.columns;
  for (let k = 0; k < out.length; k++) {
    let sum = parameters[size + k]!;
    const base = k * x.columns;
    for (let j = 0; j < x.columns; j++) sum += x.data[offset + j]! * parameters[base + j]!;
    out[k] = sum;
  }
}

/** log(1 + e^z) - y z, leaving d/dz in `z`. */
function logisticLoss(z: Float64Array, y: number): number {
  const raw = z[0]!;
  const e = Math.exp(-Math.abs(raw));
  z[0] = (raw >= 0 ? 1 / (1 + e) : e / (1 + e)) - y;
  return Math.max(raw, 0) + Math.log1p(e) - y * raw;
}

/** log Σ e^z - z_y, leaving the gradient in `z`. */
function softmaxLoss(z: Float64Array, y: number): number {
  const target = z[y]!;
  let max = -Infinity, sum = 0;
  for (let k = 0; k < z.length; k++) max = Math.max(max, z[k]!);
  for (let k = 0; k < z.length; k++) sum += z[k] = Math.exp(z[k]! - max);
  for (let k = 0; k < z.length; k++) z[k]! /= sum;
  z[y]! -= 1;
  return Math.log(sum) + max - target;
}
