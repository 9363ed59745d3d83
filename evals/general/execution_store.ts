/**
 * How programs ended, on disk (`executions.jsonl`), keyed by the program and written one by one: a program is run once, and a
 * score can be computed again without running it.
 *
 * @module
 */
import { MissingError } from "#errors";
import type { JournalWriter } from "../../lib/journal/append.ts";
import { sha256Hex } from "../../lib/manifest/hash.ts";
import { appendRecords, openLog, readLog } from "../record_log.ts";
import type { Ending } from "./sandbox/messages.ts";

const FILE = "executions.jsonl";
const SCHEMA = "grace-executions/1";

type ExecutionRecord = { readonly program: string } & Ending;

/** Appends endings to a folder. */
export class ExecutionStore implements Disposable {
  readonly #records: JournalWriter;
  readonly #known: Set<string>;

  private constructor(records: JournalWriter, known: Set<string>) {
    this.#records = records;
    this.#known = known;
  }

  /**
   * Opens or creates the store of a folder.
   *
   * @param sandbox version and limits of what runs the programs
   * @throws UsageError if the folder's programs ran in another sandbox, or records are damaged
   */
  static open(folder: string, sandbox: string): ExecutionStore {
    const { writer, records } = openLog<ExecutionRecord>(`${folder}/${FILE}`, { schema: SCHEMA, sandbox });
    return new ExecutionStore(writer, new Set(records.map(({ program }) => program)));
  }

  /** Whether this program was run. */
  has(program: string): boolean {
    return this.#known.has(sha256Hex(program));
  }

  /** Stores how a program ended, and returns once it is on the disk. */
  add(program: string, ending: Ending): void {
    const key = sha256Hex(program);
    appendRecords(this.#records, [{ program: key, ...ending }]);
    this.#known.add(key);
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#records[Symbol.dispose]();
  }
}

/** How a program ended, by its text. Throws MissingError if it was not run. */
export type StoredExecutions = (program: string) => Ending;

/**
 * Reads a folder's endings.
 *
 * @throws MissingError if the folder holds none
 */
export function readExecutions(folder: string): StoredExecutions {
  const { records } = readLog<ExecutionRecord>(`${folder}/${FILE}`, SCHEMA);
  const byProgram = new Map(records.map(({ program, ...ending }) => [program, ending as Ending]));
  return (program) => {
    const ending = byProgram.get(sha256Hex(program));
    if (ending !== undefined) return ending;
    throw new MissingError(
      `"${folder}" does not say how a program ended`,
      "the evaluation was not finished, or was of another suite: run it again on this folder",
    );
  };
}
