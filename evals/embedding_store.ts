/**
 * Embeddings and rationales on disk, one row per distinct text and prompt, written as they are made:
 *
 *     rationales.jsonl   header {schema, encoder, dimension, prompts?}, then one record per text
 *     embeddings.f32     [rows, dimension] float32, little-endian, in the order of the records
 *
 * The record of a text is written after its embedding, so that after a kill the records tell which rows count. After a power
 * cut the last rows may be gone, and then so are their records. A text that is done before those that stand before it waits in
 * an {@linkcode EarlyLog}.
 *
 * @module
 */
import { MissingError, NumericError, UsageError } from "#errors";
import { StringIndex } from "../lib/data/string_index.ts";
import { sha256Hex } from "../lib/manifest/hash.ts";
import type { JournalWriter } from "../lib/journal/append.ts";
import { writeAll } from "../lib/journal/atomic.ts";
import type { Encoded, Encoder, EncoderPrompts } from "./encoder.ts";
import { EarlyLog, type RecordForm } from "./early_log.ts";
import { appendRecords, continueLog, keepRecords, openRecords } from "./record_log.ts";
import { keyOf, keyOfDigest, type TextOrKey } from "./texts.ts";
import { VectorFile } from "./vector_file.ts";

const RECORDS = "rationales.jsonl";
const EMBEDDINGS = "embeddings.f32";
const SCHEMA = "grace-embeddings/2";

/** What is recorded of a text. */
export type TextRecord = {
  /** SHA-256 of the text. */
  readonly text: string;
  /** What stood before it; absent where nothing did. */
  readonly prompt?: string;
  /** SHA-256 of the embedding's bytes. */
  readonly embedding: string;
  readonly rationales: readonly string[];
  readonly rationaleTokens: number;
  readonly truncatedRationales: number;
  readonly truncatedPrompt: boolean;
};

/** A text with its embedding in one line, as base64 of the bytes. */
const WITH_EMBEDDING: RecordForm<Encoded> = {
  write: ({ embedding, ...rest }) => {
    requireFinite(embedding, "an embedding");
    return { embedding: new Uint8Array(embedding.slice().buffer).toBase64(), ...rest };
  },
  read: (record) => {
    const { embedding, ...rest } = record as Omit<Encoded, "embedding"> & { embedding: string };
    return { embedding: new Float32Array(Uint8Array.fromBase64(embedding).buffer), ...rest };
  },
};

/** Identifies a text behind a prompt among those whose turn has not come. */
export function earlyKey(text: string, prompt = ""): string {
  return prompt === "" ? sha256Hex(text) : `${sha256Hex(text)} ${prompt}`;
}

/** Appends embeddings to a folder. */
export class EmbeddingStore implements Disposable {
  readonly #records: JournalWriter;
  readonly #file: Deno.FsFile;
  readonly #dimension: number;
  /** Keys of what is stored, in the order of the rows. */
  readonly #known: StringIndex;
  /** Texts whose turn has not come, by {@linkcode earlyKey}. */
  readonly early: EarlyLog<Encoded>;

  private constructor(
    records: JournalWriter,
    file: Deno.FsFile,
    dimension: number,
    known: StringIndex,
    early: EarlyLog<Encoded>,
  ) {
    this.#records = records;
    this.#file = file;
    this.#dimension = dimension;
    this.#known = known;
    this.early = early;
  }

