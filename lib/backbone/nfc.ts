/**
 * NFC as the original (Rust) `tokenizers` computes it: with the tables of Unicode 9.
 *
 * Its normalization has stayed at that version, while JavaScript's follows the engine. For the characters that were
 * given a combining class or a composition since then, the two differ: where Unicode 10 and later reorder or compose
 * them, Unicode 9 takes them for unassigned, which neither move nor compose. So they are walled off here, and the text
 * between them is normalised by itself.
 *
 * The list is what differed between `tokenizers` 0.23.3 and Unicode 17 (V8 15) when every character was normalised
 * alone and beside marks of the classes 1, 220, 230 and 240, with the parts of the compositions among them. The test is
 * the agreement on random strings, a pool of which is this list (`fixtures/golden/tiny-tokenizer/pools.json`). It can go
 * when `tokenizers` normalises by a recent Unicode.
 *
 * @module
 */
import type { JsonObject } from "./json.ts";

/** Characters that take part in NFC since Unicode 10, as a class of a regular expression. */
const INERT = "[" + [
  "\\u07fd\\u0897-\\u089f\\u08ca-\\u08d3\\u09fe\\u0c3c\\u0d3b\\u0d3c\\u0eba\\u1715\\u1abf-\\u1ace\\u1df6-\\u1dfa\\ua82c",
  "\\u{105c9}\\u{105d2}\\u{105da}\\u{105e4}\\u{10d24}-\\u{10d27}\\u{10d69}-\\u{10d6d}\\u{10eab}\\u{10eac}",
  "\\u{10efd}-\\u{10eff}\\u{10f46}-\\u{10f50}\\u{10f82}-\\u{10f85}\\u{11070}\\u{1133b}\\u{11382}-\\u{11385}",
  "\\u{1138b}\\u{1138e}\\u{11390}\\u{11391}\\u{113b8}\\u{113bb}\\u{113c2}\\u{113c5}\\u{113c7}-\\u{113c9}",
  "\\u{113ce}-\\u{113d0}\\u{1145e}\\u{11839}\\u{1183a}\\u{11930}\\u{11935}\\u{11938}\\u{1193d}\\u{1193e}\\u{11943}",
  "\\u{119e0}\\u{11a34}\\u{11a47}\\u{11a99}\\u{11d42}\\u{11d44}\\u{11d45}\\u{11d97}\\u{11f41}\\u{11f42}",
  "\\u{1611e}-\\u{16129}\\u{1612f}\\u{16d63}\\u{16d67}-\\u{16d6a}\\u{16ff0}\\u{16ff1}\\u{1e08f}\\u{1e130}-\\u{1e136}",
  "\\u{1e2ae}\\u{1e2ec}-\\u{1e2ef}\\u{1e4ec}-\\u{1e4ef}\\u{1e5ee}\\u{1e5ef}",
].join("") + "]";

/**
 * Stands around an inert character while the text is normalised. A lone surrogate is in no well-formed text, takes part
 * in no composition, and, being a low one, never makes a pair with the end of what is before it.
 */
const WALL = "\udc00";

/** NFC as a normalizer of `tokenizer.json`, in the steps that the library does as the original; for well-formed text. */
export const NFC_STEP: JsonObject = {
  type: "Sequence",
  normalizers: [
    // The library replaces with JavaScript's replaceAll, where $& is the match.
    { type: "Replace", pattern: { Regex: INERT }, content: `${WALL}$&${WALL}` },
    { type: "NFC" },
    { type: "Replace", pattern: { String: WALL }, content: "" },
  ],
};

const BOUNDARY = new RegExp(`(${INERT})`, "u");

/** NFC of a well-formed text. */
export function nfc(text: string): string {
  return text.split(BOUNDARY).map((part) => part.normalize("NFC")).join("");
}
