/**
 * Batched generation: prompts in, continuations out.
 *
 * What a rollout is depends on its prompt, its sampling keys and the weights, not on what decodes beside it: the ops are
 * batch-invariant and every random number has an address of its own. Log-probabilities and the sum of the final hidden
 * states that are pooled into the embedding are by-products of decoding, so nothing is run a second time for them.
 *
 * @module
 */
import type { Decoder } from "../backbone/decoder.ts";
import { DecodingBatch } from "./decoding_batch.ts";
import { checkRequest, type GenerateOptions, type Rollout, type RolloutRequest } from "./request.ts";
import { lengthClasses } from "./slots.ts";

/**
 * Continues every request and returns the rollouts by request and sample.
 *
 * @throws {NumericError} if a log-probability is not a number
 * @throws the signal's reason when it is aborted
 */
export async function generate(
  decoder: Decoder,
  requests: readonly RolloutRequest[],
  options: GenerateOptions,
): Promise<Rollout[][]> {
  const { config, device } = decoder, { slots, onDone } = options;
  requests.forEach((request, index) => checkRequest(request, index, config.maxPositions));
  decoder.weights.pack();
  const all = requests.map((_, index) => index);
  const classes = slots === undefined ? lengthClasses(requests, config, device.decoding) : [all];
  const results = new Array<Rollout[]>(requests.length);
  for (const indices of classes) {
    const batch = new DecodingBatch(decoder, indices.map((index) => requests[index]!), {
      ...options,
      ...(onDone && { onDone: (at, rollouts) => onDone(indices[at]!, rollouts) }),
    });
    try {
      (await batch.run()).forEach((rollouts, at) => results[indices[at]!] = rollouts);
    } finally {
      batch.free();
    }
  }
  return results;
}
