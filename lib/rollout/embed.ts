/**
 * Embeddings of texts: the mean of the final hidden states over the text and, if one is written, its rationale.
 *
 * @module
 */
import type { SamplingSpec } from "../../kernels/lm_head_types.ts";
import { UsageError } from "#errors";
import type { Backbone } from "../backbone/open.ts";
import type { Decoder } from "../backbone/decoder.ts";
import { meanPool, poolingRanges, type PoolingSwitches, type TokenRange } from "../objective/pooling.ts";
import { l2Normalize } from "../objective/vector.ts";
import { generate } from "./generate.ts";
import { poolSequences } from "./pool_sequences.ts";
import type { Prompt, Prompter } from "./prompt.ts";

/** A text with its vector. */
export interface EmbeddedText {
  /** [hidden], not normalised unless asked for. */
  readonly embedding: Float32Array;
  /** What the model wrote, without special tokens, one for each sample; none if it was not asked to write. */
  readonly rationales: readonly string[];
  /** Tokens of all of them. */
  readonly rationaleTokens: number;
  /** How many of them reached their limit before their end. */
  readonly truncatedRationales: number;
  /** Tokens of the prompt, template included. */
  readonly promptTokens: number;
  /** Whether the text was cut to the prompt's limit. */
  readonly truncatedPrompt: boolean;
}

/** How to embed. */
export interface EmbedOptions {
  readonly pooling: PoolingSwitches;
  /** Divide by the L2 norm. */
  readonly normalize: boolean;
  /** How to write the rationale; absent to embed the text alone. */
  readonly rationale?: {
    readonly sampling: SamplingSpec;
    readonly maxNewTokens: number;
    /** Rationales a text; the embedding is the mean of theirs. */
    readonly samples: number;
    /** Uniform number for a text's rationale at a position. */
    readonly uniform: (text: string, sample: number, position: number) => number;
  };
  readonly slots?: number;
  readonly signal?: AbortSignal | undefined;
  readonly onDone?: (index: number, text: EmbeddedText) => void;
  readonly onTokens?: (count: number) => void;
}

/**
 * Embeds texts with rationales that are given, one or several for each: the rationale is tokenised behind its prompt as the released
 * code does, and ends with the model's end-of-sequence token where that is pooled. Results in the order of the texts.
 *
 * @param options `placeOf` says where the rationales of a text stand, for error messages
 * @throws {UsageError} for an empty text, and for a rationale that does not fit into the model's positions
 * @throws {NumericError} if an embedding that is to be normalised is zero or not finite
 */
export async function embedWithRationales(
  decoder: Decoder,
  backbone: Backbone,
  prompter: Prompter,
  texts: readonly string[],
  rationales: readonly (readonly string[])[],
  { pooling, normalize, signal, onTokens, onDone, placeOf }:
    & Omit<EmbedOptions, "rationale" | "slots">
    & { readonly placeOf?: (index: number) => string },
): Promise<EmbeddedText[]> {
  const eos = pooling.eos ? [backbone.eosIds[0]!] : [], { maxPositions } = decoder.config;
  const prompts = texts.map((text) => prompter.prompt(text)), vectors: Float32Array[][] = texts.map(() => []);
  const results = new Array<EmbeddedText>(texts.length), lengths = texts.map(() => 0);
  const sequences = prompts.flatMap((prompt, text) =>
    rationales[text]!.map((rationale) => {
      const written = [...backbone.tokenizer.encode(rationale), ...eos];
      const ids = Int32Array.from([...prompt.ids, ...written]);
      lengths[text]! += written.length;
      if (ids.length > maxPositions) {
        const place = placeOf === undefined ? "" : `${placeOf(text)}: `;
        throw new UsageError(
          `${place}the prompt with the rationale of "${
            texts[text]!.slice(0, 60)
          }" has ${ids.length} tokens, ` +
            `the model has ${maxPositions} positions`,
          "shorten the rationale",
        );
      }
      const { ranges } = poolingRanges({
        promptTokens: prompt.ids.length,
        systemPrefix: prompter.frame.prefix,
        templateSuffix: prompter.frame.suffix,
        rationaleTokens: written.length,
        endsWithEos: eos.length > 0,
      }, pooling);
      return { ids, ranges, text };
    })
  );
  await poolSequences(decoder, sequences, {
    signal,
    onTokens,
    onDone: (index, vector) => {
      const { text } = sequences[index]!, own = vectors[text]!;
      own.push(finish(vector, normalize));
      if (own.length < rationales[text]!.length) return;
      results[text] = {
        embedding: own.length === 1 ? own[0]! : finish(mean(own), normalize),
        rationales: rationales[text]!,
        rationaleTokens: lengths[text]!,
        truncatedRationales: 0,
        promptTokens: prompts[text]!.ids.length,
        truncatedPrompt: prompts[text]!.truncated,
      };
      onDone?.(text, results[text]);
    },
  });
  return results;
}

