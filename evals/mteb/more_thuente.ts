/**
 * The line search of Moré and Thuente ("Line search algorithms with guaranteed sufficient decrease", ACM TOMS 20,
 * 1994), with the safeguards of MINPACK-2, as L-BFGS-B uses it: it returns a step α with
 *
 *     φ(α) <= φ(0) + μ α φ'(0)   and   |φ'(α)| <= η |φ'(0)|        (μ = 1e-3, η = 0.9)
 *
 * or the best point found when rounding stops it. Written from the paper; the stopping rules matter here because
 * a logistic probe that is stopped early must stop where scikit-learn's does.
 *
 * @module
 */

/** φ and φ' at a step. */
export interface Trial {
  readonly step: number;
  readonly value: number;
  readonly slope: number;
}

const MU = 1e-3;
const ETA = 0.9;
/** Relative width of the interval of uncertainty below which the search ends. */
const WIDTH = 0.1;
const MAX_STEP = 1e10;

/**
 * Searches along a descent direction.
 *
 * @param start φ and φ' at step 0; the slope must be negative
 * @param firstStep first α to try, in (0, 1e10]
 * @param evaluate φ and φ' at a step
 * @param maxEvaluations calls of `evaluate` allowed
 * @returns the last evaluated trial, or null if the evaluations ran out
 */
export function moreThuente(
  start: Trial,
  firstStep: number,
  evaluate: (step: number) => Trial,
  maxEvaluations: number,
): Trial | null {
  const sufficient = MU * start.slope;
  // α_l is the best step so far, α_u the other end of the interval of uncertainty once there is one.
  let low: Trial = { ...start, step: 0 }, high: Trial = low;
  let bracketed = false, firstStage = true;
  let width = MAX_STEP, previousWidth = 2 * MAX_STEP;
  let min = 0, max = firstStep + 4 * firstStep;
  let step = firstStep;

  for (let evaluations = 0; evaluations < maxEvaluations; evaluations++) {
    const trial = evaluate(step);
    const bound = start.value + step * sufficient;
    if (firstStage && trial.value <= bound && trial.slope >= 0) firstStage = false;

    const exhausted = bracketed && (step <= min || step >= max || max - min <= WIDTH * max);
    const atMax = step === MAX_STEP && trial.value <= bound && trial.slope <= sufficient;
    const accepted = trial.value <= bound && Math.abs(trial.slope) <= ETA * -start.slope;
    if (exhausted || atMax || accepted) return trial;

    // Until a step with sufficient decrease and a non-negative slope is known, ψ(α) = φ(α) - μ α φ'(0) is
    // minimised in place of φ where φ went down but not by enough.
    const tilted = firstStage && trial.value <= low.value && trial.value > bound;
    const tilt = tilted ? sufficient : 0;
    const next = updateInterval(lower(low, tilt), lower(high, tilt), lower(trial, tilt), bracketed, min, max);
    low = lower(next.low, -tilt);
    high = lower(next.high, -tilt);
    bracketed = next.bracketed;
    step = next.step;

    if (bracketed) {
      // An interval that does not shrink by a third in two steps is bisected.
      if (Math.abs(high.step - low.step) >= 0.66 * previousWidth) {
        step = low.step + 0.5 * (high.step - low.step);
      }
      previousWidth = width;
      width = Math.abs(high.step - low.step);
      min = Math.min(low.step, high.step);
      max = Math.max(low.step, high.step);
    } else {
      min = step + 1.1 * (step - low.step);
      max = step + 4 * (step - low.step);
    }
    step = Math.min(Math.max(step, 0), MAX_STEP);
    if (bracketed && (step <= min || step >= max || max - min <= WIDTH * max)) step = low.step;
  }
  return null;
}

/** The trial of φ(α) - tilt · α. */
function lower(trial: Trial, tilt: number): Trial {
  return tilt === 0
    ? trial
    : { step: trial.step, value: trial.value - trial.step * tilt, slope: trial.slope - tilt };
}

interface Interval {
  low: Trial;
  high: Trial;
  bracketed: boolean;
  step: number;
}

/** Next trial step (section 4 of the paper: four cases by value and slope) and the new interval. */
function updateInterval(
  low: Trial,
  high: Trial,
  trial: Trial,
  bracketed: boolean,
  min: number,
  max: number,
): Interval {
  const opposite = trial.slope * Math.sign(low.slope) < 0;
  let step: number;
  if (trial.value > low.value) {
    // Case 1: higher value. The minimum is bracketed; the cubic step, or half-way to it from the quadratic one.
    const cubic = cubicStep(low, trial, true);
    const chord = (low.value - trial.value) / (trial.step - low.step);
    const quadratic = low.step + (low.slope / (chord + low.slope)) / 2 * (trial.step - low.step);
    step = Math.abs(cubic - low.step) < Math.abs(quadratic - low.step)
      ? cubic
      : cubic + (quadratic - cubic) / 2;
    bracketed = true;
  } else if (opposite) {
    // Case 2: lower value, slope of the other sign. Bracketed; the step farther from the trial.
    const cubic = cubicStep(trial, low, true), secant = secantStep(trial, low);
    step = Math.abs(cubic - trial.step) > Math.abs(secant - trial.step) ? cubic : secant;
    bracketed = true;
  } else if (Math.abs(trial.slope) < Math.abs(low.slope)) {
    // Case 3: lower value, same sign, flatter. The cubic may not have a minimum in this direction.
    const cubic = cubicStep(trial, low, false) ?? (trial.step > low.step ? max : min);
    const secant = secantStep(trial, low);
    const cubicNearer = Math.abs(cubic - trial.step) < Math.abs(secant - trial.step);
    if (bracketed) {
      step = cubicNearer ? cubic : secant;
      const limit = trial.step + 0.66 * (high.step - trial.step);
      step = trial.step > low.step ? Math.min(limit, step) : Math.max(limit, step);
    } else {
      const farther = Math.abs(cubic - trial.step) > Math.abs(secant - trial.step) ? cubic : secant;
      step = Math.max(min, Math.min(max, farther));
    }
  } else if (bracketed) {
    // Case 4: lower value, same sign, not flatter.
    step = cubicStep(trial, high, true);
  } else {
    step = trial.step > low.step ? max : min;
  }

  if (trial.value > low.value) return { low, high: trial, bracketed, step };
  return { low: trial, high: opposite ? low : high, bracketed, step };
}

/** Minimiser of the cubic through two trials, counted from the first; null if it lies the other way. */
function cubicStep(from: Trial, to: Trial, always: true): number;
function cubicStep(from: Trial, to: Trial, always: false): number | null;
function cubicStep(from: Trial, to: Trial, always: boolean): number | null {
  const theta = 3 * (from.value - to.value) / (to.step - from.step) + from.slope + to.slope;
  const scale = Math.max(Math.abs(theta), Math.abs(from.slope), Math.abs(to.slope));
  const radicand = (theta / scale) ** 2 - (from.slope / scale) * (to.slope / scale);
  const gamma = scale * Math.sqrt(always ? radicand : Math.max(0, radicand)) * (to.step < from.step ? -1 : 1);
  const p = gamma - from.slope + theta;
  const q = always ? gamma - from.slope + gamma + to.slope : gamma + (to.slope - from.slope) + gamma;
  const r = p / q;
  if (!always && !(r < 0 && gamma !== 0)) return null;
  return from.step + r * (to.step - from.step);
}

/** Zero of the line through two slopes. */
function secantStep(trial: Trial, low: Trial): number {
  return trial.step + trial.slope / (trial.slope - low.slope) * (low.step - trial.step);
}
