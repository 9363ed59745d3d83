/**
 * The logistic probe of MTEB's classification tasks: scikit-learn's LogisticRegression with its defaults (L2,
 * C = 1, intercept not penalised, L-BFGS from zero, at most 100 iterations, tolerance 1e-4).
 *
 * scikit-learn changed what is minimised in 1.4, and with it where the search stops; in 1.9 the type in which it is computed from
 * features that are float32:
 *
 *     "1.3"    Σ loss_i + ½ ‖W‖²             float64    ("1.3" stands for 1.1 to 1.3)
 *     "1.4"    mean loss_i + ½ ‖W‖² / n      float64    ("1.4" stands for 1.4 to 1.8)
 *     "1.9"    mean loss_i + ½ ‖W‖² / n      products and softmax float32, the search float64
 *
 * Products are summed in the order of the machine, as those of scikit-learn are: the last bits of a probe may differ between
 * machines, though not with the number of cores. What a probe predicts is decided in float64, in one order everywhere.
 *
 * @module
 */
import { BorrowedArrays } from "../../kernels/cpu/borrowed_arrays.ts";
import { SoftmaxLoss } from "../../kernels/cpu/softmax_regression.ts";
import { type LbfgsResult, minimizeLbfgs, type Objective } from "./lbfgs.ts";
import { LogisticLoss } from "./logistic_loss.ts";
import type { Points } from "./points.ts";

/** Generation of scikit-learn whose probe is fitted. */
export type ProbeProfile = "1.3" | "1.4" | "1.9";

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

/** What a generation minimises, and where it stops. */
interface Rules {
  readonly mean: boolean;
  readonly precision: "float32" | "float64";
  readonly valueTolerance: number;
  readonly maxLineSearchEvaluations: number;
}

const SINCE_1_4 = { mean: true, valueTolerance: 64 * Number.EPSILON, maxLineSearchEvaluations: 50 } as const;
const RULES: Readonly<Record<ProbeProfile, Rules>> = {
  "1.3": {
    mean: false,
    precision: "float64",
    valueTolerance: 2.220446049250313e-9,
    maxLineSearchEvaluations: 20,
  },
  "1.4": { ...SINCE_1_4, precision: "float64" },
  "1.9": { ...SINCE_1_4, precision: "float32" },
};

const MAX_ITERATIONS = 100;
const TOLERANCE = 1e-4;

/**
 * Fits a probe.
 *
 * @param x features
 * @param y class of each row, 0..classes-1; every class must occur
 * @throws RangeError if there are fewer than two classes
 */
export function fitProbe(x: Points, y: ArrayLike<number>, classes: number, profile: ProbeProfile): Probe {
  if (classes < 2) throw new RangeError(`a probe needs at least two classes, found ${classes}`);
  const rules = RULES[profile], outputs = classes === 2 ? 1 : classes;
  using memory = new BorrowedArrays();
  const features = rules.precision === "float32" ? x.data : memory.float64(x.data.length);
  if (features !== x.data) features.set(x.data);
  using loss = outputs === 1 ? new LogisticLoss(features, y) : new SoftmaxLoss(features, y, classes);
  const { weights, gradient: raw } = loss, size = x.columns * outputs, scale = rules.mean ? 1 / x.rows : 1;

  const objective: Objective = (p, gradient) => {
    weights.set(p);
    const sum = loss.evaluate();
    const squares = penalised(gradient, raw, p, size, scale);
    return scale * (sum + 0.5 * squares);
  };

  const found = minimizeLbfgs(objective, new Float64Array(size + outputs), {
    maxIterations: MAX_ITERATIONS,
    gradientTolerance: TOLERANCE,
    valueTolerance: rules.valueTolerance,
    maxLineSearchEvaluations: rules.maxLineSearchEvaluations,
  });
  return {
    classes,
    weights: transposed(found.x.subarray(0, size), x.columns, outputs),
    intercepts: found.x.slice(size),
    iterations: found.iterations,
    stopped: found.stopped,
  };
}

/**
 * gradient = scale · (raw + p), of what lies from `size` on without p: intercepts are not penalised. Gives Σ p² of what is. A
 * loop and nothing else, as those of `vector_loops.ts`.
 */
function penalised(
  gradient: Float64Array,
  raw: Float32Array | Float64Array,
  p: Float64Array,
  size: number,
  scale: number,
): number {
  let squares = 0, i = 0;
  for (; i < size; i++) {
    squares += p[i]! * p[i]!;
    gradient[i] = scale * (raw[i]! + p[i]!);
  }
  for (; i < p.length; i++) gradient[i] = scale * raw[i]!;
  return squares;
}

/** A matrix [rows, columns] with its rows as columns. */
function transposed(matrix: Float64Array, rows: number, columns: number): Float64Array {
  const out = new Float64Array(rows * columns);
  for (let j = 0; j < columns; j++) copyColumn(matrix, columns, j, out.subarray(j * rows, (j + 1) * rows));
  return out;
}

function copyColumn(matrix: Float64Array, columns: number, column: number, out: Float64Array): void {
  for (let i = 0, at = column; i < out.length; i++, at += columns) out[i] = matrix[at]!;
}
