/**
 * A file that is read at chosen offsets, each read checked against the size of the file first.
 *
 * @module
 */
import { MissingError, UsageError } from "#errors";
import { isAbsent } from "../files.ts";

/** Bytes per read when a tensor is widened piece by piece; bounds the scratch memory of a reader. */
export const CHUNK_BYTES: number = 4 * 1024 * 1024;

/** An open file of known size. */
export class RandomAccessFile {
  readonly #file: Deno.FsFile;
  #open = true;

  /**
   * Opens a file for reading.
   *
   * @throws {MissingError} when it is not there or may not be read
   */
  constructor(readonly path: string) {
    try {
      this.#file = Deno.openSync(path, { read: true });
    } catch (cause) {
      const reason = isAbsent(cause) ? "there is no such file" : String(cause);
      throw new MissingError(`${path} cannot be read: ${reason}`, "check the path and its permissions", {
        cause,
      });
    }
    this.size = this.#file.statSync().size;
  }

  /** Size in bytes when the file was opened. */
  readonly size: number;

  /**
   * Fills `into` with the bytes from `offset` on.
   *
   * @throws {UsageError} when the file does not hold that many bytes there
   */
  read(offset: number, into: Uint8Array): void {
    if (!this.#open) throw new Error(`${this.path} was read after it was closed`);
    if (!(offset >= 0) || offset + into.length > this.size) this.#short(offset, into.length);
    this.#file.seekSync(offset, Deno.SeekMode.Start);
    for (let done = 0; done < into.length;) {
      const count = this.#file.readSync(into.subarray(done));
      if (count === null) this.#short(offset, into.length);
      done += count;
    }
  }

  /** Closes the file; a second call does nothing. */
  close(): void {
    if (this.#open) this.#file.close();
    this.#open = false;
  }

  #short(offset: number, length: number): never {
    throw new UsageError(
      `${this.path} ends early: ${length} bytes wanted at ${offset}, the file has ${this.size}`,
      "download the file again",
    );
  }
}
