/**
 * How many sequences decode together.
 *
 * @module
 */
import type { DecodingHints } from "../../kernels/device.ts";
import type { DecoderConfig } from "../backbone/config.ts";
import type { RolloutRequest } from "./request.ts";

/** However long sequences are, so many decode together: fewer would read the weights for too few tokens. */
const fewestSlots = 48;

/**
 * Number of sequences that decode together: as many as pay and fit on the engine. A small model gets many, a large one what
 * its cache allows. No more than there are, and at least the samples of one prompt, which start together.
 *
 * @param hints of the engine
 * @param wanted number that the caller asks for, in place of what pays and fits
 */
export function slotsFor(
  requests: readonly Pick<RolloutRequest, "prompt" | "samples" | "maxNewTokens">[],
  { layers, kvHeads, headDim }: Pick<DecoderConfig, "layers" | "kvHeads" | "headDim">,
  { mostSlots, cacheBytes }: Pick<DecodingHints, "mostSlots" | "cacheBytes">,
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

/** Tokens of room that a cache has for what is written after the first prompts. */
const firstRoom = 32;

/**
 * Tokens a slot of the cache has at first: what the first requests to be admitted need, and no growth on the way there, as
 * each copies everything.
 *
 * @param requests in the order in which they are admitted
 */
export function firstCapacity(
  requests: readonly Pick<RolloutRequest, "prompt" | "samples" | "maxNewTokens">[],
  slots: number,
): number {
  let capacity = 1, samples = 0;
  for (const request of requests) {
    samples += request.samples;
    if (samples > slots) break;
    capacity = Math.max(capacity, request.prompt.length + Math.min(request.maxNewTokens, firstRoom));
  }
  return 32 * Math.ceil(capacity / 32);
}
