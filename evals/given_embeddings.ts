/**
 * Embeddings that another program made, scored as those of an encoder are. A folder with
 *
 *     texts.jsonl        a line for each row: a JSON string, or {"text": "..", "prompt": ".."} (prompt may be left out),
 *                        or {"sha256": ".."} of the text's UTF-8 in place of the text
 *       or texts.sha256  a line for each row: that hash alone
 *     embeddings.npy     [rows, dimension], float32 or float16, C order
 *       or .f32          the same as raw little-endian float32
 *     embeddings.json    {"name": "..", "dimension": 384, "prompts": {"named": {"query": ".."}, "standard": ""}}; all may be
 *                        left out beside a .npy, but a raw file needs its dimension
 *
 * Rows are read one by one when they are asked for: what stays in memory is a key for each text.
 *
 * @module
 */
import { basename, join, resolve } from "node:path";
import { z } from "zod";
import { MissingError, UsageError } from "#errors";
import { f16sToF32 } from "../kernels/half_floats.ts";
import { isFile } from "../lib/files.ts";
import { canonicalHash } from "../lib/manifest/canonical.ts";
import { StringIndex } from "../lib/data/string_index.ts";
import { textLines } from "../lib/journal/text_lines.ts";
import { digestFile } from "../lib/manifest/hash.ts";
import type { Encoded, EncodeOptions, Encoder, EncoderPrompts } from "./encoder.ts";
import { readNpyHeader } from "./npy.ts";
import { keyOf, keyOfDigest, type TextOrKey } from "./texts.ts";

const TEXTS = ["texts.jsonl", "texts.sha256"];
const EMBEDDINGS = ["embeddings.npy", "embeddings.f32"];
const ABOUT = "embeddings.json";
const HEX = /^[0-9a-f]{64}$/;

const aboutSchema = z.strictObject({
  name: z.string().min(1).optional(),
  dimension: z.int().positive().optional(),
  prompts: z.strictObject({ named: z.record(z.string(), z.string()), standard: z.string() }).optional(),
});

const rowSchema = z.union([
  z.string().transform((text) => ({ text, prompt: "" })),
  z.strictObject({ text: z.string(), prompt: z.string().default("") }),
  z.strictObject({ sha256: z.string().regex(HEX), prompt: z.string().default("") }),
]);

/** A row whose text an earlier one has. */
interface Repeat {
  readonly row: number;
  readonly first: number;
}

/** Where the rows are. */
interface Rows {
  readonly type: "f32" | "f16";
  readonly count: number;
  readonly dimension: number;
  readonly offset: number;
}

/** Whether a folder has embeddings of this form. */
export function isGivenEmbeddings(folder: string): boolean {
  return TEXTS.some((name) => isFile(join(folder, name)));
}

/** An {@linkcode Encoder} that finds what it is asked for in a folder. */
export class GivenEmbeddings implements Encoder, Disposable {
  readonly digest: string;
  readonly dimension: number;
  readonly prompts?: EncoderPrompts;
  /** Distinct texts, each counted once for every prompt. */
  readonly size: number;
  /** Name for folders: that in `embeddings.json`, or the folder's own. */
  readonly name: string;
  /** The files that were read. */
  readonly files: readonly { readonly name: string; readonly sha256: string; readonly bytes: number }[];
  readonly #file: Deno.FsFile;
  readonly #rows: Rows;
  /** Keys of the rows. */
  readonly #keys: StringIndex;

  /**
   * Opens a folder and reads all but the rows.
   *
   * @throws MissingError if a file is missing
   * @throws UsageError if a file is damaged, counts or dimensions differ, or a text has two different rows
   */
  constructor(folder: string) {
    const texts = onlyOne(folder, TEXTS), embeddings = onlyOne(folder, EMBEDDINGS);
    const about = readAbout(join(folder, ABOUT));
    const names = [texts, embeddings, ...isFile(join(folder, ABOUT)) ? [ABOUT] : []];
    this.files = names.map((name) => ({ name, ...digestFile(join(folder, name)) }));
    this.#file = Deno.openSync(join(folder, embeddings));
    try {
      const { keys, repeats } = readKeys(join(folder, texts));
      this.#rows = findRows(this.#file, join(folder, embeddings), about.dimension);
      if (keys.size !== this.#rows.count) {
        throw new UsageError(
          `"${join(folder, texts)}" names ${keys.size} texts, "${embeddings}" has ${this.#rows.count} rows`,
          "write one row for each line, in the same order",
        );
      }
      for (const repeat of repeats) this.#requireSame(repeat, join(folder, texts));
      this.#keys = keys;
      this.size = keys.size - repeats.length;
    } catch (error) {
      this.#file.close();
      throw error;
    }
    this.dimension = this.#rows.dimension;
    this.name = about.name ?? basename(resolve(folder));
    if (about.prompts) this.prompts = about.prompts;
    const content = this.files.filter(({ name }) => name !== ABOUT);
    this.digest = canonicalHash({
      files: content.map(({ name, sha256 }) => ({ name, sha256 })),
      dimension: this.dimension,
      prompts: about.prompts ?? null,
    });
  }

  /** Whether there is a row for this text behind this prompt. */
  has(text: TextOrKey, prompt = ""): boolean {
    return this.#keys.find(keyOf(text, prompt)) >= 0;
  }

