/**
 * Data sets in a local folder (`--data-root DIR`), laid out like the Hugging Face hub:
 *
 *     <data set id>/<split>.jsonl.gz        or <split>.jsonl, or <split>.parquet
 *     <data set id>/<subset>/<split>.jsonl.gz     of a data set in several languages; or <split>.jsonl.gz with a column `lang`
 *     <data set id>/corpus.jsonl.gz, queries.jsonl.gz, qrels/<split>.tsv     for retrieval; or qrels/<split>.jsonl.gz
 *     index.json                            optional: a list of {id, partial, mteb_revision, ...}
 *
 * The program's own data sets lie in such a folder too, and are always found there: ids below "tiny/" and "tiny-dev/". What the
 * folder does not hold, or where none is given, is looked for in the hub's cache on this machine (`grace-repro pull`), at the
 * revision that a task pins. Nothing is downloaded here, and no split or revision stands in for another.
 *
 * @module
 */
import { MissingError, UsageError } from "#errors";
import { isThere, readTextIfThere } from "../files.ts";
import type { DataFile } from "./data_file.ts";
import { EMBEDDED_DATA_FOLDER, isEmbedded, isUnpublished } from "./embedded.ts";
import { HubData, type PlacedFile } from "./hub_data.ts";
import type { SplitQuery } from "./hub_layout.ts";
import { excerpt, type JsonlRow, readLines, type Taker } from "./jsonl.ts";
import { readRows } from "./rows.ts";
import { sha256Hex } from "../manifest/hash.ts";
import { idColumn, integerColumn, type RowSource, stringColumn } from "./columns.ts";

/** Rows of a split with the identity of its file, or of its files as if they were one. */
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

/** Files of a split, in order. */
interface Located {
  readonly files: readonly PlacedFile[];
  /** False if a column says which subset a row is of. */
  readonly ofSubset: boolean;
}

/** What `index.json` may say of a data set. */
interface IndexEntry {
  readonly id: string;
  readonly partial?: boolean;
  readonly mteb_revision?: string;
}

/** Reader of a mirror folder, of the program's own, and of the hub's cache. */
export class Mirror {
  readonly #index = new Map<string, ReadonlyMap<string, IndexEntry>>();
  /** A folder that was given and is not read, for errors. */
  #passedOver: string | undefined;

  /**
   * @param root the folder; read only, and looked into only when something is asked for. Undefined where none is given:
   *   then there are the built-in data sets and those of the hub's cache
   * @param embedded folder of the built-in data sets
   * @param hub data sets of the hub's cache
   * @param revision commit of those that are needed; undefined for what their branch `main` was when it was pulled
   */
  constructor(
    readonly root: string | undefined,
    readonly embedded: string = EMBEDDED_DATA_FOLDER,
    readonly hub: HubData = new HubData(),
    readonly revision?: string,
  ) {}

  /** The same, but what comes from the hub's cache is of this revision. */
  at(revision: string | undefined): Mirror {
    return revision === this.revision ? this : new Mirror(this.root, this.embedded, this.hub, revision);
  }

