/**
 * Vectors in a file, of which one block is in memory at a time: a corpus of any size can be scored. Reading them in the order of
 * the file, as a corpus is ranked, reads the file once.
 *
 * @module
 */
import { MissingError } from "#errors";

/** Least size of a block in bytes. */
const BLOCK_BYTES = 1 << 18;

/** A file of float32 values, little-endian: [rows, dimension]. Opened only while a block is read. */
export class VectorFile {
  readonly #path: string;
  readonly #rowBytes: number;
  readonly #blockRows: number;
  #block = new Uint8Array();
  #first = -1;

  /** Reads nothing yet. */
  constructor(path: string, dimension: number) {
    this.#path = path;
    this.#rowBytes = 4 * dimension;
    this.#blockRows = Math.max(1, Math.floor(BLOCK_BYTES / this.#rowBytes));
  }

  /**
   * Bytes of a row, until another is asked for; fewer than a row has if the file ends before.
   *
   * @throws MissingError if there is no file
   */
  bytes(row: number): Uint8Array {
    const first = row - row % this.#blockRows;
    if (first !== this.#first) this.#read(first);
    const at = (row - first) * this.#rowBytes;
    return this.#block.subarray(at, at + this.#rowBytes);
  }

  /** A row, as a copy. */
  row(row: number): Float32Array {
    return new Float32Array(this.bytes(row).slice().buffer);
  }

  #read(first: number): void {
    using file = this.#open();
    file.seekSync(first * this.#rowBytes, Deno.SeekMode.Start);
    const block = new Uint8Array(this.#blockRows * this.#rowBytes);
    let size = 0;
    while (size < block.length) {
      const read = file.readSync(block.subarray(size));
      if (read === null) break;
      size += read;
    }
    this.#block = block.subarray(0, size);
    this.#first = first;
  }

  #open(): Deno.FsFile {
    try {
      return Deno.openSync(this.#path);
    } catch (cause) {
      if (!(cause instanceof Deno.errors.NotFound)) throw cause;
      throw new MissingError(
        `there is no "${this.#path}"`,
        "give the command again that made its folder: what is missing is made anew",
        { cause },
      );
    }
  }
}
