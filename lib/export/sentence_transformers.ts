/**
 * A trained model as a folder that the Python library sentence-transformers loads: texts in, the embeddings out that this program
 * gives them without a rationale.
 *
 * The library's own way to leave a prompt out of pooling (`include_prompt`) cannot do that: version 4.1 strips a prompt of the line
 * feed that ends it and counts one token less, version 6.2 also counts what the tokenizer adds behind it. So the template becomes a
 * part of the tokenizer, whose post-processor puts its tokens around every text, and the tokens before the text get ids of their own:
 * copies of their rows at the end of the embedding, which no text can spell. A module of the library that weighs tokens by their ids
 * (WordWeights) then keeps exactly those out of the mean. All other weights are those of the checkpoint, bit for bit; the LM head is
 * left out. Nothing in the folder is code.
 *
 * Departures: version 4.1 strips white space from the ends of a text; a text that is too long is cut between two of its tokens, where
 * this program tokenises what it keeps anew.
 *
 * @module
 */
import { join } from "node:path";
import { UsageError } from "#errors";
import type { DecoderConfig } from "../backbone/config.ts";
import { decoderConfigToHf } from "../backbone/hf_config.ts";
import { HF_FILES } from "../backbone/hf_folder.ts";
import { type JsonObject, parseJsonObject } from "../backbone/json.ts";
import type { Backbone } from "../backbone/open.ts";
import { SAFETENSORS_SINGLE } from "../backbone/safetensors.ts";
import { type NamedTensor, writeSafetensors } from "../backbone/safetensors_writer.ts";
import { expectedTensors, type TensorSource } from "../backbone/tensor_source.ts";
import { tensorsOf } from "../backbone/write.ts";
import { writeFileAtomic } from "../journal/atomic.ts";
import type { PoolingSwitches } from "../objective/pooling.ts";
import type { Prompter } from "../rollout/prompt.ts";
import { framedTokenizer } from "./framed_tokenizer.ts";
import { type PromptTokens, promptTokens } from "./prompt_tokens.ts";

/** A model and how its texts are embedded. */
export interface SentenceTransformersModel {
  /** Tokenizer, chat template and shape of the decoder. */
  readonly backbone: Pick<Backbone, "config" | "tokenizer" | "tokenizerFiles" | "eosIds" | "bosId">;
  readonly weights: TensorSource;
  readonly prompter: Pick<Prompter, "frame" | "render">;
  /** Longest prompt in tokens, template included. */
  readonly promptTokens: number;
  readonly pooling: PoolingSwitches;
  readonly normalize: boolean;
}

const EMBEDDING = "model.embed_tokens.weight";

/**
 * Writes the files of the model, without a README, into a folder that exists.
 *
 * @throws {UsageError} if its pooling leaves nothing of a text alone, or the template cannot be kept apart from texts
 */
export async function writeSentenceTransformers(
  folder: string,
  model: SentenceTransformersModel,
): Promise<void> {
  const { backbone: { config, tokenizer }, weights, prompter, pooling, normalize } = model;
  if (!pooling.input) {
    throw new UsageError(
      "the arm does not pool the text itself (pooling.input is false), so a text alone has no embedding",
      "export it as hf",
    );
  }
  const around = promptTokens(prompter, tokenizer);
  // What stands behind the text changes nothing before it: where it is not pooled, it is not needed.
  const behind = pooling.templateSuffix ? around.behind : [];
  const files = smallFiles(model, { before: around.before, behind });
  for (const [name, content] of files) {
    const at = join(folder, name);
    Deno.mkdirSync(join(at, ".."), { recursive: true });
    writeFileAtomic(at, content);
  }
  if (normalize) Deno.mkdirSync(join(folder, "3_Normalize"), { recursive: true });
  await writeSafetensors(
    join(folder, SAFETENSORS_SINGLE),
    new Map(
      [...bodyShapes(config)].map(([name, shape]) => [bodyName(name), withRows(name, shape, around.before)]),
    ),
    bodyTensors(weights, config, around.before),
    "f32",
  );
}

/** Shapes of the decoder without its LM head. */
function bodyShapes(config: DecoderConfig): Map<string, readonly number[]> {
  return expectedTensors({ ...config, tiedEmbeddings: true });
}