/**
 * Embeds texts; results in their order. A text's result does not depend on the others.
 *
 * @throws {UsageError} for an empty text
 * @throws {NumericError} if an embedding that is to be normalised is zero or not finite
 */
export async function embedTexts(
  decoder: Decoder,
  backbone: Backbone,
  prompter: Prompter,
  texts: readonly string[],
  options: EmbedOptions,
): Promise<EmbeddedText[]> {
  const prompts = texts.map((text) => prompter.prompt(text));
  return options.rationale
    ? await withRationales(decoder, backbone, prompter, prompts, options, options.rationale)
    : await withoutRationales(decoder, prompter, prompts, options);
}

/**
 * Pooled ranges of a prompt's own tokens.
 *
 * @param rationaleFollows then there may be none: what is pooled may be in the rationale alone
 * @throws {UsageError} if nothing at all is to be pooled
 */
export function promptRanges(
  prompter: Prompter,
  prompt: Prompt,
  pooling: PoolingSwitches,
  rationaleFollows = false,
): TokenRange[] {
  const { input, templateSuffix, rationale, eos } = pooling;
  if (rationaleFollows && !input && !templateSuffix && (rationale || eos)) return [];
  return poolingRanges({
    promptTokens: prompt.ids.length,
    systemPrefix: prompter.frame.prefix,
    templateSuffix: prompter.frame.suffix,
    rationaleTokens: 0,
    endsWithEos: false,
  }, pooling).ranges;
}

async function withRationales(
  decoder: Decoder,
  backbone: Backbone,
  prompter: Prompter,
  prompts: readonly Prompt[],
  options: EmbedOptions,
  { sampling, maxNewTokens, samples, uniform }: NonNullable<EmbedOptions["rationale"]>,
): Promise<EmbeddedText[]> {
  const { pooling, normalize } = options;
  const results = new Array<EmbeddedText>(prompts.length);
  await generate(
    decoder,
    prompts.map((prompt) => ({
      prompt: prompt.ids,
      samples,
      maxNewTokens,
      uniform: (sample, position) => uniform(prompt.content, sample, position),
      pool: {
        prompt: promptRanges(prompter, prompt, pooling, true),
        rationale: pooling.rationale,
        eos: pooling.eos,
      },
    })),
    {
      sampling,
      entropies: false,
      eosIds: backbone.eosIds,
      ...(options.slots !== undefined && { slots: options.slots }),
      signal: options.signal,
      ...(options.onTokens && { onTokens: options.onTokens }),
      onDone: (index, rollouts) => {
        const vectors = rollouts.map(({ pooled }) => finish(meanPool(pooled!.sum, pooled!.count), normalize));
        const special = (id: number) => !backbone.eosIds.includes(id);
        results[index] = {
          embedding: vectors.length === 1 ? vectors[0]! : finish(mean(vectors), normalize),
          rationales: rollouts.map(({ tokens }) =>
            backbone.tokenizer.decode([...tokens].filter(special), { skipSpecial: true })
          ),
          rationaleTokens: rollouts.reduce((sum, { tokens }) => sum + tokens.length, 0),
          truncatedRationales: rollouts.filter(({ stopped }) => stopped === "length").length,
          promptTokens: prompts[index]!.ids.length,
          truncatedPrompt: prompts[index]!.truncated,
        };
        options.onDone?.(index, results[index]);
      },
    },
  );
  return results;
}

async function withoutRationales(
  decoder: Decoder,
  prompter: Prompter,
  prompts: readonly Prompt[],
  options: EmbedOptions,
): Promise<EmbeddedText[]> {
  const results = new Array<EmbeddedText>(prompts.length);
  const sequences = prompts.map((prompt) => ({
    ids: prompt.ids,
    ranges: promptRanges(prompter, prompt, options.pooling),
  }));
  await poolSequences(decoder, sequences, {
    signal: options.signal,
    onTokens: options.onTokens,
    onDone: (index, vector) => {
      results[index] = {
        embedding: finish(vector, options.normalize),
        rationales: [],
        rationaleTokens: 0,
        truncatedRationales: 0,
        promptTokens: prompts[index]!.ids.length,
        truncatedPrompt: prompts[index]!.truncated,
      };
      options.onDone?.(index, results[index]);
    },
  });
  return results;
}

function mean(vectors: readonly Float32Array[]): Float32Array {
  return vectors[0]!.map((_, i) => vectors.reduce((sum, vector) => sum + vector[i]!, 0) / vectors.length);
}

/** @throws {NumericError} if it is to be normalised and has no direction */
function finish(vector: Float32Array, normalize: boolean): Float32Array {
  return normalize ? l2Normalize(vector) : vector;
}
