/**
 * Weights from a GGUF file, dequantised, under the names and in the layout of Hugging Face.
 *
 * @module
 */
import { UsageError } from "#errors";
import type { DecoderConfig } from "./config.ts";
import { GGML_TYPES } from "./ggml_types.ts";
import { decoderConfigFromGguf } from "./gguf_config.ts";
import { type GgufHeader, type GgufTensor, readGgufHeader } from "./gguf_header.ts";
import { hfRow, hfTensorName, ROPE_FACTORS } from "./gguf_names.ts";
import { CHUNK_BYTES, RandomAccessFile } from "./random_access_file.ts";
import type { TensorSource } from "./tensor_source.ts";

/** An open GGUF file: its header (for the tokenizer), its decoder, its weights. */
export interface OpenGguf {
  /** The checked header. */
  readonly header: GgufHeader;
  /** Shape of the decoder. */
  readonly config: DecoderConfig;
  /** Its weights. */
  readonly tensors: TensorSource;
}

/**
 * Opens a GGUF file.
 *
 * @throws {UsageError} when its header contradicts the file, or the model is not supported
 */
export function openGguf(path: string): OpenGguf {
  const file = new RandomAccessFile(path);
  try {
    const header = readGgufHeader(file);
    const factors = header.tensors.get(ROPE_FACTORS);
    const config = decoderConfigFromGguf(header, factors ? readTensor(file, factors) : null);
    return { header, config, tensors: ggufTensors(file, header, config) };
  } catch (error) {
    file.close();
    throw error;
  }
}

function ggufTensors(file: RandomAccessFile, header: GgufHeader, config: DecoderConfig): TensorSource {
  const tensors = new Map<string, GgufTensor>();
  for (const tensor of header.tensors.values()) {
    if (tensor.name === ROPE_FACTORS) continue;
    const name = hfTensorName(tensor.name);
    if (tensors.has(name)) {
      throw new UsageError(`${file.path} has "${name}" twice`, "download the file again");
    }
    tensors.set(name, tensor);
  }
  const find = (name: string) => {
    const tensor = tensors.get(name);
    if (!tensor) throw new UsageError(`there is no tensor "${name}" in ${file.path}`, "check the checkpoint");
    return tensor;
  };
  const isPermuted = (name: string) =>
    config.architecture === "llama" && /\.self_attn\.[qk]_proj\.weight$/.test(name);
  return {
    names: () => [...tensors.keys()],
    shape: (name) => find(name).shape,
    dtype: (name) => find(name).type,
    read: (name) => readTensor(file, find(name), isPermuted(name) ? config.headDim : null),
    close: () => file.close(),
  };
}

/** @param headDim undo llama.cpp's order of rows within heads of this width; null keeps the order */
function readTensor(
  file: RandomAccessFile,
  { type, shape, offset, byteLength }: GgufTensor,
  headDim: number | null = null,
): Float32Array<ArrayBuffer> {
  const { block, bytes, decode } = GGML_TYPES[type];
  const columns = shape.at(-1)!;
  const rowBytes = columns / block * bytes, rows = byteLength / rowBytes;
  const out = new Float32Array(rows * columns);
  const rowsPerChunk = Math.min(rows, Math.max(1, Math.floor(CHUNK_BYTES / rowBytes)));
  const scratch = new Uint8Array(rowsPerChunk * rowBytes);
  for (let first = 0; first < rows; first += rowsPerChunk) {
    const count = Math.min(rowsPerChunk, rows - first);
    file.read(offset + first * rowBytes, scratch.subarray(0, count * rowBytes));
    if (headDim === null) {
      decode(new DataView(scratch.buffer), out.subarray(first * columns, (first + count) * columns));
      continue;
    }
    for (let row = 0; row < count; row++) {
      const to = hfRow(first + row, headDim) * columns;
      decode(new DataView(scratch.buffer, row * rowBytes), out.subarray(to, to + columns));
    }
  }
  return out;
}
