/**
 * Whether the activations of a generation are kept for the update that follows it.
 *
 * @module
 */
import type { Decoder } from "../backbone/decoder.ts";
import { KeptActivations, keptBytesPerRow } from "../backbone/kept_activations.ts";
import type { RolloutRequest } from "./request.ts";

/**
 * Room for the activations of all rows that the requests may take, the caller's to free; undefined where that is more than the
 * engine thinks worth it, as it is for long rationales of a large model, and where decoding may differ from training in a bit.
 */
export function roomForActivations(
  decoder: Decoder,
  requests: readonly Pick<RolloutRequest, "prompt" | "samples" | "maxNewTokens">[],
): KeptActivations | undefined {
  const rows = requests.reduce(
    (sum, { prompt, samples, maxNewTokens }) => sum + prompt.length + samples * maxNewTokens,
    0,
  );
  const fits = rows * keptBytesPerRow(decoder.config) <= decoder.device.decoding.keptBytes;
  return fits ? new KeptActivations(decoder, rows) : undefined;
}
