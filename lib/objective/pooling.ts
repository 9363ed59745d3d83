/**
 * Which tokens of a sequence make its embedding, and their mean.
 *
 * A sequence is prompt ⊕ rationale; the prompt is system prefix ⊕ user's text ⊕ template suffix. Paper Eq. 10-11
 * and the released reward pool everything from the user's text to the end-of-sequence token, both included; the
 * released evaluation loses that last token because it embeds decoded text.
 *
 * @module
 */
import { NumericError, UsageError } from "#errors";

/** Which parts of a sequence are pooled. The system prefix and padding never are. */
export interface PoolingSwitches {
  /** The user's text. */
  input: boolean;
  /** What the chat template puts behind it: end of turn, header of the assistant. */
  templateSuffix: boolean;
  /** The generated tokens, `<think>` tags included, without the final end-of-sequence token. */
  rationale: boolean;
  /** The end-of-sequence token that ends the rationale. */
  eos: boolean;
}

/** The mask of paper Eq. 10-11 and of the released reward. */
export const TRAINING_POOLING: Readonly<PoolingSwitches> = {
  input: true,
  templateSuffix: true,
  rationale: true,
  eos: true,
};

/** Lengths of the parts of a sequence, in tokens. */
export interface SequenceParts {
  /** The whole prompt. */
  promptTokens: number;
  /** Its leading tokens before the user's text (L_sys, see `prompt_frame.ts`). */
  systemPrefix: number;
  /** Its trailing tokens after the user's text. */
  templateSuffix: number;
  /** Generated tokens, the end-of-sequence token included; 0 for a text that is embedded without a rationale. */
  rationaleTokens: number;
  /** Whether the last generated token is an end-of-sequence token (false where generation was cut off). */
  endsWithEos: boolean;
}

/** Tokens `start` … `end` − 1 of a sequence. */
export interface TokenRange {
  /** First token. */
  start: number;
  /** One past the last token. */
  end: number;
}

/** The pooled tokens of a sequence. */
export interface PooledTokens {
  /** Ascending, disjoint, not empty and not adjacent. */
  ranges: TokenRange[];
  /** Number of tokens in them, at least 1. */
  count: number;
}

/**
 * The tokens of a sequence that are pooled.
 *
 * @throws {UsageError} if the lengths contradict each other, or if no token is left to pool
 */
export function poolingRanges(parts: SequenceParts, switches: PoolingSwitches): PooledTokens {
  const { promptTokens, systemPrefix, templateSuffix, rationaleTokens, endsWithEos } = parts;
  for (
    const [name, value] of Object.entries({ promptTokens, systemPrefix, templateSuffix, rationaleTokens })
  ) {
    if (!Number.isInteger(value) || value < 0) {
      throw new UsageError(`${name} is "${value}", not a number of tokens`, "Pass counts of tokens");
    }
  }
  if (systemPrefix === 0 || systemPrefix + templateSuffix > promptTokens) {
    throw new UsageError(
      `System prefix of ${systemPrefix} and suffix of ${templateSuffix} tokens do not fit a prompt of ${promptTokens}`,
      "Shorten the user's text, never the template around it",
    );
  }
  if (endsWithEos && rationaleTokens === 0) {
    throw new UsageError(
      "An empty rationale cannot end with an end-of-sequence token",
      "Count that token too",
    );
  }
  const inputEnd = promptTokens - templateSuffix;
  const rationaleEnd = promptTokens + rationaleTokens - (endsWithEos ? 1 : 0);
  const spans: [boolean, number, number][] = [
    [switches.input, systemPrefix, inputEnd],
    [switches.templateSuffix, inputEnd, promptTokens],
    [switches.rationale, promptTokens, rationaleEnd],
    [switches.eos, rationaleEnd, promptTokens + rationaleTokens],
  ];
  const ranges: TokenRange[] = [];
  for (const [pooled, start, end] of spans) {
    if (!pooled || start === end) continue;
    const last = ranges.at(-1);
    if (last?.end === start) last.end = end;
    else ranges.push({ start, end });
  }
  const count = ranges.reduce((sum, { start, end }) => sum + end - start, 0);
  if (count === 0) {
    throw new UsageError(
      "No token of the sequence is pooled",
      "Switch on a part of the sequence that is not empty, or drop the empty text from the data",
    );
  }
  return { ranges, count };
}

/**
 * Mean of pooled hidden states from their sum: the f32 quotient, as in the released reward (which divides in
 * fp32; its evaluation divides in bf16).
 *
 * @param sum [dim], the sum of the hidden states over the pooled tokens
 * @param count number of pooled tokens
 * @returns [dim]
 * @throws {NumericError} if `count` is not a positive integer, or an element of the sum is not finite
 */
export function meanPool(sum: ArrayLike<number>, count: number): Float32Array {
  if (!Number.isInteger(count) || count < 1) {
    throw new NumericError(`Mean over "${count}" tokens`, "Pool at least one token of every sequence");
  }
  return Float32Array.from(sum, (x, i) => {
    if (!Number.isFinite(x)) {
      throw new NumericError(
        `Pooled hidden state is ${x} at dimension ${i}`,
        "Check the model's weights; of a trained one, look for the first step with a non-finite loss or gradient, and lower the learning rate",
      );
    }
    return x / count;
  });
}
