/**
 * Whether content is what the hub says it is: hashed while it arrives, or as it lies in the cache.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { RemoteFile } from "./listing.ts";

/** Hashes of a content that grows. */
export class ContentHash {
  #sha256 = createHash("sha256");
  readonly #git: ReturnType<typeof createHash> | undefined;

  /** @param file what the content is to be */
  constructor(readonly file: RemoteFile) {
    // Git's hash of a file begins with what it is and how long.
    if (file.sha256 === undefined) this.#git = createHash("sha1").update(`blob ${file.bytes}\0`);
  }

  /** Adds bytes. */
  update(bytes: Uint8Array): void {
    this.#sha256.update(bytes);
    this.#git?.update(bytes);
  }

  /** SHA-256 of all bytes, and the oid they have on the hub. */
  digest(): { sha256: string; oid: string } {
    const sha256 = this.#sha256.digest("hex");
    return { sha256, oid: this.#git?.digest("hex") ?? sha256 };
  }
}

const CHUNK_BYTES = 1 << 20;

/** Hashes the first `bytes` bytes of a file that is open at its beginning; leaves it open behind them. */
export function hashPrefix(file: Deno.FsFile, bytes: number, hash: ContentHash): void {
  const chunk = new Uint8Array(CHUNK_BYTES);
  for (let at = 0; at < bytes;) {
    const read = file.readSync(chunk.subarray(0, Math.min(CHUNK_BYTES, bytes - at)));
    if (read === null) throw new Error(`the file ends at ${at} of ${bytes} bytes`);
    hash.update(chunk.subarray(0, read));
    at += read;
  }
}

/** SHA-256 of a file if its content is that of `remote`; undefined if it is another. */
export function sha256IfIntact(path: string, remote: RemoteFile): string | undefined {
  using file = Deno.openSync(path);
  if (file.statSync().size !== remote.bytes) return undefined;
  const hash = new ContentHash(remote);
  hashPrefix(file, remote.bytes, hash);
  const { sha256, oid } = hash.digest();
  return oid === remote.oid ? sha256 : undefined;
}
