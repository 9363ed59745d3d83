/**
 * Texts of a task, in memory or not. What has to be known of a text once it is embedded is which row is its embedding, and for
 * that a part of its hash is enough: a corpus is read when its texts are needed, and only then.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { sha256 } from "../lib/manifest/sha256.ts";
import type { StringIndex } from "../lib/data/string_index.ts";

/** Stands for a text that is not in memory: the first 132 bits of its SHA-256, as Base64. Equal texts have equal keys. */
export interface TextKey {
  readonly key: string;
}

/** A text, or what stands for it. */
export type TextOrKey = string | TextKey;

/** Base64 digits of a key. */
const DIGITS = 22;

/** Key of a text, of the texts behind a prompt another for each prompt. */
export function keyOf(text: TextOrKey, prompt = ""): string {
  const key = typeof text === "string" ? digitsOf(text) : text.key;
  return prompt === "" ? key : digitsOf(`${key} ${prompt}`);
}

/** The same of a text whose SHA-256 is known, in hexadecimal digits. */
export function keyOfDigest(sha256: string, prompt = ""): string {
  return keyOf({ key: Buffer.from(sha256, "hex").toString("base64").slice(0, DIGITS) }, prompt);
}

function digitsOf(text: string): string {
  return sha256(text).toBase64().slice(0, DIGITS);
}

/** A list of texts. */
export interface Texts {
  readonly size: number;
  /** The text at a place, or its key if it is not in memory. */
  at(place: number): TextOrKey;
  /**
   * Reads all texts in order, from where they are stored.
   *
   * @param onText what comes next is not read before the promise is kept that it returns, if it returns one
   */
  read(onText: (text: string, place: number) => void | Promise<void>): Promise<void>;
}

/** Texts in memory. */
export function textsInMemory(list: readonly string[]): Texts {
  return {
    size: list.length,
    at: (place) => list[place]!,
    async read(onText) {
      for (const [place, text] of list.entries()) {
        const wait = onText(text, place);
        if (wait !== undefined) await wait;
      }
    },
  };
}

/** Texts of which only the keys are in memory. */
export function textsByKey(keys: StringIndex, read: Texts["read"]): Texts {
  return { size: keys.size, at: (place) => ({ key: keys.at(place) }), read };
}

/** Place of a text, the first; -1 if it is not in the list. */
export function placeOfText(texts: Texts, text: string): number {
  const key = keyOf(text);
  for (let place = 0; place < texts.size; place++) if (keyOf(texts.at(place)) === key) return place;
  return -1;
}
