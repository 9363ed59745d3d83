/**
 * Log-probabilities of rationales under the untrained backbone, towards which a KL term draws the policy.
 *
 * @module
 */
import type { Decoder } from "../backbone/decoder.ts";
import { microBatches, predictionsOf, type RolloutGroup, type WrittenRollout } from "./micro_batches.ts";

/** How they are computed. */
export interface ReferenceOptions {
  /** Sampling temperature: the distribution is the one that would have been sampled from. */
  readonly temperature: number;
  /** Most rows of one forward pass. */
  readonly microBatchTokens: number;
  /** Told of the rows of each pass. */
  readonly onTokens?: (count: number) => void;
}

/**
 * log π_ref of each token, [rollouts][tokens] in the order of the groups. Before the first update they are the log-probabilities
 * with which the tokens were sampled, to the last bit.
 *
 * @param decoder of the untrained backbone
 */
export async function referenceLogProbs(
  decoder: Decoder,
  groups: readonly RolloutGroup<WrittenRollout>[],
  { temperature, microBatchTokens, onTokens }: ReferenceOptions,
): Promise<Float32Array[]> {
  const { device, config, weights: { head } } = decoder, results: Float32Array[] = [];
  for (const batch of microBatches(groups, { microBatchTokens })) {
    const { packed, rows, ids } = predictionsOf(batch), hidden = decoder.forward(packed);
    const index = device.upload(rows, [ids.length]);
    const predicting = device.alloc([ids.length, config.hiddenSize]);
    device.gatherRows(hidden, index, predicting);
    device.free(hidden, index);
    const { logProb } = await device.lmHead(predicting, head, ids, temperature)
      .finally(() => device.free(predicting));
    let at = 0;
    for (const { rollout: { tokens } } of batch.rollouts) {
      results.push(Float32Array.from(logProb.subarray(at, at += tokens.length)));
    }
    onTokens?.(packed.ids.length);
  }
  return results;
}