  /** The same without the folder: what is there is not of the revision that is needed. */
  withoutRoot(): Mirror {
    const other = new Mirror(undefined, this.embedded, this.hub, this.revision);
    other.#passedOver = this.root;
    return other;
  }

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
    options: SplitOptions = {},
  ): Promise<Split<T>> {
    const rows: T[] = [];
    const take = (row: JsonlRow, source: RowSource) => void rows.push(parse(row, source));
    const file = await this.scan(task, id, split, take, options);
    return { rows, file };
  }

  /**
   * Reads one split row by row, and keeps none: {@linkcode Mirror.split} for a split of any size.
   *
   * @returns the identity of its file, or of its files as if they were one
   * @throws as {@linkcode Mirror.split} does
   */
  async scan(
    task: string,
    id: string,
    split: string,
    take: Taker<[row: JsonlRow, source: RowSource]>,
    { subset, signal }: SplitOptions = {},
  ): Promise<DataFile> {
    const { files, ofSubset } = await this.#find(task, id, { split, subset });
    const read: DataFile[] = [];
    let taken = 0;
    for (const { path, label } of files) {
      const source = { task, file: label };
      // A file of all languages says in every row which one it is of.
      const isWanted = ofSubset
        ? () => true
        : (row: JsonlRow) => stringColumn(row, "lang", source) === subset;
      const reading = readRows(path, (row) => {
        if (!isWanted(row)) return;
        taken++;
        return take(row, source);
      }, { label, signal });
      read.push(await naming(task, reading));
    }
    const file = asOne(read);
    if (taken === 0) {
      throw new UsageError(
        `${task}: "${file.path}" holds no rows${file.rows === 0 ? "" : ` of the subset "${subset}"`}`,
        "fetch the data set again",
      );
    }
    return file;
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
    const { files } = await this.#find(task, id, { split, judgements: true });
    const known = new Map<string, Judgement & { readonly label: string }>(), read: DataFile[] = [];
    for (const { path, label } of files) {
      const add = (judgement: Judgement) => {
        const key = JSON.stringify([judgement.query, judgement.document]);
        const other = known.get(key);
        if (other !== undefined && other.relevance !== judgement.relevance) {
          throw new UsageError(
            `${task}: "${label}" line ${judgement.line} gives document "${judgement.document}" for query ` +
              `"${judgement.query}" the relevance ${judgement.relevance}, ` +
              `${other.label === label ? "" : `"${other.label}" `}line ${other.line} ${other.relevance}`,
            "fetch the data set again",
          );
        }
        if (other === undefined) known.set(key, { ...judgement, label });
      };
      const reading = label.endsWith(".tsv")
        ? readLines(path, (text, line) => {
          const source = { task, file: label };
          if (line > 1) add(parseJudgement(text, source, line));
          else requireHeader(text, source);
        }, { label })
        : readRows(path, (row) => {
          const source = { task, file: label };
          add({
            line: row.line,
            query: idColumn(row, "query-id", source),
            document: idColumn(row, "corpus-id", source),
            relevance: integerColumn(row, "score", source, -1000, 1000),
          });
        }, { label });
      read.push(await naming(task, reading));
    }
    const rows = [...known.values()].map(({ label: _file, ...judgement }): Judgement => judgement);
    const file = asOne(read);
    if (rows.length === 0) {
      throw new UsageError(`${task}: "${file.path}" holds no judgements`, "fetch the data set again");
    }
    return { rows, file: { ...file, rows: rows.length } };
  }

  /** Whether a file of the split is there; its content is not looked at. */
  async hasSplit(id: string, split: string, subset?: string): Promise<boolean> {
    return await this.#locate(id, { split, subset }) !== undefined;
  }

  /** Whether a file of relevance judgements is there. */
  async hasJudgements(id: string, split: string): Promise<boolean> {
    return await this.#locate(id, { split, judgements: true }) !== undefined;
  }

  /** Whether the folder's `index.json` says that it holds only a part of this data set. */
  isPartial(id: string): boolean {
    return this.#isInFolder(id) && this.#entry(id)?.partial === true;
  }

  /**
   * Revision of the data set on the hub that the folder's `index.json` says this is, or that the hub's cache holds; undefined if
   * neither says.
   */
  revisionOf(id: string): string | undefined {
    return this.#isInFolder(id) ? this.#entry(id)?.mteb_revision : this.hub.commitOf(id, this.revision);
  }

  #rootOf(id: string): string {
    if (isEmbedded(id)) return this.embedded;
    if (this.root !== undefined) return this.root;
    if (this.#passedOver !== undefined) {
      throw new MissingError(
        `"${id}" at "${this.revision}" is not in the hub's cache, nor does "${this.#passedOver}" say that it has it`,
        `${this.hub.cure(id, this.revision)}; or, if it is in the folder, say so in its index.json: ` +
          JSON.stringify([{ id, mteb_revision: this.revision }]),
      );
    }
    throw new MissingError(
      `no folder with data sets is given, and "${id}" is not built in, nor in the hub's cache`,
      (isUnpublished(id) ? "" : `${this.hub.cure(id, this.revision)}; or `) +
        "name a folder with --data-root or GRACE_DATA_ROOT, laid out as <owner>/<name>/<split>.jsonl.gz",
    );
  }

  /** Whether the data set is built in, or below the root: by a folder, or by what the index says. */
  #isInFolder(id: string): boolean {
    if (isEmbedded(id)) return true;
    if (this.root === undefined) return false;
    return this.#entry(id) !== undefined || isThere(`${this.root}/${id}`);
  }

  #entry(id: string): IndexEntry | undefined {
    const root = this.#rootOf(id);
    let index = this.#index.get(root);
    if (!index) this.#index.set(root, index = this.#readIndex(root));
    return index.get(id);
  }

  #readIndex(root: string): ReadonlyMap<string, IndexEntry> {
    const text = readTextIfThere(`${root}/index.json`);
    if (text === undefined) return new Map();
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
  #first(id: string, names: readonly string[]): string | undefined {
    if (this.root === undefined && !isEmbedded(id)) return undefined;
    for (const name of names) {
      if (isThere(this.pathOf(`${id}/${name}`))) return `${id}/${name}`;
    }
    return undefined;
  }

  /** Files of a split: one below the root, or else those of the hub's cache. */
  async #locate(id: string, query: SplitQuery): Promise<Located | undefined> {
    const { subset } = query, label = this.#first(id, filesOf(query));
    if (label !== undefined) {
      const ofSubset = subset === undefined || label.startsWith(`${id}/${subset}/`);
      return { files: [{ path: this.pathOf(label), label }], ofSubset };
    }
    return isEmbedded(id) ? undefined : await this.hub.find(id, this.revision, query);
  }

  async #find(task: string, id: string, query: SplitQuery): Promise<Located> {
    const found = await this.#locate(id, query);
    if (found !== undefined) return found;
    const lacking = isEmbedded(id) ? undefined : await this.hub.lacking(id, this.revision, query);
    if (lacking !== undefined && this.root === undefined) {
      throw new MissingError(`${task}: ${lacking}`, this.hub.cure(id, this.revision));
    }
    this.#rootOf(id);
    const names = filesOf(query);
    throw new MissingError(
      `${task}: data set "${id}" not found: looked for ${
        names.map((name) => `"${this.pathOf(`${id}/${name}`)}"`).join(" and ")
      }${isEmbedded(id) ? "" : ", and in the hub's cache"}${lacking === undefined ? "" : `: ${lacking}`}`,
      isEmbedded(id)
        ? "restore fixtures/tiny/data: it is part of the program"
        : (isUnpublished(id)
          ? "no hub has it: make it"
          : `${this.hub.cure(id, this.revision)}; or fetch "${id}"`) +
          ` and store it as ${id}/${names[1] ?? names[0]} below the folder given with --data-root`,
    );
  }
}

