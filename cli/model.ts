/**
 * A model as the evaluation sees it: something that embeds and something that continues texts, made from a decoder.
 *
 * @module
 */
import type { Device } from "../kernels/device.ts";
import type { Backbone } from "../lib/backbone/open.ts";
import { Decoder } from "../lib/backbone/decoder.ts";
import type { TensorSource } from "../lib/backbone/tensor_source.ts";
import { Weights } from "../lib/backbone/weights.ts";
import type { PlannedArm } from "../lib/manifest/arms.ts";
import { canonicalHash } from "../lib/manifest/canonical.ts";
import type { EngineDescription } from "../lib/manifest/environment.ts";
import { digestFile, sha256Hex } from "../lib/manifest/hash.ts";
import type { Manifest } from "../lib/manifest/schema.ts";
import { type ContinueSampling, continueTexts } from "../lib/rollout/continue_text.ts";
import { type EmbedOptions, embedTexts, embedWithRationales } from "../lib/rollout/embed.ts";
import { logLikelihoods } from "../lib/rollout/log_likelihoods.ts";
import type { GivenRationales } from "../evals/given_rationales.ts";
import { Purpose, uniform } from "../lib/rollout/philox.ts";
import { Prompter } from "../lib/rollout/prompt.ts";
import type { Encoder, GenerationRequest, Generator } from "../evals/encoder.ts";

/** Weights on a device, with what is needed to give them texts. */
export interface LoadedModel {
  readonly backbone: Backbone;
  readonly decoder: Decoder;
  readonly prompter: Prompter;
  /** Identity of the weights: of the files that they were read from. */
  readonly weightsDigest: string;
  free(): void;
}

/**
 * Loads weights onto a device.
 *
 * @param trained folder of a checkpoint whose weights take the place of the backbone's
 */
export function loadModel(
  device: Device,
  backbone: Backbone,
  manifest: Manifest,
  trained?: { source: TensorSource; file: string },
): LoadedModel {
  const weights = Weights.read(device, backbone.config, trained?.source ?? backbone.tensors, {
    keepStored: true,
  });
  const files = backbone.files.map(({ name, sha256 }) => ({ name, sha256 }));
  return {
    backbone,
    decoder: new Decoder(weights),
    prompter: new Prompter(backbone, manifest.prompt),
    weightsDigest: weightsDigest(files, trained && digestFile(trained.file).sha256),
    free: () => weights.free(),
  };
}

/**
 * Identity of weights: of the files that they were read from.
 *
 * @param files of the backbone, in its order
 * @param trained digest of the weights that take the place of the backbone's
 */
export function weightsDigest(
  files: readonly { readonly name: string; readonly sha256: string }[],
  trained?: string,
): string {
  return canonicalHash(trained === undefined ? { files } : { files, trained });
}

/** How an arm is read: with or without a rationale, with or without the template's tokens after the text. */
export interface Reading {
  readonly rationale: boolean;
  readonly templateSuffix: boolean;
}

/** How an arm is read: the contrastive baseline has its own say about the template's tokens after the text. */
export function readingOf({ root, rationale, manifest: { cl, pooling } }: PlannedArm): Reading {
  return { rationale, templateSuffix: root === "cl" ? cl.templateSuffix : pooling.templateSuffix };
}

/** What identifies a model as an encoder: same digest, same embeddings. */
export function encoderDigest(
  weights: string,
  engine: EngineDescription,
  manifest: Manifest,
  reading: Reading,
  given?: Pick<GivenRationales, "sha256">,
): string {
  const { prompt, evaluation, seed } = manifest;
  const { pooling, normalize } = evaluationEmbedding(manifest, reading);
  const settings = { prompt, pooling, normalize, rationale: reading.rationale };
  const made = given ? { rationales: given.sha256 } : reading.rationale ? { evaluation, seed } : {};
  return canonicalHash({ weights, engine, settings: { ...settings, ...made } });
}

/** What identifies a model as a generator: same digest, same answers. */
export function generatorDigest(weights: string, engine: EngineDescription): string {
  return canonicalHash({ weights, engine });
}

