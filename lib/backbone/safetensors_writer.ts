/**
 * Writes safetensors files, one tensor in memory at a time.
 *
 * @module
 */
import { f32ToBf16 } from "../../kernels/half_floats.ts";
import { writeAll } from "../journal/atomic.ts";

/** Storage type of written weights. */
export type StoredDtype = "f32" | "bf16";

/** One tensor to write: row-major f32. */
export interface NamedTensor {
  /** Name, as Hugging Face writes it. */
  readonly name: string;
  /** Shape, outermost dimension first. */
  readonly shape: readonly number[];
  /** Row-major values. */
  readonly data: Float32Array;
}

/** Values that are converted and written at a time. */
const CHUNK = 1 << 20;

/**
 * Writes one safetensors file and flushes it (fsync).
 *
 * @param shapes every tensor of the file: name to shape, in the order of their bytes
 * @param tensors the same tensors, in any order, each once; taken one by one
 * @param dtype bf16 rounds to nearest, ties to even
 * @throws {Error} when `tensors` and `shapes` disagree: a defect of the caller
 */
export async function writeSafetensors(
  path: string,
  shapes: ReadonlyMap<string, readonly number[]>,
  tensors: Iterable<NamedTensor> | AsyncIterable<NamedTensor>,
  dtype: StoredDtype,
): Promise<void> {
  const width = dtype === "f32" ? 4 : 2;
  const offsets = new Map<string, number>();
  // "pt" tells transformers that the layout is PyTorch's.
  const header: Record<string, unknown> = { __metadata__: { format: "pt" } };
  let end = 0;
  for (const [name, shape] of shapes) {
    const start = end;
    end += width * shape.reduce((product, size) => product * size, 1);
    offsets.set(name, start);
    header[name] = { dtype: dtype.toUpperCase(), shape, data_offsets: [start, end] };
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  // Spaces after the JSON align the tensors to 8 bytes.
  const prefix = new Uint8Array(8 + Math.ceil(json.length / 8) * 8).fill(0x20);
  new DataView(prefix.buffer).setBigUint64(0, BigInt(prefix.length - 8), true);
  prefix.set(json, 8);

  using file = Deno.openSync(path, { write: true, createNew: true });
  writeAll(file, prefix);
  for await (const { name, shape, data } of tensors) {
    const offset = offsets.get(name);
    const expected = shapes.get(name);
    if (offset === undefined) {
      throw new Error(`"${name}" is not among the tensors to write, or was written before`);
    }
    if (
      expected!.join() !== shape.join() || data.length !== shape.reduce((product, size) => product * size, 1)
    ) {
      throw new Error(`"${name}" has shape [${shape}] and ${data.length} values instead of [${expected}]`);
    }
    offsets.delete(name);
    file.seekSync(prefix.length + offset, Deno.SeekMode.Start);
    for (let first = 0; first < data.length; first += CHUNK) {
      const part = data.subarray(first, first + CHUNK);
      const stored = dtype === "f32" ? part : f32ToBf16(part);
      writeAll(file, new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength));
    }
  }
  if (offsets.size > 0) throw new Error(`"${[...offsets.keys()][0]}" was never given to be written`);
  file.syncSync();
}
