/**
 * Statistics and gradients of the vocabulary head where the caller has them as tensors.
 *
 * @module
 */
import type { TokenStatistics } from "../lm_head_types.ts";
import type { Tensor } from "../tensor_types.ts";
import type { CpuTensor } from "./tensor.ts";

/** Statistics by the tensor [n, 3] that was given for them: the backward op looks for what was kept of the former. */
export class TokenStatisticsTensors {
  readonly #values = new WeakMap<Tensor, TokenStatistics>();

  /** Rows of logProb, logSumExp, entropy. */
  store(values: TokenStatistics, tensor: CpuTensor): void {
    const { logProb, logSumExp, entropy } = values, to = tensor.f32;
    for (let i = 0; i < logProb.length; i++) to.set([logProb[i]!, logSumExp[i]!, entropy[i]!], 3 * i);
    this.#values.set(tensor, values);
  }

  /** The statistics themselves. */
  valuesOf(statistics: TokenStatistics | Tensor): TokenStatistics {
    if ("logProb" in statistics) return statistics;
    return this.#values.get(statistics) ?? columnsOf(statistics as CpuTensor);
  }
}

/**
 * Columns of statistics [n, 3].
 *
 * @throws where the tensor has another shape
 */
export function columnsOf(statistics: CpuTensor): TokenStatistics {
  const { shape, f32: rows } = statistics;
  if (shape.length !== 2 || shape[1] !== 3) throw new Error(`statistics [${shape}] are not [n, 3]`);
  const column = (at: number) => Float32Array.from({ length: shape[0]! }, (_, i) => rows[3 * i + at]!);
  return { logProb: column(0), logSumExp: column(1), entropy: column(2) };
}

/** Numbers of one entry a row. */
export function numbersOf(column: Float32Array | Tensor): Float32Array {
  return ArrayBuffer.isView(column) ? column : (column as CpuTensor).f32;
}