/** Counts tokens as they are made. */
export type OnTokens = (count: number) => void;

/**
 * The random address of a text's rationales: 64 bits of its digest. It depends on the text, not on where it occurs, so
 * equal texts get equal rationales in any order and batch.
 */
function textAddress(): (text: string) => { step: number; example: number } {
  const known = new Map<string, { step: number; example: number }>();
  return (text) => {
    let address = known.get(text);
    if (!address) {
      const digest = sha256Hex(text);
      address = { step: parseInt(digest.slice(0, 8), 16), example: parseInt(digest.slice(8, 16), 16) };
      // Asked once a token: the texts that decode together are remembered, not all there ever were.
      if (known.size >= 1024) known.clear();
      known.set(text, address);
    }
    return address;
  };
}

/** How texts are embedded when scores are computed, which is also how `embed` does it. */
export function evaluationEmbedding(
  { evaluation, pooling, seed }: Manifest,
  reading: Reading,
): Pick<EmbedOptions, "pooling" | "normalize" | "rationale"> {
  const { evaluationEos: eos, evaluationNormalize: normalize, ...switches } = pooling;
  const addressOf = textAddress();
  const rationale = {
    sampling: { temperature: evaluation.temperature, topP: evaluation.topP, topK: evaluation.topK },
    maxNewTokens: evaluation.maxNewTokens,
    samples: evaluation.samplesPerText,
    uniform: (text: string, rollout: number, position: number) =>
      uniform(seed, { purpose: Purpose.evaluation, ...addressOf(text), rollout, position }, 24),
  };
  return {
    pooling: { ...switches, templateSuffix: reading.templateSuffix, eos },
    normalize,
    ...(reading.rationale && { rationale }),
  };
}

/** The model as an encoder. */
export function modelEncoder(
  model: LoadedModel,
  manifest: Manifest,
  reading: Reading,
  onTokens?: OnTokens,
  given?: GivenRationales,
): Encoder {
  const { decoder, backbone, prompter } = model;
  const embedding = evaluationEmbedding(manifest, reading);
  const { pooling, normalize } = embedding;
  return {
    digest: encoderDigest(model.weightsDigest, decoder.device.description, manifest, reading, given),
    dimension: decoder.config.hiddenSize,
    encode: (texts, options = {}) => {
      let done = 0;
      const how: Omit<EmbedOptions, "rationale"> = {
        pooling,
        normalize,
        signal: options.signal,
        ...(onTokens && { onTokens }),
        onDone: (index, encoded) => {
          options.onEncoded?.(index, encoded);
          options.onProgress?.(++done, texts.length);
        },
      };
      return given
        ? embedWithRationales(decoder, backbone, prompter, texts, texts.map((text) => given.of(text)), {
          ...how,
          placeOf: (index) => given.placeOf(texts[index]!),
        })
        : embedTexts(decoder, backbone, prompter, texts, { ...how, ...embedding });
    },
  };
}

/** Random numbers of a sampled answer, addressed by its prompt and number. */
function drawnAt({ prompt, sampling }: GenerationRequest): ContinueSampling | undefined {
  if (sampling === undefined) return undefined;
  const { temperature, topP, seed, sample } = sampling, address = textAddress()(prompt);
  return {
    temperature,
    topP,
    uniform: (position) =>
      uniform(seed, { purpose: Purpose.answer, ...address, rollout: sample, position }, 24),
  };
}

/** The model as a generator. */
export function modelGenerator(model: LoadedModel, onTokens?: OnTokens): Generator {
  const { decoder, backbone } = model;
  return {
    digest: generatorDigest(model.weightsDigest, decoder.device.description),
    generate: (requests, { onAnswered, ...options } = {}) =>
      continueTexts(
        decoder,
        backbone,
        requests.map((request) => ({ ...request, sampling: drawnAt(request) })),
        { ...options, onDone: onAnswered, onTokens },
      ),
    logLikelihood: (requests, { onAnswered, ...options } = {}) =>
      logLikelihoods(decoder, backbone, requests, { ...options, onDone: onAnswered, onTokens }),
  };
}
