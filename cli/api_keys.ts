/**
 * The keys that a server's clients have to show.
 *
 * @module
 */
import { MissingError, UsageError } from "#errors";
import { readTextIfThere } from "../lib/files.ts";

/** What a header can carry as a key (token68 of RFC 9110). */
const KEY = /^[A-Za-z0-9._~+/-]+=*$/;

/**
 * Reads a file with a key on each line. No message shows one.
 *
 * @throws MissingError if the file is not there
 * @throws UsageError if it holds none, or a line that cannot be one
 */
export function readKeys(path: string): string[] {
  const text = readTextIfThere(path);
  if (text === undefined) {
    throw new MissingError(`there is no file "${path}" (--api-key-file)`, "name a file");
  }
  const lines = text.split("\n").map((line) => line.trim());
  const bad = lines.findIndex((line) => line !== "" && !KEY.test(line));
  if (bad >= 0) {
    throw new UsageError(
      `line ${bad + 1} of "${path}" is no key`,
      "use letters, digits and . _ ~ + / - only, as head -c 32 /dev/urandom | base64 makes them",
    );
  }
  const keys = lines.filter((line) => line !== "");
  if (keys.length === 0) throw new UsageError(`"${path}" holds no key`, "write one on each line");
  return keys;
}