/** A decoder without head has its tensors outside of "model.". */
function bodyName(name: string): string {
  return name.replace(/^model\./, "");
}

function withRows(name: string, shape: readonly number[], copied: readonly number[]): readonly number[] {
  return name === EMBEDDING ? [shape[0]! + copied.length, shape[1]!] : shape;
}

function* bodyTensors(
  source: TensorSource,
  config: DecoderConfig,
  copied: readonly number[],
): Generator<NamedTensor> {
  for (const { name, shape, data } of tensorsOf(source, { ...config, tiedEmbeddings: true })) {
    if (name !== EMBEDDING) {
      yield { name: bodyName(name), shape, data };
      continue;
    }
    const [, width] = shape as [number, number],
      extended = new Float32Array(data.length + copied.length * width);
    extended.set(data);
    copied.forEach((id, i) =>
      extended.set(data.subarray(id * width, (id + 1) * width), data.length + i * width)
    );
    yield { name: bodyName(name), shape: withRows(name, shape, copied), data: extended };
  }
}

function smallFiles(
  { backbone, normalize, promptTokens, prompter }: SentenceTransformersModel,
  { before, behind }: PromptTokens,
): Map<string, string> {
  const { config, tokenizerFiles, tokenizer, eosIds, bosId } = backbone, { vocabSize, hiddenSize } = config;
  const hfConfig = decoderConfigToHf(config, "float32");
  const [architecture] = hfConfig["architectures"] as [string];
  const longest = promptTokens - (prompter.frame.suffix - behind.length);
  const read = (name: string) =>
    tokenizerFiles.has(name) ? parseJsonObject(tokenizerFiles.get(name)!, name) : {};
  const tokenizerJson = framedTokenizer(
    {
      tokenizer: read(HF_FILES.tokenizer),
      config: { ...read(HF_FILES.specialTokens), ...read(HF_FILES.tokenizerConfig) },
      padToken: tokenizer.idToToken(eosIds[0]!)!,
    },
    { before: before.map((_, i) => vocabSize + i), behind },
    longest,
  );
  const modules = ["Transformer", "WordWeights", "Pooling", ...normalize ? ["Normalize"] : []];
  const names = before.map((_, i) => `<template ${i}>`);
  return new Map([
    [HF_FILES.tokenizer, json(tokenizerJson.tokenizer, 0)],
    [HF_FILES.tokenizerConfig, json(tokenizerJson.config)],
    [
      HF_FILES.config,
      json({
        ...hfConfig,
        architectures: [architecture.replace(/ForCausalLM$/, "Model")],
        vocab_size: vocabSize + before.length,
        bos_token_id: bosId,
        eos_token_id: [...eosIds],
        use_cache: false,
      }),
    ],
    [
      "modules.json",
      json(modules.map((name, idx) => ({
        idx,
        name: String(idx),
        path: idx === 0 ? "" : `${idx}_${name}`,
        type: `sentence_transformers.models.${name}`,
      }))),
    ],
    ["sentence_bert_config.json", json({ max_seq_length: longest, do_lower_case: false })],
    [
      "config_sentence_transformers.json",
      json({ prompts: {}, default_prompt_name: null, similarity_fn_name: "cosine" }),
    ],
    [
      "1_WordWeights/config.json",
      json({
        vocab: [...Array<string>(vocabSize).fill(""), ...names],
        word_weights: Object.fromEntries(names.map((name) => [name, 0])),
        unknown_word_weight: 1,
      }, 0),
    ],
    [
      "2_Pooling/config.json",
      json({
        word_embedding_dimension: hiddenSize,
        pooling_mode_cls_token: false,
        pooling_mode_mean_tokens: true,
        pooling_mode_max_tokens: false,
        pooling_mode_mean_sqrt_len_tokens: false,
        pooling_mode_weightedmean_tokens: false,
        pooling_mode_lasttoken: false,
        include_prompt: true,
      }),
    ],
  ]);
}

function json(value: JsonObject | readonly unknown[], indent = 2): string {
  return JSON.stringify(value, null, indent) + "\n";
}
