/**
 * The price of a rationale that was cut off (paper Eq. 28; released code, grace.py `_should_apply_length_penalty`).
 *
 * @module
 */
import { NumericError, UsageError } from "#errors";

/** Tokens that end a text. */
export interface EosTokens {
  /** The tokenizer's own (`eos_token_id` of the tokenizer configuration). */
  tokenizer: number;
  /** Those on which generation stops (`eos_token_id` of the generation configuration). */
  generation: readonly number[];
}

/** Which of them count as an end: the released code stops on all, but asks for the tokenizer's own afterwards. */
export type EosSet = "tokenizer" | "all";

/** What happens to the reward of a rollout that was cut off. */
export interface LengthPenaltyOptions {
  /**
   * - `replace`: the reward becomes −γ (paper, released code). A group whose rewards are below −γ then learns to
   *   be cut off.
   * - `subtract`: γ is taken off the reward, so being cut off never pays.
   * - `off`: nothing.
   */
  lengthPenalty: "replace" | "subtract" | "off";
  /** γ, in units of the final reward (after the reward multiplier). */
  gamma: number;
}

/**
 * Whether a rollout was cut off: it fills all slots and its last token does not end a text.
 *
 * @param response generated tokens, the end-of-sequence token included
 * @param maxNewTokens number of slots
 * @throws {NumericError} if nothing was generated
 * @throws {UsageError} if more was generated than there are slots
 */
export function isTruncated(
  response: ArrayLike<number>,
  maxNewTokens: number,
  eos: EosTokens,
  eosSet: EosSet,
): boolean {
  if (response.length === 0) {
    throw new NumericError(
      "Rationale has no tokens",
      "Check generation: even an empty text ends with one token",
    );
  }
  if (response.length > maxNewTokens) {
    throw new UsageError(
      `Rationale of ${response.length} tokens exceeds the maximum of ${maxNewTokens}`,
      "Pass the maximum that generation was run with",
    );
  }
  if (response.length < maxNewTokens) return false;
  const last = response[response.length - 1]!;
  return !(last === eos.tokenizer || (eosSet === "all" && eos.generation.includes(last)));
}

/**
 * The reward after the length penalty.
 *
 * @param reward after the reward multiplier
 * @throws {UsageError} if γ is negative or not finite
 */
export function applyLengthPenalty(
  reward: number,
  truncated: boolean,
  { lengthPenalty, gamma }: LengthPenaltyOptions,
): number {
  if (!(gamma >= 0 && gamma < Infinity)) {
    throw new UsageError(`Length penalty gamma "${gamma}" is not a finite number >= 0`, "Use 0 or more");
  }
  if (!truncated || lengthPenalty === "off") return reward;
  return lengthPenalty === "replace" ? -gamma : reward - gamma;
}
