/**
 * How many sequences decode together, and which.
 *
 * @module
 */
import type { DecodingHints } from "../../kernels/device.ts";
import type { DecoderConfig } from "../backbone/config.ts";
import type { RolloutRequest } from "./request.ts";

/** What decides how much room a request takes. */
type Sized = Pick<RolloutRequest, "prompt" | "samples" | "maxNewTokens">;
type CacheShape = Pick<DecoderConfig, "layers" | "kvHeads" | "headDim">;
type Room = Pick<DecodingHints, "mostSlots" | "cacheBytes">;

/** So many decode together though the cache takes more than it should: fewer would read the weights for too few tokens. */
const fewestSlots = 48;

/**
 * Bytes of keys and values beyond which even these are fewer. With 1,200 tokens of SmolLM2 in each of 24 slots, a token takes
 * 15.3 ms of a core and these bytes; in 48 slots, 13.1 ms and twice as many.
 */
const mostBytes = 1.5 * 2 ** 30;

/** Tokens of a request that is as long as it may get. */
const lengthOf = ({ prompt, maxNewTokens }: Sized): number => prompt.length + maxNewTokens;

/**
 * Number of sequences that decode together: as many as pay and fit on the engine. A small model gets many, a large one what
 * its cache allows. No more than there are, and at least the samples of one prompt, which start together.
 *
 * @param room of the engine
 * @param wanted number that the caller asks for, in place of what pays and fits
 */
export function slotsFor(
  requests: readonly Sized[],
  { layers, kvHeads, headDim }: CacheShape,
  { mostSlots, cacheBytes }: Room,
  wanted: number | undefined,
): number {
  let longest = 1, samples = 0, together = 1;
  for (const request of requests) {
    longest = Math.max(longest, lengthOf(request));
    samples += request.samples;
    together = Math.max(together, request.samples);
  }
  const fittingIn = (bytes: number) => Math.floor(bytes / (8 * layers * kvHeads * headDim * longest));
  const paying = Math.max(fittingIn(cacheBytes), Math.min(fewestSlots, fittingIn(mostBytes)));
  return Math.max(together, Math.min(wanted ?? Math.min(mostSlots, paying), samples));
}

/**
 * Indices of requests that decode together, short ones first. All do, unless the longest leave the others too few slots: then
 * those that may get more than half as long as these have a cache of their own, and so on with what remains.
 *
 * @param room of the engine
 */
export function lengthClasses(requests: readonly Sized[], shape: CacheShape, room: Room): number[][] {
  const classes: number[][] = [];
  let rest = requests.map((_, index) => index);
  while (rest.length > 0) {
    const all = rest.map((index) => requests[index]!);
    // No Math.max(...all): a corpus has more requests than a call may have arguments.
    const longest = all.reduce((most, request) => Math.max(most, lengthOf(request)), 0);
    const samples = all.reduce((sum, request) => sum + request.samples, 0);
    const crowded = slotsFor(all, shape, room, undefined) < Math.min(fewestSlots, room.mostSlots, samples);
    const isLong = (index: number) => crowded && 2 * lengthOf(requests[index]!) > longest;
    classes.unshift(rest.filter((index) => isLong(index) || !crowded));
    rest = rest.filter((index) => crowded && !isLong(index));
  }
  return classes;
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
  requests: readonly Sized[],
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
