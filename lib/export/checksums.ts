/**
 * The list of an exported folder's files with their SHA-256, as `sha256sum -c` reads it.
 *
 * @module
 */
import { join } from "node:path";
import { writeFileAtomic } from "../journal/atomic.ts";
import { digestFile, type FileDigest } from "../manifest/hash.ts";

/** A file of an exported folder. */
export interface WrittenFile extends FileDigest {
  /** Path inside the folder, with `/`. */
  readonly path: string;
}

/** Name of the list. */
export const CHECKSUMS = "SHA256SUMS";

/** Digests every file below a folder; sorted by path. */
export function filesBelow(folder: string): WrittenFile[] {
  const visit = (below: string): WrittenFile[] =>
    [...Deno.readDirSync(join(folder, below))].flatMap(({ name, isDirectory }) => {
      const path = below === "" ? name : `${below}/${name}`;
      return isDirectory ? visit(path) : [{ path, ...digestFile(join(folder, path)) }];
    });
  return visit("").sort((a, b) => a.path < b.path ? -1 : 1);
}

/** Writes the list into the folder, and gives all files, the list included. */
export function writeChecksums(folder: string): WrittenFile[] {
  const files = filesBelow(folder);
  writeFileAtomic(join(folder, CHECKSUMS), files.map(({ sha256, path }) => `${sha256}  ${path}\n`).join(""));
  return [...files, { path: CHECKSUMS, ...digestFile(join(folder, CHECKSUMS)) }];
}
