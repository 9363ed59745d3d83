/**
 * Data sets in a local folder (`--data-root DIR`), laid out like the Hugging Face hub:
 *
 *     <data set id>/<split>.jsonl.gz        or <split>.jsonl
 *     <data set id>/<subset>/<split>.jsonl.gz     of a data set in several languages; or <split>.jsonl.gz with a column `lang`
 *     <data set id>/corpus.jsonl.gz, queries.jsonl.gz, qrels/<split>.tsv     for retrieval; or qrels/<split>.jsonl.gz
 *     index.json                            optional: a list of {id, partial, mteb_revision, ...}
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
import { idColumn, integerColumn, type RowSource, stringColumn } from "./columns.ts";

/** Rows of one file with the file's identity. */
export interface Split<T> {
  readonly rows: readonly T[];
  readonly file: DataFile;
}

/** One relevance judgement. */
export interface Judgement {
  /** 1-based line in its file. */
  readonly line: number;
  readonly query: string;
  readonly document: string;
  /** Whole number; 0 or less means judged and not relevant. */
  readonly relevance: number;
}

/** What to read of a data set. */
export interface SplitOptions {
  /** Part of a data set in several languages, such as "en". */
  readonly subset?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What `index.json` may say of a data set. */
interface IndexEntry {
  readonly id: string;
  readonly partial?: boolean;
  readonly mteb_revision?: string;
}

/** Reader of a mirror folder and of the program's own. */
export class Mirror {
  readonly #index = new Map<string, Promise<ReadonlyMap<string, IndexEntry>>>();

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
   * @throws MissingError with the paths looked at if no file of the split is there
   * @throws UsageError with task, file and row if the split (or the subset of it) holds no row, a row is not what it should be,
   *   or the file is damaged
   */
  async split<T>(
    task: string,
    id: string,
    split: string,
    parse: (row: JsonlRow, source: RowSource) => T,
    { subset, signal }: SplitOptions = {},
  ): Promise<Split<T>> {
    const label = await this.#find(task, id, splitFiles(split, subset));
    const rows: T[] = [];
    const source = { task, file: label };
    // A file of all languages says in every row which one it is of.
    const ofSubset = subset === undefined || label.startsWith(`${id}/${subset}/`)
      ? () => true
      : (row: JsonlRow) => stringColumn(row, "lang", source) === subset;
    const read = readJsonl(this.pathOf(label), (row) => {
      if (ofSubset(row)) rows.push(parse(row, source));
    }, { label, signal });
    const file = await naming(task, read);
    if (rows.length === 0) {
      throw new UsageError(
        `${task}: "${label}" holds no rows${file.rows === 0 ? "" : ` of the subset "${subset}"`}`,
        "fetch the data set again",
      );
    }
    return { rows, file };
  }

  /**
   * Reads relevance judgements: `qrels/<split>.tsv`, a header, then query id, document id and relevance separated by tabs, or
   * `qrels/<split>.jsonl`, rows of `query-id`, `corpus-id` and `score`.
   *
   * @throws MissingError if neither is there
   * @throws UsageError with task, file and row if a judgement has not three parts, its relevance is not a whole number, or two
   *   contradict each other
   */
  async judgements(task: string, id: string, split: string): Promise<Split<Judgement>> {
    const label = await this.#find(task, id, judgementFiles(split));
    const known = new Map<string, Judgement>();
    const add = (judgement: Judgement) => {
      const key = JSON.stringify([judgement.query, judgement.document]);
      const other = known.get(key);
      if (other !== undefined && other.relevance !== judgement.relevance) {
        throw new UsageError(
          `${task}: "${label}" line ${judgement.line} gives document "${judgement.document}" for query ` +
            `"${judgement.query}" the relevance ${judgement.relevance}, line ${other.line} ${other.relevance}`,
          "fetch the data set again",
        );
      }
      if (other === undefined) known.set(key, judgement);
    };
    const read = label.endsWith(".tsv")
      ? readLines(this.pathOf(label), (text, line) => {
        if (line > 1) add(parseJudgement(text, { task, file: label }, line));
      }, { label })
      : readJsonl(this.pathOf(label), (row) => {
        const source = { task, file: label };
        add({
          line: row.line,
          query: idColumn(row, "query-id", source),
          document: idColumn(row, "corpus-id", source),
          relevance: integerColumn(row, "score", source, -1000, 1000),
        });
      }, { label });
    const file = await naming(task, read);
    const rows = [...known.values()];
    if (rows.length === 0) {
      throw new UsageError(`${task}: "${label}" holds no judgements`, "fetch the data set again");
    }
    return { rows, file: { ...file, rows: rows.length } };
  }