  /** @throws MissingError if a text has no row */
  encode(texts: readonly string[], options: EncodeOptions = {}): Promise<readonly Encoded[]> {
    return new Promise((resolve) => resolve(this.#find(texts, options)));
  }

  #find(texts: readonly string[], options: EncodeOptions): Encoded[] {
    const { prompt = "", signal, onEncoded, onProgress } = options;
    const results = texts.map((text, i): Encoded => {
      signal?.throwIfAborted();
      const row = this.#keys.find(keyOf(text, prompt));
      if (row < 0) {
        throw new MissingError(`no embedding of "${text.slice(0, 60)}"`, "add it to the folder");
      }
      const encoded = {
        embedding: this.#vector(row),
        rationales: [],
        rationaleTokens: 0,
        truncatedRationales: 0,
        truncatedPrompt: false,
      };
      onEncoded?.(i, encoded);
      return encoded;
    });
    onProgress?.(texts.length, texts.length);
    return results;
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#file.close();
  }

  #vector(row: number): Float32Array {
    const { type, dimension, offset } = this.#rows;
    const width = type === "f32" ? 4 : 2, bytes = new Uint8Array(width * dimension);
    this.#file.seekSync(offset + bytes.length * row, Deno.SeekMode.Start);
    for (let at = 0; at < bytes.length;) at += this.#file.readSync(bytes.subarray(at)) ?? shortFile();
    if (type === "f32") return new Float32Array(bytes.buffer);
    const vector = new Float32Array(dimension);
    f16sToF32(new Uint16Array(bytes.buffer), vector);
    return vector;
  }

  /** A text may be there twice only with one embedding: which of two should count, nobody has said. */
  #requireSame({ row, first }: Repeat, path: string): void {
    const [a, b] = [this.#vector(first), this.#vector(row)];
    if (a.every((value, i) => Object.is(value, b[i]))) return;
    throw new UsageError(
      `"${path}" line ${row + 1} is the text of line ${first + 1}, with another embedding`,
      "embed each text once, or leave one of the two out",
    );
  }
}

function shortFile(): never {
  throw new UsageError("the file of embeddings became shorter", "leave it as it is while it is read");
}

/** The one of the names that is there. */
function onlyOne(folder: string, names: readonly string[]): string {
  const found = names.filter((name) => isFile(join(folder, name)));
  if (found.length === 1) return found[0]!;
  const list = names.join(" or ");
  if (found.length === 0) throw new MissingError(`"${folder}" has no ${list}`, "docs/mteb.md has the format");
  throw new UsageError(`"${folder}" has ${names.join(" and ")}`, "keep one of the two");
}

function readAbout(path: string): z.infer<typeof aboutSchema> {
  if (!isFile(path)) return {};
  return parsed(aboutSchema, Deno.readTextFileSync(path), `"${path}"`);
}

/** Key of every row. */
function readKeys(path: string): { keys: StringIndex; repeats: Repeat[] } {
  const keys = new StringIndex(), repeats: Repeat[] = [];
  for (const { text } of textLines(path)) {
    const row = keys.size, where = `"${path}" line ${row + 1}`;
    const first = keys.push(keyOfLine(text.replace(/\r$/, ""), path.endsWith(".sha256"), where));
    if (first >= 0) repeats.push({ row, first });
  }
  return { keys, repeats };
}

function keyOfLine(line: string, isHash: boolean, where: string): string {
  if (!isHash) {
    const row = parsed(rowSchema, line, where);
    return "sha256" in row ? keyOfDigest(row.sha256, row.prompt) : keyOf(row.text, row.prompt);
  }
  if (HEX.test(line)) return keyOfDigest(line);
  throw new UsageError(`${where} is not a SHA-256: "${line.slice(0, 70)}"`, "write 64 hexadecimal digits");
}

function parsed<T>(schema: z.ZodType<T>, text: string, where: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new UsageError(`${where} is not JSON`, "docs/mteb.md has the format", { cause });
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new UsageError(
    `${where} is not of the format: ${result.error.issues[0]!.message}`,
    "docs/mteb.md has the format",
  );
}

function findRows(file: Deno.FsFile, path: string, dimension: number | undefined): Rows {
  const { size } = file.statSync();
  const start = new Uint8Array(Math.min(size, 1 << 16));
  for (let at = 0; at < start.length;) at += file.readSync(start.subarray(at)) ?? shortFile();
  if (path.endsWith(".npy")) {
    const { type, shape: [count, columns], offset } = readNpyHeader(start, path);
    if (dimension !== undefined && dimension !== columns) {
      throw new UsageError(
        `"${path}" has ${columns} columns, ${ABOUT} says ${dimension}`,
        `write the dimension of the model into ${ABOUT}, or leave it out`,
      );
    }
    requireSize(size, offset + (type === "f32" ? 4 : 2) * count * columns, path);
    return { type, count, dimension: columns, offset };
  }
  if (dimension === undefined) {
    throw new UsageError(`"${path}" does not tell its dimension`, `write {"dimension": ..} to ${ABOUT}`);
  }
  const count = Math.floor(size / (4 * dimension));
  requireSize(size, 4 * dimension * count, path);
  return { type: "f32", count, dimension, offset: 0 };
}

function requireSize(found: number, expected: number, path: string): void {
  if (found === expected) return;
  throw new UsageError(
    `"${path}" has ${found} bytes, whole rows have ${expected}`,
    "the file was cut, or its dimension is another",
  );
}
