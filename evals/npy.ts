/**
 * The header of numpy's `.npy` files: one array of 16- or 32-bit floats.
 *
 * Reference: numpy, "NEP 1: a simple file format for NumPy arrays", versions 1.0 to 3.0.
 *
 * @module
 */
import { UsageError } from "#errors";

/** An array of rows in a file. */
export interface NpyHeader {
  readonly type: "f32" | "f16";
  /** Rows and columns. */
  readonly shape: readonly [number, number];
  /** Where the first element is, in bytes. */
  readonly offset: number;
}

const MAGIC = [0x93, ...new TextEncoder().encode("NUMPY")];
const TYPES: Readonly<Record<string, NpyHeader["type"]>> = { "<f4": "f32", "<f2": "f16" };

/**
 * Reads the header of a file of rows.
 *
 * @param start the file from its beginning; 1 KiB is enough for what numpy writes
 * @param path for errors
 * @throws UsageError if it is not of float32 or float16 in two dimensions, little-endian, in C order
 */
export function readNpyHeader(start: Uint8Array, path: string): NpyHeader {
  const refuse = (what: string) =>
    new UsageError(
      `"${path}" ${what}`,
      "save a matrix of float32 or float16: np.save(path, np.ascontiguousarray(x, dtype=np.float32))",
    );
  if (!MAGIC.every((byte, i) => start[i] === byte)) throw refuse("is not a .npy file");
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  const wide = start[6]! > 1, at = wide ? 12 : 10;
  const offset = at + (wide ? view.getUint32(8, true) : view.getUint16(8, true));
  if (start[6]! < 1 || start[6]! > 3 || offset > start.length) {
    throw refuse("has a header that cannot be read");
  }
  const header = new TextDecoder().decode(start.subarray(at, offset));
  const type = /'descr': '([^']*)'/.exec(header)?.[1];
  if (type === undefined || !(type in TYPES)) throw refuse(`holds elements of type "${type ?? "?"}"`);
  if (!/'fortran_order': False/.test(header)) throw refuse("is in Fortran order");
  const shape = /'shape': \((\d+), (\d+)\)/.exec(header);
  if (shape === null) {
    throw refuse(`is not a matrix: its shape is ${/'shape': (\([^)]*\))/.exec(header)?.[1] ?? "?"}`);
  }
  return { type: TYPES[type]!, shape: [Number(shape[1]), Number(shape[2])], offset };
}
