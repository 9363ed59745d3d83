/**
 * Continuations and likelihoods on disk (`generations.jsonl`), keyed by the request, written as they are made, in the order in
 * which they were asked for.
 *
 * @module
 */
import { MissingError, NumericError } from "#errors";
import { isFile } from "../lib/files.ts";
import { sha256Hex } from "../lib/manifest/hash.ts";
import type { JournalWriter } from "../lib/journal/append.ts";
import type { Generation, GenerationRequest, Likelihood, LikelihoodRequest } from "./encoder.ts";
import { EarlyLog, type RecordForm } from "./early_log.ts";
import { appendRecords, openLog, readLog } from "./record_log.ts";

const FILE = "generations.jsonl";
const SCHEMA = "grace-generations/1";

const AS_IT_IS: RecordForm<Generation | Likelihood> = {
  write: (answer) => ({ ...answer }),
  read: (record) => record as Generation | Likelihood,
};

type GenerationRecord = { readonly request: string } & (Generation | Likelihood);

/** Something asked of a generator. */
export type ModelRequest = GenerationRequest | LikelihoodRequest;

/** SHA-256 that identifies a request. */
export function requestKey(request: ModelRequest): string {
  return sha256Hex(
    JSON.stringify(
      "prompt" in request
        ? ["generate", request.prompt, request.stops, request.maxNewTokens, ...drawn(request)]
        : ["likelihood", request.context, request.continuation],
    ),
  );
}

/** What tells a sampled answer from the greedy one, and from others to the same prompt. */
function drawn({ sampling }: GenerationRequest): number[] {
  return sampling ? [sampling.temperature, sampling.topP, sampling.seed, sampling.sample] : [];
}

/** Appends a generator's answers to a folder. */
export class GenerationStore implements Disposable {
  readonly #records: JournalWriter;
  readonly #known: Set<string>;
  /** Answers whose turn has not come, by {@linkcode requestKey}. */
  readonly early: EarlyLog<Generation | Likelihood>;

  private constructor(
    records: JournalWriter,
    known: Set<string>,
    early: EarlyLog<Generation | Likelihood>,
  ) {
    this.#records = records;
    this.#known = known;
    this.early = early;
  }

  /**
   * Opens or creates the store of a folder.
   *
   * @throws UsageError if the folder holds another generator's answers, or damaged records
   */
  static open(folder: string, digest: string): GenerationStore {
    const header = { schema: SCHEMA, generator: digest };
    const path = `${folder}/${FILE}`;
    const { writer, records } = openLog<GenerationRecord>(path, header);
    const known = new Set(records.map((record) => record.request));
    return new GenerationStore(writer, known, EarlyLog.open(path, header, AS_IT_IS));
  }

  /** Whether this request is answered. */
  has(request: ModelRequest): boolean {
    return this.#known.has(requestKey(request));
  }

  /**
   * Stores answers, one per request, and returns once they are on the disk.
   *
   * @throws NumericError if a log-probability is NaN or above 0
   * @throws Error if the generator broke its contract (count)
   */
  add(requests: readonly ModelRequest[], answers: readonly (Generation | Likelihood)[]): void {
    if (answers.length !== requests.length) {
      throw new Error(`the generator returned ${answers.length} results for ${requests.length} requests`);
    }
    const records = requests.map((request, i): GenerationRecord => {
      const answer = answers[i]!;
      if ("logProb" in answer && !(answer.logProb <= 1e-6 && answer.logProb > -Infinity)) {
        throw new NumericError(
          `the model gave the log-probability ${answer.logProb}`,
          "check the model's weights and the device with the doctor command",
        );
      }
      return { request: requestKey(request), ...answer };
    });
    appendRecords(this.#records, records);
    for (const record of records) this.#known.add(record.request);
  }

  /** Closes the files. */
  [Symbol.dispose](): void {
    this.#records[Symbol.dispose]();
    this.early[Symbol.dispose]();
  }
}

/** A folder's answers in memory. */
export interface StoredGenerations {
  /** Digest of the generator that made them. */
  readonly generator: string;
  /** The answer to a request. Throws MissingError if there is none. */
  generation(request: GenerationRequest): Generation;
  /** The answer to a request. Throws MissingError if there is none. */
  likelihood(request: LikelihoodRequest): Likelihood;
}

/**
 * Reads a folder's answers.
 *
 * @throws MissingError if the folder holds none
 */
export function readGenerations(folder: string): StoredGenerations {
  const { header, records } = readLog<GenerationRecord>(`${folder}/${FILE}`, SCHEMA);
  const byRequest = new Map(records.map((record) => [record.request, record]));
  const find = (request: ModelRequest) => {
    const found = byRequest.get(requestKey(request));
    if (found !== undefined) return found;
    throw new MissingError(
      `"${folder}" has no answer to "${("prompt" in request ? request.prompt : request.context).slice(-60)}"`,
      "the evaluation was not finished, or was of another suite: run it again on this folder",
    );
  };
  return {
    generator: String(header["generator"]),
    generation: (request) => find(request) as GenerationRecord & Generation,
    likelihood: (request) => find(request) as GenerationRecord & Likelihood,
  };
}

/**
 * Texts of a folder's written answers.
 *
 * @param keys {@linkcode requestKey} of those that are wanted
 * @returns those of them that are there; none if the folder holds no answers
 */
export function writtenAnswers(folder: string, keys: ReadonlySet<string>): Map<string, string> {
  const path = `${folder}/${FILE}`, found = new Map<string, string>();
  if (keys.size === 0 || !isFile(path)) return found;
  for (const record of readLog<GenerationRecord>(path, SCHEMA).records) {
    if (keys.has(record.request) && "text" in record) found.set(record.request, record.text);
  }
  return found;
}
