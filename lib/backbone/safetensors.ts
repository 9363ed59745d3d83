/**
 * Weights from safetensors: one file, or shards listed in `model.safetensors.index.json`.
 *
 * @module
 */
import { MissingError, UsageError } from "#errors";
import { bf16ToF32, f16sToF32 } from "../../kernels/half_floats.ts";
import { isThere, readBytesIfThere } from "../files.ts";
import { describe, isObject, type JsonObject, parseJsonObject } from "./json.ts";
import { CHUNK_BYTES, RandomAccessFile } from "./random_access_file.ts";
import { readSafetensorsHeader, SAFETENSORS_DTYPES, type SafetensorsEntry } from "./safetensors_header.ts";
import type { TensorSource } from "./tensor_source.ts";

/** All weights in one file, as transformers names it. */
export const SAFETENSORS_SINGLE = "model.safetensors";
/** Which file holds which tensor, where there are several. */
export const SAFETENSORS_INDEX = "model.safetensors.index.json";

/**
 * Names of the files of a folder that hold its weights: the index (if there is one) and the shards.
 *
 * @throws {MissingError} when there are none
 * @throws {UsageError} when the index is not one, or points outside of the folder
 */
export function safetensorsFiles(folder: string): { index: string | null; shards: string[] } {
  const path = `${folder}/${SAFETENSORS_INDEX}`, bytes = readBytesIfThere(path);
  if (bytes) return { index: SAFETENSORS_INDEX, shards: shardsOf(path, parseJsonObject(bytes, path)) };
  if (!isThere(`${folder}/${SAFETENSORS_SINGLE}`)) {
    throw new MissingError(
      `${folder} has neither ${SAFETENSORS_SINGLE} nor ${SAFETENSORS_INDEX}`,
      "download the safetensors weights of the model (pytorch_model.bin is not read)",
    );
  }
  return { index: null, shards: [SAFETENSORS_SINGLE] };
}

/**
 * Names of the files that an index lists, sorted.
 *
 * @param path where the index came from, for messages
 * @throws {UsageError} when it is none, or points outside of its folder
 */
export function shardsOf(path: string, index: JsonObject): string[] {
  const map = index["weight_map"];
  if (!isObject(map)) {
    throw new UsageError(`${path}: weight_map is ${describe(map)}`, "download the index again");
  }
  const shards = [...new Set(Object.values(map))];
  for (const shard of shards) {
    // A plain name: an index from a stranger must not read files elsewhere.
    if (typeof shard !== "string" || !/^[^/\\]+\.safetensors$/.test(shard)) {
      throw new UsageError(`${path} points to the shard ${describe(shard)}`, "download the index again");
    }
  }
  return (shards as string[]).sort();
}

/**
 * Opens safetensors files as one {@linkcode TensorSource}.
 *
 * @param paths the file, or all shards
 * @throws {UsageError} when a header contradicts its file, or two shards hold the same tensor
 */
export function openSafetensors(paths: readonly string[]): TensorSource {
  const files: RandomAccessFile[] = [];
  const close = () => files.forEach((file) => file.close());
  const tensors = new Map<string, { entry: SafetensorsEntry; file: RandomAccessFile }>();
  try {
    for (const path of paths) {
      const file = new RandomAccessFile(path);
      files.push(file);
      for (const entry of readSafetensorsHeader(file)) {
        const twin = tensors.get(entry.name);
        if (twin) {
          throw new UsageError(
            `the tensor "${entry.name}" is in ${twin.file.path} and in ${path}`,
            "download the checkpoint again",
          );
        }
        tensors.set(entry.name, { entry, file });
      }
    }
  } catch (error) {
    close();
    throw error;
  }
  const find = (name: string) => {
    const tensor = tensors.get(name);
    if (!tensor) {
      throw new UsageError(`there is no tensor "${name}" in ${paths.join(", ")}`, "check the checkpoint");
    }
    return tensor;
  };
  return {
    names: () => [...tensors.keys()],
    shape: (name) => find(name).entry.shape,
    dtype: (name) => find(name).entry.dtype,
    read: (name) => readTensor(find(name).file, find(name).entry),
    close,
  };
}

function readTensor(file: RandomAccessFile, entry: SafetensorsEntry): Float32Array<ArrayBuffer> {
  const width = SAFETENSORS_DTYPES[entry.dtype];
  const out = new Float32Array(entry.byteLength / width);
  if (entry.dtype === "F32") {
    file.read(entry.offset, new Uint8Array(out.buffer));
    return out;
  }
  const scratch = new Uint16Array(Math.min(CHUNK_BYTES / 2, out.length));
  for (let first = 0; first < out.length; first += scratch.length) {
    const bits = scratch.subarray(0, Math.min(scratch.length, out.length - first));
    file.read(entry.offset + 2 * first, new Uint8Array(bits.buffer, 0, bits.byteLength));
    const widen = entry.dtype === "BF16" ? bf16ToF32 : f16sToF32;
    widen(bits, out.subarray(first, first + bits.length));
  }
  return out;
}