/** Files of a mirror folder that may hold what is looked for, the preferred one first. */
function filesOf({ split, subset, judgements }: SplitQuery): string[] {
  return judgements ? judgementFiles(split) : splitFiles(split, subset);
}

const ENDINGS = ["jsonl.gz", "jsonl", "parquet"];

/** Files that may hold a split, the preferred one first. */
function splitFiles(split: string, subset: string | undefined): string[] {
  const folders = subset === undefined ? [""] : [`${subset}/`, ""];
  return folders.flatMap((folder) => ENDINGS.map((ending) => `${folder}${split}.${ending}`));
}

/** Files that may hold relevance judgements, the preferred one first. */
function judgementFiles(split: string): string[] {
  return ["tsv", ...ENDINGS].map((ending) => `qrels/${split}.${ending}`);
}

const JUDGEMENT = /^[^\t]+\t[^\t]+\t-?\d+\r?$/;

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

/** A first line that could be a judgement is one: it must not get lost. */
function requireHeader(text: string, { task, file }: RowSource): void {
  if (!JUDGEMENT.test(text)) return;
  throw new UsageError(
    `${task}: "${file}" line 1 is a judgement and no header: "${excerpt(text)}"`,
    "put a line with the names of the columns before it",
  );
}

/**
 * Several files as one: the digest is that of the lines that `sha256sum` prints of them, so that it changes if any of them does.
 */
function asOne(files: readonly DataFile[]): DataFile {
  const [first, ...more] = files;
  if (more.length === 0) return first!;
  const sum = (size: (file: DataFile) => number) => files.reduce((total, file) => total + size(file), 0);
  return {
    path: `${first!.path} and ${more.length} more`,
    bytes: sum((file) => file.bytes),
    sha256: sha256Hex(files.map(({ path, sha256 }) => `${sha256}  ${path}\n`).join("")),
    rows: sum((file) => file.rows),
  };
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
