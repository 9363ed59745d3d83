/**
 * Numbers of many items in few characters, without losing a bit: what a baseline keeps of every item.
 *
 * Where there are at most 64 different ones, as of accuracies and of most rankings, an item is one letter; else its bytes are
 * written in base64: four where all numbers are float32, as similarities are, and eight where they are not.
 *
 * @module
 */

/** Numbers as they stand in a file. */
export interface PackedValues {
  readonly form: "levels" | "float32" | "float64";
  /** The different numbers, ascending, with blanks between them; "none" is that of items without one. */
  readonly levels?: string;
  /** Letters or base64, in lines of {@linkcode LINE}: where a few items change, a few lines do. */
  readonly lines: readonly string[];
}

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const NONE = "none";
/** Characters in a line; base64 of whole numbers of either size. */
const LINE = 96;

/** Packs finite numbers; undefined is an item that has none. */
export function packValues(values: readonly (number | undefined)[]): PackedValues {
  const bad = values.find((value) => value !== undefined && !Number.isFinite(value));
  if (bad !== undefined) throw new TypeError(`a baseline cannot hold ${bad}`);
  const distinct = [...new Set(values)].sort((a, b) => (a ?? Infinity) - (b ?? Infinity));
  if (distinct.length <= LETTERS.length) {
    const letterOf = new Map(distinct.map((value, i) => [value, LETTERS[i]!]));
    return {
      form: "levels",
      levels: distinct.map((value) => value === undefined ? NONE : String(value)).join(" "),
      lines: inLines(values.map((value) => letterOf.get(value)!).join("")),
    };
  }
  const narrow = values.every((value) => value === undefined || Math.fround(value) === value);
  const bytes = new Uint8Array((narrow ? 4 : 8) * values.length), view = new DataView(bytes.buffer);
  values.forEach((value = NaN, i) => {
    if (narrow) view.setFloat32(4 * i, value, true);
    else view.setFloat64(8 * i, value, true);
  });
  return { form: narrow ? "float32" : "float64", lines: inLines(bytes.toBase64()) };
}

/**
 * The numbers that were packed.
 *
 * @param count of the items
 * @throws TypeError if they are not as many, or were damaged
 */
export function unpackValues(packed: PackedValues, count: number): (number | undefined)[] {
  const text = packed.lines.join("");
  const values = packed.form === "levels" ? ofLetters(text, packed.levels ?? "") : ofBytes(text, packed.form);
  if (values.length !== count) throw new TypeError(`${values.length} values of ${count} items`);
  return values;
}

function ofLetters(text: string, levels: string): (number | undefined)[] {
  const numbers = levels.split(" ").map((level) => level === NONE ? undefined : Number(level));
  if (numbers.some(Number.isNaN)) throw new TypeError(`"${levels}" is no list of numbers`);
  return [...text].map((letter) => {
    const place = LETTERS.indexOf(letter);
    if (place < 0 || place >= numbers.length) throw new TypeError(`"${letter}" is none of the levels`);
    return numbers[place];
  });
}

function ofBytes(text: string, form: "float32" | "float64"): (number | undefined)[] {
  const bytes = Uint8Array.fromBase64(text), size = form === "float32" ? 4 : 8;
  if (bytes.length % size !== 0) throw new TypeError(`${bytes.length} bytes of ${form} values`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / size }, (_, i) => {
    const value = size === 4 ? view.getFloat32(4 * i, true) : view.getFloat64(8 * i, true);
    return Number.isNaN(value) ? undefined : value;
  });
}

function inLines(text: string): string[] {
  return text.match(new RegExp(`.{1,${LINE}}`, "g")) ?? [];
}