  /** Whether a file of the split is there; its content is not looked at. */
  async hasSplit(id: string, split: string, subset?: string): Promise<boolean> {
    return await this.#first(id, splitFiles(split, subset)) !== undefined;
  }

  /** Whether a file of relevance judgements is there. */
  async hasJudgements(id: string, split: string): Promise<boolean> {
    return await this.#first(id, judgementFiles(split)) !== undefined;
  }

  /** Whether the folder's `index.json` says that it holds only a part of this data set. */
  async isPartial(id: string): Promise<boolean> {
    return (await this.#entry(id))?.partial === true;
  }

  /** Revision of the data set on the hub that the folder's `index.json` says this is; undefined if it does not say. */
  async revisionOf(id: string): Promise<string | undefined> {
    return (await this.#entry(id))?.mteb_revision;
  }

  #rootOf(id: string): string {
    if (isEmbedded(id)) return this.embedded;
    if (this.root !== undefined) return this.root;
    throw new MissingError(
      `no folder with data sets is given, and "${id}" is not built in`,
      "name it with --data-root or GRACE_DATA_ROOT: it is laid out as <owner>/<name>/<split>.jsonl.gz",
    );
  }

  async #entry(id: string): Promise<IndexEntry | undefined> {
    const root = this.#rootOf(id);
    let index = this.#index.get(root);
    if (!index) this.#index.set(root, index = this.#readIndex(root));
    return (await index).get(id);
  }

  async #readIndex(root: string): Promise<ReadonlyMap<string, IndexEntry>> {
    let text: string;
    try {
      text = await Deno.readTextFile(`${root}/index.json`);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return new Map();
      throw error;
    }
    try {
      const list = JSON.parse(text) as IndexEntry[];
      return new Map(list.map((entry) => [entry.id, entry]));
    } catch (cause) {
      throw new UsageError(
        `"${root}/index.json" is not a JSON list of {id, partial}`,
        "correct or remove the file",
        { cause },
      );
    }
  }

  /** Label of the first of these files that is there. */
  async #first(id: string, names: readonly string[]): Promise<string | undefined> {
    if (this.root === undefined && !isEmbedded(id)) return undefined;
    for (const name of names) {
      try {
        await Deno.stat(this.pathOf(`${id}/${name}`));
        return `${id}/${name}`;
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
    return undefined;
  }

  async #find(task: string, id: string, names: readonly string[]): Promise<string> {
    this.#rootOf(id);
    const found = await this.#first(id, names);
    if (found !== undefined) return found;
    throw new MissingError(
      `${task}: data set "${id}" not found: looked for ${
        names.map((name) => `"${this.pathOf(`${id}/${name}`)}"`).join(" and ")
      }`,
      isEmbedded(id)
        ? "restore fixtures/tiny/data: it is part of the program"
        : `fetch "${id}" and store it as ${id}/${
          names[1] ?? names[0]
        } below the folder given with --data-root`,
    );
  }
}

/** Files that may hold a split, the preferred one first. */
function splitFiles(split: string, subset: string | undefined): string[] {
  const folders = subset === undefined ? [""] : [`${subset}/`, ""];
  return folders.flatMap((folder) => [`${folder}${split}.jsonl.gz`, `${folder}${split}.jsonl`]);
}

/** Files that may hold relevance judgements, the preferred one first. */
function judgementFiles(split: string): string[] {
  return ["tsv", "jsonl.gz", "jsonl"].map((ending) => `qrels/${split}.${ending}`);
}

function parseJudgement(text: string, { task, file }: RowSource, line: number): Judgement {
  const [query, document, relevance, ...more] = text.replace(/\r$/, "").split("\t");
  if (!query || !document || !/^-?\d+$/.test(relevance ?? "") || more.length > 0) {
    throw new UsageError(
      `${task}: "${file}" line ${line} is not "query id, document id, whole number": "${excerpt(text)}"`,
      "the file must be tab-separated with one header line",
    );
  }
  return { line, query, document, relevance: Number(relevance) };
}

/** What a file is read for stands in front of what is wrong with it. */
async function naming<T>(task: string, read: Promise<T>): Promise<T> {
  try {
    return await read;
  } catch (error) {
    if (!(error instanceof UsageError) || error.message.startsWith(`${task}: `)) throw error;
    throw new UsageError(`${task}: ${error.message}`, error.cure, { cause: error });
  }
}
