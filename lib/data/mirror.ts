/**
 * Data sets in a local folder (`--data-root DIR`), laid out like the Hugging Face hub:
 *
 *     <data set id>/<split>.jsonl.gz        or <split>.jsonl
 *     <data set id>/corpus.jsonl.gz, queries.jsonl.gz, qrels/<split>.tsv     for retrieval
 *     index.json                            optional: a list of {id, partial, ...}
 *
 * The program's own data sets lie in such a folder too, and are always found there: ids below "tiny/" and "tiny-dev/".
 * Nothing is downloaded here, and no split stands in for another.
 *
 * @module
 */
import { MissingError, UsageError } from "#errors";
import type { DataFile } from "./data_file.ts";
import { EMBEDDED_DATA_FOLDER, isEmbedded } from "./embedded.ts";
import { excerpt, type JsonlRow, readJsonl, readLines } from "./jsonl.ts";
import type { RowSource } from "./columns.ts";

/** Rows of one file with the file's identity. */
export interface Split<T> {
  readonly rows: readonly T[];
  readonly file: DataFile;
}

/** One relevance judgement. */
export interface Judgement {
  readonly query: string;
  readonly document: string;
  /** Whole number; 0 or less means judged and not relevant. */
  readonly relevance: number;
}

/** Reader of a mirror folder and of the program's own. */
export class Mirror {
  readonly #partial = new Map<string, Promise<ReadonlySet<string>>>();

  /**
   * @param root the folder; read only, and looked into only when something is asked for. Undefined where none is given:
   *   then the built-in data sets are all there is
   * @param embedded folder of the built-in data sets
   */
  constructor(readonly root: string | undefined, readonly embedded: string = EMBEDDED_DATA_FOLDER) {}

  /**
   * Path of a file of a data set.
   *
   * @param label such as "mteb/banking77/test.jsonl.gz"
   * @throws MissingError if no folder with data sets is given, and the data set is not built in
   */
  pathOf(label: string): string {
    return `${this.#rootOf(label)}/${label}`;
  }

  /**
   * Reads one split through `parse`, which takes a row and its place and returns the typed row or throws.
   *
   * @param task what the data are for (for error messages)
   * @param id data set id, such as "mteb/banking77"
   * @param split name without extension, such as "test" or "corpus"
   * @throws MissingError with the paths looked at if neither `.jsonl.gz` nor `.jsonl` is there
   * @throws UsageError if the split holds no row, or a row is not what it should be
   */
  async split<T>(
    task: string,
    id: string,
    split: string,
    parse: (row: JsonlRow, source: RowSource) => T,
    options: { signal?: AbortSignal | undefined } = {},
  ): Promise<Split<T>> {
    const label = await this.#find(task, id, [`${split}.jsonl.gz`, `${split}.jsonl`]);
    const rows: T[] = [];
    const source = { task, file: label };
    const file = await readJsonl(this.pathOf(label), (row) => rows.push(parse(row, source)), {
      label,
      signal: options.signal,
    });
    if (rows.length === 0) {
      throw new UsageError(`${task}: "${label}" holds no rows`, "fetch the data set again");
    }
    return { rows, file };
  }

  /**
   * Reads `qrels/<split>.tsv`: a header, then query id, document id and relevance separated by tabs.
   *
   * @throws MissingError if the file is not there
   * @throws UsageError if a line has not three columns or the relevance is not a whole number
   */
  async judgements(task: string, id: string, split: string): Promise<Split<Judgement>> {
    const label = await this.#find(task, id, [`qrels/${split}.tsv`]);
    const rows: Judgement[] = [];
    const file = await readLines(this.pathOf(label), (text, line) => {
      if (line === 1) return;
      const [query, document, relevance, ...more] = text.replace(/\r$/, "").split("\t");
      if (!query || !document || !/^-?\d+$/.test(relevance ?? "") || more.length > 0) {
        throw new UsageError(
          `${task}: "${label}" line ${line} is not "query id, document id, whole number": "${excerpt(text)}"`,
          "the file must be tab-separated with one header line",
        );
      }
      rows.push({ query, document, relevance: Number(relevance) });
    }, { label });
    if (rows.length === 0) {
      throw new UsageError(`${task}: "${label}" holds no judgements`, "fetch the data set again");
    }
    return { rows, file: { ...file, rows: rows.length } };
  }

  /** Whether the folder's `index.json` says that it holds only a part of this data set. */
  async isPartial(id: string): Promise<boolean> {
    const root = this.#rootOf(id);
    let partial = this.#partial.get(root);
    if (!partial) this.#partial.set(root, partial = this.#readIndex(root));
    return (await partial).has(id);
  }

  #rootOf(id: string): string {
    if (isEmbedded(id)) return this.embedded;
    if (this.root !== undefined) return this.root;
    throw new MissingError(
      `no folder with data sets is given, and "${id}" is not built in`,
      "name it with --data-root or GRACE_DATA_ROOT: it is laid out as <owner>/<name>/<split>.jsonl.gz",
    );
  }

  async #readIndex(root: string): Promise<ReadonlySet<string>> {
    let text: string;
    try {
      text = await Deno.readTextFile(`${root}/index.json`);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return new Set();
      throw error;
    }
    try {
      const list = JSON.parse(text) as { id: string; partial?: boolean }[];
      return new Set(list.filter((entry) => entry.partial === true).map((entry) => entry.id));
    } catch (cause) {
      throw new UsageError(
        `"${root}/index.json" is not a JSON list of {id, partial}`,
        "correct or remove the file",
        { cause },
      );
    }
  }

  async #find(task: string, id: string, names: readonly string[]): Promise<string> {
    for (const name of names) {
      try {
        await Deno.stat(this.pathOf(`${id}/${name}`));
        return `${id}/${name}`;
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
    throw new MissingError(
      `${task}: data set "${id}" not found: looked for ${
        names.map((name) => `"${this.pathOf(`${id}/${name}`)}"`).join(" and ")
      }`,
      isEmbedded(id)
        ? "restore fixtures/tiny/data: it is part of the program"
        : `fetch "${id}" and store it as ${id}/${names.at(-1)} below the folder given with --data-root`,
    );
  }
}
