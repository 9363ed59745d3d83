/**
 * The header of a GGUF file (versions 2 and 3): metadata and the table of tensors.
 *
 * Own reader, not npm `@huggingface/gguf`: that one checks counts against fixed limits, not against the file, decodes
 * text leniently, keeps the last of two equal keys, does not look at offsets, re-parses a long array from its start
 * each time its 2 MB window ends, and is asynchronous. Here every length is checked against what is left of the file
 * before anything is allocated for it.
 *
 * Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 *
 * @module
 */
import { UsageError } from "#errors";
import { GGML_TYPE_NAMES, GGML_TYPES, type GgmlType } from "./ggml_types.ts";
import { GgufCursor, type GgufValue } from "./gguf_cursor.ts";
import { RandomAccessFile } from "./random_access_file.ts";

/** Where one tensor lies. */
export interface GgufTensor {
  /** llama.cpp's name. */
  readonly name: string;
  /** Storage type. */
  readonly type: GgmlType;
  /** Shape with the outermost dimension first (the reverse of the file's order). */
  readonly shape: readonly number[];
  /** First byte, from the start of the file. */
  readonly offset: number;
  /** Size in the file. */
  readonly byteLength: number;
}

/** A checked header. */
export interface GgufHeader {
  /** Path of the file. */
  readonly path: string;
  /** All key-value pairs. */
  readonly metadata: ReadonlyMap<string, GgufValue>;
  /** Tensors in file order, under the names of llama.cpp. */
  readonly tensors: ReadonlyMap<string, GgufTensor>;
}

const MAGIC = 0x46554747; // "GGUF"
/** Fewest bytes of a metadata pair: empty key, type, one byte of value. */
const MIN_PAIR_BYTES = 8 + 4 + 1;
/** Fewest bytes of a tensor's description: empty name, one dimension, type, offset. */
const MIN_TENSOR_BYTES = 8 + 4 + 8 + 4 + 8;

/**
 * Reads and checks the header of an open GGUF file.
 *
 * @throws {UsageError} when anything in it contradicts the file, or a tensor's type is not supported
 */
export function readGgufHeader(file: RandomAccessFile): GgufHeader {
  const cursor: GgufCursor = new GgufCursor(file);
  if (cursor.u32("magic") !== MAGIC) cursor.refuse('does not start with "GGUF"');
  const version = cursor.u32("version");
  if (version !== 2 && version !== 3) {
    cursor.refuse(`has GGUF version ${version}, not 2 or 3 (little-endian)`);
  }
  const tensorCount = cursor.count("tensor count", MIN_TENSOR_BYTES);
  const pairCount = cursor.count("metadata count", MIN_PAIR_BYTES);

  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < pairCount; i++) {
    const key = cursor.string("a metadata key");
    if (metadata.has(key)) cursor.refuse(`has the metadata key "${key}" twice`);
    metadata.set(key, cursor.value(key));
  }
  const described: Omit<GgufTensor, "byteLength">[] = [];
  for (let i = 0; i < tensorCount; i++) described.push(readDescription(cursor));

  const alignment = metadata.get("general.alignment") ?? 32;
  if (typeof alignment !== "number" || !(alignment >= 1 && alignment <= 2 ** 20 && alignment % 1 === 0)) {
    cursor.refuse(`has general.alignment ${JSON.stringify(alignment)}`);
  }
  const start = Math.ceil(cursor.position / alignment) * alignment;
  return { path: file.path, metadata, tensors: placeTensors(cursor, described, start, alignment) };
}

/** One row of the tensor table; its offset still counts from the start of the data. */
function readDescription(cursor: GgufCursor): Omit<GgufTensor, "byteLength"> {
  const name = cursor.string("a tensor name");
  const rank = cursor.u32(`the rank of "${name}"`);
  if (rank < 1 || rank > 4) cursor.refuse(`gives the tensor "${name}" ${rank} dimensions`);
  const shape: number[] = [];
  for (let i = 0; i < rank; i++) shape.unshift(cursor.u64(`a dimension of "${name}"`));
  const code = cursor.u32(`the type of "${name}"`);
  const type = GGML_TYPE_NAMES[code];
  if (type === undefined || !Object.hasOwn(GGML_TYPES, type)) {
    throw new UsageError(
      `${cursor.path} stores the tensor "${name}" as ${type ?? `type ${code}`}`,
      `use a GGUF file in ${Object.keys(GGML_TYPES).join(", ")}`,
    );
  }
  return { name, type: type as GgmlType, shape, offset: cursor.u64(`the offset of "${name}"`) };
}

/** Turns offsets into positions in the file, and checks that each tensor has its own bytes there. */
function placeTensors(
  cursor: GgufCursor,
  described: readonly Omit<GgufTensor, "byteLength">[],
  start: number,
  alignment: number,
): Map<string, GgufTensor> {
  const tensors = new Map<string, GgufTensor>();
  for (const { name, type, shape, offset } of described) {
    if (tensors.has(name)) cursor.refuse(`has the tensor "${name}" twice`);
    const { block, bytes } = GGML_TYPES[type];
    const elements = shape.reduce((product, size) => product * size, 1);
    if (!(elements >= 1 && elements <= Number.MAX_SAFE_INTEGER / 8) || shape.at(-1)! % block !== 0) {
      cursor.refuse(`gives the tensor "${name}" (${type}) the shape [${shape}]`);
    }
    const byteLength = elements / block * bytes;
    if (offset % alignment !== 0) {
      cursor.refuse(`places the tensor "${name}" at ${offset}, not a multiple of ${alignment}`);
    }
    if (start + offset + byteLength > cursor.size) cursor.refuse(`places the tensor "${name}" past its end`);
    tensors.set(name, { name, type, shape, offset: start + offset, byteLength });
  }
  let end = start;
  for (const { name, offset, byteLength } of [...tensors.values()].sort((a, b) => a.offset - b.offset)) {
    if (offset < end) cursor.refuse(`has overlapping bytes before the tensor "${name}"`);
    end = offset + byteLength;
  }
  return tensors;
}
