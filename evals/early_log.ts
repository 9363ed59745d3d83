/**
 * Results that are finished before those that stand before them in a log. They are kept in a file beside it, `<log>.early.jsonl`,
 * until it is their turn, and the file is gone when all have had theirs: a kill takes nothing that was finished, and leaves no
 * trace in the log, which is in the order of the requests however often it was continued.
 *
 * @module
 */
import { isThere } from "../lib/files.ts";
import type { JournalWriter } from "../lib/journal/append.ts";
import { inOrder } from "../lib/rollout/in_order.ts";
import { type LogHeader, openLog } from "./record_log.ts";

/** How a result is written. */
export interface RecordForm<T> {
  write(result: T): object;
  read(record: object): T;
}

type EarlyRecord = { readonly key: string; readonly result: object };

/** The results that wait. */
export class EarlyLog<T> implements Disposable {
  readonly #path: string;
  readonly #header: LogHeader;
  readonly #form: RecordForm<T>;
  readonly #waiting = new Map<string, object>();
  #writer: JournalWriter | null = null;

  private constructor(path: string, header: LogHeader, form: RecordForm<T>) {
    this.#path = path;
    this.#header = header;
    this.#form = form;
  }

  /**
   * Opens the file beside a log if a kill left one; else there will be one when something has to wait.
   *
   * @param header that of the log
   * @throws UsageError if it belongs to another model, or is damaged before its last line
   */
  static open<T>(log: string, header: LogHeader, form: RecordForm<T>): EarlyLog<T> {
    const early = new EarlyLog(log.replace(/\.jsonl$/, ".early.jsonl"), header, form);
    if (isThere(early.#path)) early.#begin();
    return early;
  }

  /** The result that waits under a key. */
  get(key: string): T | undefined {
    const record = this.#waiting.get(key);
    return record && this.#form.read(record);
  }

  /** Keeps a result; it survives the death of the process from now on. */
  put(key: string, result: T): void {
    if (this.#writer === null) this.#begin();
    const record = this.#form.write(result);
    this.#writer!.append({ key, result: record } satisfies EarlyRecord);
  }

  /** Forgets all results, and removes the file: they are in the log. */
  clear(): void {
    this[Symbol.dispose]();
    this.#waiting.clear();
    if (isThere(this.#path)) Deno.removeSync(this.#path);
  }

  /** Closes the file, and leaves it where it is. */
  [Symbol.dispose](): void {
    this.#writer?.[Symbol.dispose]();
    this.#writer = null;
  }

  #begin(): void {
    const { writer, records } = openLog<EarlyRecord>(this.#path, this.#header);
    this.#writer = writer;
    for (const { key, result } of records) this.#waiting.set(key, result);
  }
}

/** A batch of requests whose results are stored in its order. */
export interface Turns<T> {
  /** Requests, by their place in the batch, that have no result yet. */
  readonly open: readonly number[];
  /** Takes the result of a request; once for each. */
  done(index: number, result: T): void;
}

/**
 * Gives the results of a batch to `add` in the order of the requests, whatever the order in which they are finished; meanwhile they
 * wait in the log of early ones. Those that wait there already are taken first.
 *
 * @param keys of the requests
 */
export function inTurn<T>(
  keys: readonly string[],
  early: EarlyLog<T>,
  add: (index: number, result: T) => void,
): Turns<T> {
  let added = 0;
  const emit = inOrder<T>((result, index) => {
    add(index, result);
    added = index + 1;
  });
  const open: number[] = [];
  for (const [i, key] of keys.entries()) {
    const result = early.get(key);
    if (result === undefined) open.push(i);
    else emit(i, result);
  }
  return {
    open,
    done(index, result) {
      emit(index, result);
      if (index >= added) early.put(keys[index]!, result);
    },
  };
}
