/**
 * What a change of a task's score is called, and which changes fail a check.
 *
 * @module
 */

/** What became of a task. */
export type Verdict =
  /** Every stored value of every item has the same bits. */
  | "equal"
  | "improved"
  /** No change that is told from the choice of items, and no drop beyond the tolerance. */
  | "noise"
  /** A drop that is told from noise, within the tolerance. */
  | "tolerated"
  /** A drop beyond the tolerance that is not told from noise. */
  | "dropped"
  /** A drop beyond the tolerance that is told from noise, or of which noise cannot be asked. */
  | "regressed"
  /** Not of what the baseline is of: not compared. */
  | "refused";

/** How verdicts are shown. */
export const VERDICT_TEXT: Readonly<Record<Verdict, string>> = {
  equal: "equal to the last bit",
  improved: "improved",
  noise: "within noise",
  tolerated: "dropped, tolerated",
  dropped: "dropped, within noise",
  regressed: "REGRESSED",
  refused: "NOT COMPARED",
};

/** A change of a score, and what is known of it. */
export interface Change {
  /** Fraction: the score now minus that of the baseline. */
  readonly change: number;
  /** Direction in which it is told from noise, 0 if it is not; null where noise cannot be asked: then the tolerance alone decides. */
  readonly direction: -1 | 0 | 1 | null;
  /** Points that the task may lose. */
  readonly maxDropPoints: number;
}

/** Points by which rounding may exceed a tolerance: 0.61 - 0.6 is more than 0.01. */
const ROUNDING = 1e-9;

/** The verdict on a change. */
export function verdictOf({ change, direction, maxDropPoints }: Change): Verdict {
  const beyond = -100 * change > maxDropPoints + ROUNDING;
  const told = direction === null ? change !== 0 : direction !== 0 && direction === Math.sign(change);
  if (!told) return beyond ? "dropped" : "noise";
  if (change > 0) return "improved";
  return beyond ? "regressed" : "tolerated";
}

/** Whether a verdict fails the check. */
export function fails(verdict: Verdict): boolean {
  return verdict === "regressed" || verdict === "refused";
}

/**
 * Items with fewer of which noise cannot be asked: even if all of them drop, that may be chance with a probability of 2^-items (sign
 * test), which the tail of an interval has to be above.
 *
 * @param family number of intervals
 * @param confidence of all of them together
 */
export function fewestItems(family: number, confidence: number): number {
  return Math.ceil(Math.log2((2 * family) / (1 - confidence)));
}
