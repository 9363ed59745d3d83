/**
 * The header of a safetensors file: 8 bytes of length (little-endian), that many bytes of JSON, then the tensors.
 *
 * Everything is checked against the size of the file before anything of that size is allocated, with the rules of
 * the original implementation: the tensors tile the rest of the file, without overlap and without gap.
 *
 * @module
 */
import { UsageError } from "#errors";
import { describe, isObject, parseJsonObject } from "./json.ts";
import { RandomAccessFile } from "./random_access_file.ts";

/** Where one tensor lies. */
export interface SafetensorsEntry {
  /** Name, as Hugging Face writes it. */
  readonly name: string;
  /** Storage type. */
  readonly dtype: keyof typeof SAFETENSORS_DTYPES;
  /** Shape, outermost dimension first. */
  readonly shape: readonly number[];
  /** First byte, from the start of the file. */
  readonly offset: number;
  /** Size in the file. */
  readonly byteLength: number;
}

/** Storage types that can be read, with their bytes per element. */
export const SAFETENSORS_DTYPES = { F32: 4, F16: 2, BF16: 2 } as const;

/** The limit of the original implementation. */
const MAX_HEADER_BYTES = 100_000_000;
const MAX_ELEMENTS = Number.MAX_SAFE_INTEGER / 8;

/**
 * Reads and checks the header.
 *
 * @returns the tensors in the order of their bytes
 * @throws {UsageError} when anything in it contradicts the file
 */
export function readSafetensorsHeader(file: RandomAccessFile): SafetensorsEntry[] {
  if (file.size < 8) refuse(file, `has ${file.size} bytes, too few for a header`);
  const prefix = new Uint8Array(8);
  file.read(0, prefix);
  const length = Number(new DataView(prefix.buffer).getBigUint64(0, true));
  if (length > MAX_HEADER_BYTES || length > file.size - 8) {
    refuse(file, `claims a header of ${length} bytes, the file has ${file.size}`);
  }
  const bytes = new Uint8Array(length);
  file.read(8, bytes);
  const header = parseJsonObject(bytes, `the header of ${file.path}`);
  const duplicate = duplicateKey(new TextDecoder().decode(bytes));
  if (duplicate !== null) refuse(file, `names the tensor "${duplicate}" twice`);

  const start = 8 + length;
  const entries = Object.entries(header).filter(([name]) => name !== "__metadata__")
    .map(([name, value]) => entry(file, name, value, start))
    .sort((a, b) => a.offset - b.offset || a.byteLength - b.byteLength);
  let end = start;
  for (const { name, offset, byteLength } of entries) {
    if (offset !== end) {
      refuse(file, `has ${offset < end ? "overlapping bytes" : "a gap"} before the tensor "${name}"`);
    }
    end = offset + byteLength;
  }
  if (end !== file.size) refuse(file, `has tensors up to byte ${end}, but ${file.size} bytes`);
  return entries;
}

function entry(file: RandomAccessFile, name: string, value: unknown, start: number): SafetensorsEntry {
  const { dtype, shape, data_offsets: range } = isObject(value) ? value : {};
  if (!isSizes(shape) || !isSizes(range) || range.length !== 2 || typeof dtype !== "string") {
    refuse(file, `describes the tensor "${name}" as ${describe(value)}`);
  }
  if (!isReadable(dtype)) {
    throw new UsageError(
      `${file.path} stores the tensor "${name}" as ${dtype}`,
      `use a checkpoint in ${Object.keys(SAFETENSORS_DTYPES).join(", ")}`,
    );
  }
  const elements = shape.reduce((product, size) => product * size, 1);
  const byteLength = range[1]! - range[0]!;
  if (elements > MAX_ELEMENTS || elements * SAFETENSORS_DTYPES[dtype] !== byteLength) {
    refuse(file, `gives the tensor "${name}" (${dtype} [${shape}]) ${byteLength} bytes`);
  }
  if (start + range[1]! > file.size) refuse(file, `places the tensor "${name}" past its end`);
  return { name, dtype, shape, offset: start + range[0]!, byteLength };
}

function isReadable(dtype: string): dtype is SafetensorsEntry["dtype"] {
  return Object.hasOwn(SAFETENSORS_DTYPES, dtype);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.length <= 8 && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}

/** JSON.parse keeps the last of two equal keys without a word; this finds them among the outermost keys. */
function duplicateKey(text: string): string | null {
  const seen = new Set<string>();
  let depth = 0;
  // A string (with the colon behind it, when it is a key) or one bracket at a time.
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"\s*:?|[{}[\]]/gs)) {
    if (token === "{" || token === "[") depth++;
    else if (token === "}" || token === "]") depth--;
    else if (depth === 1 && token.endsWith(":")) {
      const key: string = JSON.parse(token.slice(0, -1));
      if (seen.has(key)) return key;
      seen.add(key);
    }
  }
  return null;
}

function refuse(file: RandomAccessFile, what: string): never {
  throw new UsageError(
    `${file.path} ${what}`,
    "download the file again; it is damaged or not a safetensors file",
  );
}
