/**
 * The memory of gradients.
 *
 * @module
 */
import type { Decoder } from "../backbone/decoder.ts";
import type { Gradients, Trainable } from "../backbone/gradients.ts";

/**
 * Lends gradients of 0 for the updates of a step. Where all weights are trained, their memory is that of the weights packed for
 * decoding, which have the same sizes and are never needed at the same time, and serves the next step's again.
 *
 * @param parameters what is trained
 */
export async function withGradients<T>(
  { weights }: Decoder,
  parameters: Trainable,
  use: (gradients: Gradients) => Promise<T>,
): Promise<T> {
  weights.unpack();
  const gradients = parameters.newGradients();
  try {
    return await use(gradients);
  } finally {
    gradients.recycle();
  }
}
