/**
 * What was read: the record of one input file, kept beside every score and run.
 *
 * @module
 */
import { createHash } from "node:crypto";

/** Identity of a file that was read to its end. */
export interface DataFile {
  /** Path relative to the data root where there is one, so that records do not depend on the machine. */
  readonly path: string;
  /** Size as stored (packed, if it is packed). */
  readonly bytes: number;
  /** SHA-256 of the file as stored, hex: what `sha256sum` prints. */
  readonly sha256: string;
  /** Data rows read; header lines are not counted. */
  readonly rows: number;
}

/** SHA-256 of a text's UTF-8 bytes or of bytes, in hex. */
export function sha256Hex(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}
