/**
 * What k-means draws in each release of scikit-learn. The algorithm has stayed, its draws have not, so that the
 * same seed gives other clusters:
 *
 *     release    first centre             sum of D²    running sum    minibatches
 *     "1.2"      an integer               numpy's      float64        integers                (1.1 to 1.2)
 *     "1.3"      a double over weights    BLAS's       float64        integers                (1.3 to 1.7)
 *     "1.8"      a double over weights    BLAS's       float32        integers                (1.8)
 *     "1.9"      a double over weights    BLAS's       float32        doubles over weights
 *
 * Read off the sources of 1.2.2, 1.3.2, 1.7.2, 1.8.0 and 1.9.1.
 *
 * @module
 */

/** Release of scikit-learn whose draws are repeated; it stands for the releases in the table above. */
export type SklearnRelease = "1.2" | "1.3" | "1.8" | "1.9";

/** How one release draws. */
export interface SklearnDraws {
  /** k-means++'s first centre: `randint(n)` or `choice(n, p)`. */
  readonly firstCentre: "integer" | "weighted";
  /** In whose order k-means++ sums all squared distances, of which a draw is a share (`float32_sums.ts`). */
  readonly potential: "numpy" | "blas";
  /** Type in which k-means++ sums squared distances up to where a draw falls. */
  readonly runningSum: "float64" | "float32";
  /** Rows of a minibatch: `randint(0, n, size)` or `choice(n, size, p)`. */
  readonly minibatch: "integer" | "weighted";
}

/** The table of the module comment. */
export const SKLEARN_DRAWS: Readonly<Record<SklearnRelease, SklearnDraws>> = {
  "1.2": { firstCentre: "integer", potential: "numpy", runningSum: "float64", minibatch: "integer" },
  "1.3": { firstCentre: "weighted", potential: "blas", runningSum: "float64", minibatch: "integer" },
  "1.8": { firstCentre: "weighted", potential: "blas", runningSum: "float32", minibatch: "integer" },
  "1.9": { firstCentre: "weighted", potential: "blas", runningSum: "float32", minibatch: "weighted" },
};
