/**
 * The logistic probe of MTEB's classification tasks: scikit-learn's LogisticRegression with its defaults (L2,
 * C = 1, intercept not penalised, L-BFGS from zero, at most 100 iterations, tolerance 1e-4).
 *
 * scikit-learn changed what is minimised in 1.4, and with it where the search stops:
 *
 *     "1.3"    Σ loss_i + ½ ‖W‖²             ("1.3" stands for 1.1 to 1.3)
 *     "1.4"    mean loss_i + ½ ‖W‖² / n      ("1.4" stands for 1.4 and later)
 *
 * Everything is float64. Products are summed in the order of the machine, as those of scikit-learn are: the last bits of a probe
 * may differ between machines, its predictions do not unless two classes are as near to each other as that.
 *
 * @module
 */
import { columnProducts, rowProducts } from "../../kernels/cpu/products.ts";
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
  const { rows, columns } = x, size = outputs * columns;
  const lossScale = profile === "1.4" ? 1 / rows : 1;
  const loss = outputs === 1 ? logisticLoss : softmaxLoss;
  const residuals = new Float64Array(rows * outputs);

  const objective = (p: Float64Array, gradient: Float64Array): number => {
    decisions(x, p, outputs, residuals);
    const interceptGradient = gradient.subarray(size).fill(0);
    let value = 0;
    for (let row = 0, at = 0; row < rows; row++, at += outputs) {
      value += loss(residuals, at, outputs, y[row]!);
      for (let k = 0; k < outputs; k++) {
        interceptGradient[k]! += residuals[at + k]! *= lossScale;
      }
    }
    columnProducts(residuals, x.data, rows, gradient.subarray(0, size));
    let squares = 0;
    for (let i = 0; i < size; i++) {
      squares += p[i]! * p[i]!;
      gradient[i]! += lossScale * p[i]!;
    }
    return value * lossScale + 0.5 * lossScale * squares;
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
  const outputs = probe.intercepts.length, scores = new Float64Array(x.rows * outputs);
  const parameters = new Float64Array(probe.weights.length + outputs);
  parameters.set(probe.weights);
  parameters.set(probe.intercepts, probe.weights.length);
  decisions(x, parameters, outputs, scores);
  const predicted = new Int32Array(x.rows);
  for (let row = 0, at = 0; row < x.rows; row++, at += outputs) {
    let best = 0;
    for (let k = 1; k < outputs; k++) if (scores[at + k]! > scores[at + best]!) best = k;
    predicted[row] = outputs === 1 ? Number(scores[at]! > 0) : best;
  }
  return predicted;
}

/** Writes X Wᵀ + b to `out`, [rows, outputs]; `parameters` holds W [outputs, columns], then b. */
function decisions(x: Matrix, parameters: Float64Array, outputs: number, out: Float64Array): void {
  const size = outputs * x.columns;
  rowProducts(x.data, parameters.subarray(0, size), x.columns, out);
  for (let at = 0; at < out.length; at += outputs) {
    for (let k = 0; k < outputs; k++) out[at + k]! += parameters[size + k]!;
  }
}

/** log(1 + e^z) - y z of the number at a place, leaving d/dz there. */
function logisticLoss(z: Float64Array, at: number, _outputs: number, y: number): number {
  const raw = z[at]!;
  const e = Math.exp(-Math.abs(raw));
  z[at] = (raw >= 0 ? 1 / (1 + e) : e / (1 + e)) - y;
  return Math.max(raw, 0) + Math.log1p(e) - y * raw;
}

/** log Σ e^z - z_y of the numbers from a place on, leaving the gradient there. */
function softmaxLoss(z: Float64Array, at: number, outputs: number, y: number): number {
  const target = z[at + y]!, end = at + outputs;
  let max = -Infinity, sum = 0;
  for (let k = at; k < end; k++) if (z[k]! > max) max = z[k]!;
  for (let k = at; k < end; k++) sum += z[k] = Math.exp(z[k]! - max);
  const scale = 1 / sum;
  for (let k = at; k < end; k++) z[k]! *= scale;
  z[at + y]! -= 1;
  return Math.log(sum) + max - target;
}
