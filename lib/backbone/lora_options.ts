/**
 * What a low-rank adapter is made of, apart from the engine that computes it.
 *
 * @module
 */

/** The matrices of a layer that can be adapted, by the names of their modules in transformers. */
export const LORA_TARGETS = [
  "q_proj",
  "k_proj",
  "v_proj",
  "o_proj",
  "gate_proj",
  "up_proj",
  "down_proj",
] as const;

/** One of {@linkcode LORA_TARGETS}. */
export type LoraTarget = typeof LORA_TARGETS[number];

/** Shape of an adapter. */
export interface LoraOptions {
  /** Rows of A and columns of B; at least 1. */
  readonly rank: number;
  /** The product B·A counts alpha / rank times. */
  readonly alpha: number;
  /** What is adapted, in every layer. */
  readonly targets: readonly LoraTarget[];
}
