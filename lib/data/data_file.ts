/**
 * What was read: the record of one input file, kept beside every score and run.
 *
 * @module
 */

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