  /**
   * Opens or creates the store of a folder; what a kill left half written is cut off.
   *
   * @throws UsageError if the folder holds another encoder's embeddings, or damaged records
   */
  static open(folder: string, encoder: Pick<Encoder, "digest" | "dimension" | "prompts">): EmbeddingStore {
    const log = `${folder}/${RECORDS}`, rowBytes = 4 * encoder.dimension;
    const header = {
      schema: SCHEMA,
      encoder: encoder.digest,
      dimension: encoder.dimension,
      ...encoder.prompts && { prompts: JSON.stringify(encoder.prompts) },
    };
    const open = () => {
      const known = new StringIndex(), hashes: string[] = [];
      const writer = continueLog<TextRecord>(log, header, ({ text, prompt, embedding }) => {
        hashes[known.size % doubtfulRows] = embedding;
        known.push(keyOfDigest(text, prompt));
      });
      return { writer, known, hashes };
    };
    let { writer, known, hashes } = open();
    const file = Deno.openSync(`${folder}/${EMBEDDINGS}`, { read: true, write: true, create: true });
    const whole = wholeRows(file, known.size, hashes, rowBytes);
    if (whole < known.size) {
      writer[Symbol.dispose]();
      keepRecords(log, whole);
      ({ writer, known } = open());
    }
    const end = rowBytes * known.size;
    file.truncateSync(end);
    file.seekSync(end, Deno.SeekMode.Start);
    const early = EarlyLog.open(log, header, WITH_EMBEDDING);
    return new EmbeddingStore(writer, file, encoder.dimension, known, early);
  }

  /** Whether this text is stored, behind this prompt. */
  has(text: TextOrKey, prompt = ""): boolean {
    return this.#known.find(keyOf(text, prompt)) >= 0;
  }

