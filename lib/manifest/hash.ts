/**
 * SHA-256 of bytes, texts and files. Every digest of this program is lower-case hexadecimal.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { MissingError } from "#errors";
import { sha256 } from "./sha256.ts";

/** What a file contains, without where it lies. */
export interface FileDigest {
  /** SHA-256 of the content, 64 hexadecimal digits. */
  sha256: string;
  /** Size of the content in bytes. */
  bytes: number;
}

/** Contents that are longer are digested natively: there are never many. */
const LONG = 1 << 16;

/** SHA-256 of bytes, or of a text's UTF-8, as 64 hexadecimal digits. */
export function sha256Hex(content: string | Uint8Array): string {
  if (content.length > LONG) return createHash("sha256").update(content).digest("hex");
  return sha256(content).toHex();
}

/** Read size: large enough that hashing, not reading, is the bottleneck, small enough to stay in cache. */
const CHUNK_BYTES = 1 << 20;

/**
 * SHA-256 and size of a file of any size, read in chunks of 1 MiB.
 *
 * @throws {MissingError} if the file cannot be read
 */
export function digestFile(path: string): FileDigest {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path, { read: true });
  } catch (error) {
    throw new MissingError(
      `cannot read "${path}": ${(error as Error).message}`,
      "check the path and its permissions",
      {
        cause: error,
      },
    );
  }
  using opened = file;
  const hash = createHash("sha256");
  const chunk = new Uint8Array(CHUNK_BYTES);
  let bytes = 0;
  for (;;) {
    const read = opened.readSync(chunk);
    if (read === null) return { sha256: hash.digest("hex"), bytes };
    hash.update(chunk.subarray(0, read));
    bytes += read;
  }
}
