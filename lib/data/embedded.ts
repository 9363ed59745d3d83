/**
 * What is part of the program besides its code: the backbone "tiny" and the data sets of the suites "tiny" and "tiny-dev"; and
 * which data sets are neither that nor on the hub.
 *
 * @module
 */
import { fileURLToPath } from "node:url";

const place = (path: string) => fileURLToPath(new URL(`../../fixtures/tiny/${path}`, import.meta.url));

/** Folder of the built-in backbone, in Hugging Face's layout. */
export const EMBEDDED_BACKBONE_FOLDER: string = place("backbone");

/** Folder of the built-in data sets, laid out as any other data root. */
export const EMBEDDED_DATA_FOLDER: string = place("data");

/** Whether a data set id, or a path below a data root, is one of the built-in data sets. */
export function isEmbedded(id: string): boolean {
  return /^tiny(-dev)?\//.test(id);
}

/** Whether a data set id is one of those that only a data root can have: they were made for one, and no hub has them. */
export function isUnpublished(id: string): boolean {
  return id.startsWith("mini/");
}
