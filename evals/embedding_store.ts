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
import { sha256Hex } from "../lib/manifest/hash.ts";
import type { JournalWriter } from "../lib/journal/append.ts";
import { writeAll } from "../lib/journal/atomic.ts";
import type { Encoded, Encoder, EncoderPrompts } from "./encoder.ts";
import { EarlyLog, type RecordForm } from "./early_log.ts";
import { appendRecords, keepRecords, openLog, openRecords } from "./record_log.ts";
import { VectorFile } from "./vector_file.ts";

const RECORDS = "rationales.jsonl";
const EMBEDDINGS = "embeddings.f32";
const SCHEMA = "grace-embeddings/2";

type TextRecord = {
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

/** Identifies a text behind a prompt. */
export function textKey(text: string, prompt = ""): string {
  return keyOf(sha256Hex(text), prompt);
}

/** Tells one embedding of a text from that behind another prompt. */
function keyOf(textSha256: string, prompt: string): string {
  return prompt === "" ? textSha256 : `${textSha256} ${prompt}`;
}

/** Appends embeddings to a folder. */
export class EmbeddingStore implements Disposable {
  readonly #records: JournalWriter;
  readonly #file: Deno.FsFile;
  readonly #dimension: number;
  readonly #known: Set<string>;
  /** Texts whose turn has not come, by {@linkcode textKey}. */
  readonly early: EarlyLog<Encoded>;

  private constructor(
    records: JournalWriter,
    file: Deno.FsFile,
    dimension: number,
    known: Set<string>,
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
    const open = () => openLog<TextRecord>(log, header);
    let { writer, records } = open();
    const file = Deno.openSync(`${folder}/${EMBEDDINGS}`, { read: true, write: true, create: true });
    const whole = wholeRows(file, records, rowBytes);
    if (whole < records.length) {
      writer[Symbol.dispose]();
      keepRecords(log, whole);
      ({ writer, records } = open());
    }
    const end = rowBytes * records.length;
    file.truncateSync(end);
    file.seekSync(end, Deno.SeekMode.Start);
    const known = new Set(records.map(({ text, prompt = "" }) => keyOf(text, prompt)));
    const early = EarlyLog.open(log, header, WITH_EMBEDDING);
    return new EmbeddingStore(writer, file, encoder.dimension, known, early);
  }

  /** Whether this text is stored, behind this prompt. */
  has(text: string, prompt = ""): boolean {
    return this.#known.has(textKey(text, prompt));
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
      const row = new Uint8Array(embedding.slice().buffer);
      bytes.set(row, row.length * i);
      return {
        text: sha256Hex(texts[i]!),
        ...prompt !== "" && { prompt },
        embedding: sha256Hex(row),
        rationales: result.rationales,
        rationaleTokens: result.rationaleTokens,
        truncatedRationales: result.truncatedRationales,
        truncatedPrompt: result.truncatedPrompt,
      };
    });
    writeAll(this.#file, bytes);
    appendRecords(this.#records, records, () => this.#file.syncDataSync());
    for (const record of records) this.#known.add(keyOf(record.text, prompt));
  }

  /** Flushes and closes the files. */
  [Symbol.dispose](): void {
    this.#file.syncDataSync();
    this.#records[Symbol.dispose]();
    this.#file.close();
    this.early[Symbol.dispose]();
  }
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

/** Number of records, from the first on, whose rows are in the file as they were written. */
function wholeRows(file: Deno.FsFile, records: readonly TextRecord[], rowBytes: number): number {
  let rows = Math.min(records.length, Math.floor(file.statSync().size / rowBytes));
  const row = new Uint8Array(rowBytes);
  for (let checked = 0; rows > 0 && checked < doubtfulRows; checked++) {
    file.seekSync((rows - 1) * rowBytes, Deno.SeekMode.Start);
    for (let filled = 0; filled < rowBytes;) filled += file.readSync(row.subarray(filled)) ?? rowBytes;
    // What a power cut takes lies at the end: once a row is whole, so are those before it.
    if (sha256Hex(row) === records[rows - 1]!.embedding) break;
    rows--;
  }
  return rows;
}

/** What is recorded of an embedding besides its text and hash. */
type Counts = Omit<Encoded, "embedding">;

/** Of a text that was embedded as it is, and whole. */
const PLAIN: Counts = {
  rationales: [],
  rationaleTokens: 0,
  truncatedRationales: 0,
  truncatedPrompt: false,
};

function isPlain({ rationales, rationaleTokens, truncatedRationales, truncatedPrompt }: Counts): boolean {
  return rationales.length === 0 && rationaleTokens === 0 && truncatedRationales === 0 && !truncatedPrompt;
}

/** A folder's embeddings: what is recorded of each is in memory, the vectors are read when they are asked for. */
export interface StoredEmbeddings {
  /** Digest of the encoder that made them. */
  readonly encoder: string;
  readonly dimension: number;
  /** Prompts of that encoder. */
  readonly prompts?: EncoderPrompts;
  /** Distinct texts, each counted once for every prompt. */
  readonly size: number;
  /** Whether there is a result for a text behind a prompt. */
  has(text: string, prompt?: string): boolean;
  /** The result for a text behind a prompt. Throws MissingError if there is none. */
  get(text: string, prompt?: string): Encoded;
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
  const rowOf = new Map<string, number>(), counts: Counts[] = [];
  for (const { text, prompt = "", embedding, ...counted } of records) {
    const row = counts.length;
    if (sha256Hex(vectors.bytes(row)) !== embedding) {
      throw new UsageError(
        `"${folder}/${EMBEDDINGS}" row ${row} is not what was recorded`,
        "the file was changed; evaluate into another folder",
      );
    }
    rowOf.set(keyOf(text, prompt), row);
    // Of a corpus that was read without rationales, millions of records say the same.
    counts.push(isPlain(counted) ? PLAIN : counted);
  }
  const prompts = header["prompts"];
  return {
    encoder: String(header["encoder"]),
    dimension,
    ...prompts !== undefined && { prompts: JSON.parse(String(prompts)) },
    size: rowOf.size,
    has: (text, prompt) => rowOf.has(textKey(text, prompt)),
    get(text, prompt) {
      const row = rowOf.get(textKey(text, prompt));
      if (row !== undefined) {
        return {
          ...counts[row]!,
          get embedding() {
            return vectors.row(row);
          },
        };
      }
      throw new MissingError(
        `"${folder}" has no embedding of "${text.slice(0, 60)}"`,
        "the evaluation was not finished, or was of another suite: run it again on this folder",
      );
    },
  };
}
