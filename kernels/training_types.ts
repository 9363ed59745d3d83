/**
 * Settings of the losses and updates that engines compute.
 *
 * @module
 */

/** Hyper-parameters of one AdamW update (decoupled weight decay, Loshchilov & Hutter 2019, algorithm 2). */
export interface AdamWSpec {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly weightDecay: number;
  /** Number of this update, from 1: the bias corrections are 1 − β^step. */
  readonly step: number;
  /** Factor on the gradient before anything else: the clipping coefficient. */
  readonly gradientScale: number;
}

/** Settings of {@linkcode Device.infoNce}. */
export interface InfoNceSpec {
  /** Similarities are divided by this. */
  readonly temperature: number;
  /**
   * excluded[i * m + j] = 1 leaves candidate j out of row i's denominator (another copy of its positive). The positive
   * itself, j = i, is always in it.
   */
  readonly excluded?: Uint8Array;
}
