/**
 * Writes a backbone as a Hugging Face folder that transformers (and this program) loads.
 *
 * @module
 */
import { writeDirectoryAtomic, writeFileAtomic } from "../journal/atomic.ts";
import type { DecoderConfig } from "./config.ts";
import type { GenerationIds } from "./generation_config.ts";
import { decoderConfigToHf } from "./hf_config.ts";
import { HF_FILES } from "./hf_folder.ts";
import type { JsonObject } from "./json.ts";
import type { NamedTensors } from "./named_tensors.ts";
import type { Backbone } from "./open.ts";
import { type NamedTensor, type StoredDtype, writeSafetensors } from "./safetensors_writer.ts";
import { expectedTensors, type TensorSource } from "./tensor_source.ts";

/** Everything that goes into a folder. */
export interface HfFolderContent {
  /** Shape of the decoder. */
  readonly config: DecoderConfig;
  /** Every weight of the decoder once, in any order; taken one by one, so they need not be in memory together. */
  readonly tensors: Iterable<NamedTensor> | AsyncIterable<NamedTensor>;
  /** bf16 rounds to nearest, ties to even. */
  readonly dtype: StoredDtype;
  /** As in {@linkcode Backbone.tokenizerFiles}. */
  readonly tokenizerFiles: ReadonlyMap<string, Uint8Array>;
  /** Jinja text. */
  readonly chatTemplate: string;
  /** Ids that begin and end a generation. */
  readonly generation: GenerationIds;
}

/**
 * Makes the folder `path`, whole or not at all.
 *
 * @throws {UsageError} when it exists
 */
export async function writeHfFolder(path: string, content: HfFolderContent): Promise<void> {
  await writeDirectoryAtomic(path, (part) => writeHfFiles(part, content));
}

/** Writes the files into a folder that exists, for a caller that has its own way to make the folder appear at once. */
export async function writeHfFiles(folder: string, content: HfFolderContent): Promise<void> {
  const { config, tensors, dtype } = content;
  await writeSafetensors(`${folder}/model.safetensors`, expectedTensors(config), tensors, dtype);
  for (const [name, file] of hfFrameFiles(content)) writeFileAtomic(`${folder}/${name}`, file);
}

/** The files of a folder beside its weights: name to content. */
export function hfFrameFiles(
  content: Omit<HfFolderContent, "tensors">,
): Map<string, string | Uint8Array> {
  const { config, dtype, generation } = content;
  const ids = { bos_token_id: generation.bosId, eos_token_id: [...generation.eosIds] };
  const hfConfig = decoderConfigToHf(config, dtype === "f32" ? "float32" : "bfloat16");
  return new Map<string, string | Uint8Array>([
    ...content.tokenizerFiles,
    [HF_FILES.template, content.chatTemplate],
    [HF_FILES.generation, json(ids)],
    [HF_FILES.config, json({ ...hfConfig, ...ids })],
  ]);
}

/** The parts of an open backbone that a folder needs beside its weights. */
export function hfFolderFrame(
  backbone: Backbone,
): Pick<HfFolderContent, "config" | "tokenizerFiles" | "chatTemplate" | "generation"> {
  return {
    config: backbone.config,
    tokenizerFiles: backbone.tokenizerFiles,
    chatTemplate: backbone.chatTemplate.source,
    generation: { eosIds: backbone.eosIds, bosId: backbone.bosId },
  };
}

/** The weights of a source, read one by one, for {@linkcode HfFolderContent.tensors}. */
export function* tensorsOf(source: TensorSource, config: DecoderConfig): Generator<NamedTensor> {
  for (const [name, shape] of expectedTensors(config)) yield { name, shape, data: source.read(name) };
}

/** Tensors on a device, read one by one, for {@linkcode HfFolderContent.tensors}. */
export async function* deviceTensors({ device, tensors }: NamedTensors): AsyncGenerator<NamedTensor> {
  for (const [name, tensor] of tensors) yield { name, shape: tensor.shape, data: await device.read(tensor) };
}

function json(value: JsonObject): string {
  return JSON.stringify(value, null, 2) + "\n";
}