  /**
   * Stores what an encoder returned: it survives the death of the process at once, a power cut a second later.
   *
   * @throws NumericError if an embedding is not finite
   * @throws Error if the encoder broke its contract (count or dimension)
   */
  add(texts: readonly string[], encoded: readonly Encoded[], prompt = ""): void {
    if (encoded.length !== texts.length) {
      throw new Error(`the encoder returned ${encoded.length} results for ${texts.length} texts`);
    }
    const bytes = new Uint8Array(4 * this.#dimension * texts.length);
    const records = encoded.map((result, i): TextRecord => {
      const { embedding } = result;
      if (embedding.length !== this.#dimension) {
        throw new Error(
          `an embedding has ${embedding.length} values, the encoder's dimension is ${this.#dimension}`,
        );
      }
      requireFinite(embedding, `the embedding of "${texts[i]!.slice(0, 60)}"`);
      bytes.set(new Uint8Array(embedding.slice().buffer), 4 * this.#dimension * i);
      return textRecord(texts[i]!, result, prompt);
    });
    writeAll(this.#file, bytes);
    appendRecords(this.#records, records, () => this.#file.syncDataSync());
    for (const record of records) this.#known.push(keyOfDigest(record.text, prompt));
  }

  /** Flushes and closes the files. */
  [Symbol.dispose](): void {
    this.#file.syncDataSync();
    this.#records[Symbol.dispose]();
    this.#file.close();
    this.early[Symbol.dispose]();
    this.#known[Symbol.dispose]();
  }
}

/** The record of a text behind a prompt, with the digest of its embedding. */
export function textRecord(text: string, result: Encoded, prompt = ""): TextRecord {
  const { embedding, rationales, rationaleTokens, truncatedRationales, truncatedPrompt } = result;
  return {
    text: sha256Hex(text),
    ...prompt !== "" && { prompt },
    embedding: sha256Hex(new Uint8Array(embedding.slice().buffer)),
    rationales,
    rationaleTokens,
    truncatedRationales,
    truncatedPrompt,
  };
}

function requireFinite(embedding: Float32Array, what: string): void {
  if (embedding.every(Number.isFinite)) return;
  throw new NumericError(
    `${what} is not finite`,
    "the model failed on this text; check its weights and the device with the doctor command",
  );
}

/** Rows that are looked at again when a store is opened: more than are ever written between two flushes. */
const doubtfulRows = 20_000;

/**
 * Number of records, from the first on, whose rows are in the file as they were written.
 *
 * @param hashes those of the last rows, row i at i modulo {@linkcode doubtfulRows}
 */
function wholeRows(file: Deno.FsFile, records: number, hashes: readonly string[], rowBytes: number): number {
  const inFile = Math.floor(file.statSync().size / rowBytes), doubtful = Math.max(0, records - doubtfulRows);
  let rows = Math.min(records, inFile);
  const row = new Uint8Array(rowBytes);
  while (rows > doubtful) {
    file.seekSync((rows - 1) * rowBytes, Deno.SeekMode.Start);
    for (let filled = 0; filled < rowBytes;) filled += file.readSync(row.subarray(filled)) ?? rowBytes;
    // What a power cut takes lies at the end: once a row is whole, so are those before it.
    if (sha256Hex(row) === hashes[(rows - 1) % doubtfulRows]) break;
    rows--;
  }
  return rows;
}

/** What a model made of a text besides its embedding. */
export interface TextCounts {
  readonly rationales: number;
  readonly emptyRationales: number;
  readonly truncatedRationales: number;
  /** Tokens of all rationales. */
  readonly rationaleTokens: number;
  readonly truncatedPrompt: boolean;
}

/** Of a text that was embedded as it is, and whole. */
const PLAIN: TextCounts = {
  rationales: 0,
  emptyRationales: 0,
  truncatedRationales: 0,
  rationaleTokens: 0,
  truncatedPrompt: false,
};

/** Of a corpus that was read without rationales, millions of records say the same, of which nothing is kept. */
function isPlain({ rationales, rationaleTokens, truncatedRationales, truncatedPrompt }: TextRecord): boolean {
  return rationales.length + rationaleTokens + truncatedRationales === 0 && !truncatedPrompt;
}

function countsOf(record: TextRecord): TextCounts {
  const { rationales, truncatedRationales, rationaleTokens, truncatedPrompt } = record;
  const emptyRationales = rationales.filter((rationale) => rationale === "").length;
  return {
    rationales: rationales.length,
    emptyRationales,
    truncatedRationales,
    rationaleTokens,
    truncatedPrompt,
  };
}

/** A folder's embeddings: in memory is where that of each text is, the vectors are read when they are asked for. */
export interface StoredEmbeddings {
  /** Digest of the encoder that made them. */
  readonly encoder: string;
  readonly dimension: number;
  /** Prompts of that encoder. */
  readonly prompts?: EncoderPrompts;
  /** Distinct texts, each counted once for every prompt. */
  readonly size: number;
  /** Whether there is a result for a text behind a prompt. */
  has(text: TextOrKey, prompt?: string): boolean;
  /** Row, from 0, of a text behind a prompt. Throws MissingError if there is none. */
  row(text: TextOrKey, prompt?: string): number;
  /** Embedding in a row. */
  vector(row: number): Float32Array;
  /** What else was recorded of it. */
  counts(row: number): TextCounts;
}

/**
 * Reads a folder's embeddings, checking every row against its recorded hash.
 *
 * @throws MissingError if the folder holds none
 * @throws UsageError if a row was changed or is missing
 */
export function readEmbeddings(folder: string): StoredEmbeddings {
  const { header, records } = openRecords<TextRecord>(`${folder}/${RECORDS}`, SCHEMA);
  const dimension = Number(header["dimension"]);
  const vectors = new VectorFile(`${folder}/${EMBEDDINGS}`, dimension);
  const known = new StringIndex(), counts = new Map<number, TextCounts>();
  for (const record of records) {
    const row = known.size;
    if (sha256Hex(vectors.bytes(row)) !== record.embedding) {
      throw new UsageError(
        `"${folder}/${EMBEDDINGS}" row ${row} is not what was recorded`,
        "the file was changed; evaluate into another folder",
      );
    }
    known.push(keyOfDigest(record.text, record.prompt));
    if (!isPlain(record)) counts.set(row, countsOf(record));
  }
  const prompts = header["prompts"];
  return {
    encoder: String(header["encoder"]),
    dimension,
    ...prompts !== undefined && { prompts: JSON.parse(String(prompts)) },
    size: known.size,
    has: (text, prompt) => known.find(keyOf(text, prompt)) >= 0,
    row(text, prompt) {
      const row = known.find(keyOf(text, prompt));
      if (row >= 0) return row;
      throw new MissingError(
        `"${folder}" has no embedding of ${
          typeof text === "string" ? `"${text.slice(0, 60)}"` : "a document"
        }`,
        "the evaluation was not finished, or was of another suite: run it again on this folder",
      );
    },
    vector: (row) => vectors.row(row),
    counts: (row) => counts.get(row) ?? PLAIN,
  };
}
