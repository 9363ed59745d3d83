/**
 * Embeddings of texts: the mean of the final hidden states over the text and, if one is written, its rationale.
 *
 * @module
 */
import type { SamplingSpec } from "../../kernels/device.ts";
import type { Backbone } from "../backbone/open.ts";
import type { Decoder } from "../backbone/decoder.ts";
import { meanPool, poolingRanges, type PoolingSwitches, type TokenRange } from "../objective/pooling.ts";
import { l2Normalize } from "../objective/vector.ts";
import { generate } from "./generate.ts";
import type { Prompt, Prompter } from "./prompt.ts";
import { packPrompts } from "./shared_prefix.ts";

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

/** Most tokens that are run together where nothing is written. */
const forwardTokens = 1024;

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
  const { device, config } = decoder;
  const results = new Array<EmbeddedText>(prompts.length);
  for (let start = 0; start < prompts.length;) {
    options.signal?.throwIfAborted();
    let end = start, tokens = 0;
    while (end < prompts.length && (end === start || tokens + prompts[end]!.ids.length <= forwardTokens)) {
      tokens += prompts[end++]!.ids.length;
    }
    const part = prompts.slice(start, end);
    const ranges = part.map((prompt) => promptRanges(prompter, prompt, options.pooling));
    const limit = Math.min(...ranges.map((list) => list[0]!.start));
    const { batch, shared, starts } = packPrompts(part.map(({ ids }) => ids), limit);
    const hidden = decoder.forward(batch);
    const pooled = device.alloc([part.length, config.hiddenSize]);
    const rows = ranges.map((list, i) =>
      list.map((range) => ({
        start: range.start + starts[i]! - shared,
        end: range.end + starts[i]! - shared,
      }))
    );
    device.meanPool(hidden, rows, pooled);
    const vectors = await device.read(pooled);
    device.free(hidden, pooled);
    for (const [i, prompt] of part.entries()) {
      const vector = vectors.slice(i * config.hiddenSize, (i + 1) * config.hiddenSize);
      results[start + i] = {
        embedding: finish(meanPool(vector, 1), options.normalize),
        rationales: [],
        rationaleTokens: 0,
        truncatedRationales: 0,
        truncatedPrompt: prompt.truncated,
      };
      options.onDone?.(start + i, results[start + i]!);
    }
    options.onTokens?.(batch.ids.length);
    await new Promise((resolve) => setTimeout(resolve, 0));
    start = end;
  }
  return results;
}

function mean(vectors: readonly Float32Array[]): Float32Array {
  return vectors[0]!.map((_, i) => vectors.reduce((sum, vector) => sum + vector[i]!, 0) / vectors.length);
}

/** @throws {NumericError} if it is to be normalised and has no direction */
function finish(vector: Float32Array, normalize: boolean): Float32Array {
  return normalize ? l2Normalize(vector) : vector;
}
