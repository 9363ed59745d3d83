/**
 * How many sequences decode together.
 *
 * @module
 */
import type { DecoderConfig } from "../backbone/config.ts";
import type { RolloutRequest } from "./request.ts";

/** Keys and values of all sequences together take about this much memory at most, unless {@linkcode fewestSlots} need more. */
const cacheBytes = 256 * 2 ** 20;
const fewestSlots = 48, mostSlots = 192;

/**
 * Number of sequences that decode together: the more, the fewer calls and readings of the weights for the same tokens. A
 * small model gets many (160 sequences of 2 M parameters decode a quarter faster at once than 48 at a time), a large one
 * what its cache allows. No more than there are, and at least the samples of one prompt, which start together.
 *
 * @param wanted number that the caller asks for, in place of what pays and fits
 */
export function slotsFor(
  requests: readonly Pick<RolloutRequest, "prompt" | "samples" | "maxNewTokens">[],
  { layers, kvHeads, headDim }: Pick<DecoderConfig, "layers" | "kvHeads" | "headDim">,
  wanted: number | undefined,
): number {
  let longest = 1, samples = 0, together = 1;
  for (const request of requests) {
    longest = Math.max(longest, request.prompt.length + request.maxNewTokens);
    samples += request.samples;
    together = Math.max(together, request.samples);
  }
  const fitting = Math.floor(cacheBytes / (8 * layers * kvHeads * headDim * longest));
  const slots = wanted ?? Math.min(mostSlots, Math.max(fewestSlots, fitting));
  return Math.max(together, Math.min(slots, samples));
}
