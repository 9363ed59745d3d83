/**
 * The memory of gradients.
 *
 * @module
 */
import type { Decoder } from "../backbone/decoder.ts";
import { Weights } from "../backbone/weights.ts";

/**
 * Lends gradients of 0 for the updates of a step. Their memory is that of the weights packed for decoding, which have the same
 * sizes and are never needed at the same time, and serves the next step's again.
 */
export async function withGradients<T>(
  { device, config, weights }: Decoder,
  use: (gradients: Weights) => Promise<T>,
): Promise<T> {
  weights.unpack();
  const gradients = Weights.zeros(device, config);
  try {
    return await use(gradients);
  } finally {
    gradients.recycle();
  }
}
