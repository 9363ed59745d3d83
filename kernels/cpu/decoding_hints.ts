/**
 * How the CPU engine decodes fastest.
 *
 * @module
 */
import type { DecodingHints } from "../device.ts";
import { spareMemory } from "./spare_memory.ts";

/** The CPU engine's hints. */
export const decodingHints: DecodingHints = {
  ahead: 1,
  // The more sequences, the fewer calls and readings of the weights: 160 of a model of 2 M parameters decode a quarter faster
  // at once than 48 at a time.
  mostSlots: 192,
  cacheBytes: 256 * 2 ** 20,
  prefillTokens: 1024,
  get keptBytes() {
    return Math.min(2 ** 30, spareMemory());
  },
};
