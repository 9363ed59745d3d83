/**
 * The files of a run's folder that may come from a stranger: nothing outside of it is read, nothing that never ends, and nothing
 * absurdly large into memory. Nothing is written.
 *
 * @module
 */
import { basename, join } from "node:path";
import { MissingError, UsageError } from "#errors";
import { isAbsent } from "../files.ts";
import { isLeftover } from "../journal/atomic.ts";
import { RunDocument } from "../journal/layout.ts";

/** Something in the folder. */
export interface RunEntry {
  /** Path inside the folder, with `/`. */
  readonly path: string;
  readonly kind: "file" | "folder" | "link" | "other";
  /** In bytes; 0 of what is no file. */
  readonly bytes: number;
}

/** Largest file that is read as one text. No file of a run that is read so comes near it. */
const MOST_BYTES = 500e6;

/** Files that are read in pieces. */
const IN_PIECES = /\.(f32|safetensors)$|(^|\/)(rationales|generations)\.jsonl$/;

/** Most entries of a folder, and how deep they lie: a run has hundreds, five deep. */
const MOST_ENTRIES = 100_000, DEEPEST = 12;

/** A run's folder, listed once. */
export class RunFiles {
  /** Where it is, without links. */
  readonly root: string;
  /** Its own name. */
  readonly name: string;
  readonly #entries = new Map<string, RunEntry>();

  private constructor(root: string) {
    this.root = root;
    this.name = basename(root);
    this.#list("", 0);
  }

  /**
   * Lists a run's folder.
   *
   * @throws {MissingError} if it is not there or not a run's
   */
  static open(path: string): RunFiles {
    let root: string;
    try {
      root = Deno.realPathSync(path);
      if (!Deno.statSync(root).isDirectory) throw new Deno.errors.NotADirectory("it is a file");
    } catch (cause) {
      const said = isAbsent(cause) ? "there is no run folder" : `cannot read (${(cause as Error).message})`;
      throw new MissingError(`${said} "${path}"`, "name the folder of a run, as run prints it", { cause });
    }
    const files = new RunFiles(root);
    if (files.entry(RunDocument.resolved) === undefined && files.entry(RunDocument.lock) === undefined) {
      throw new MissingError(
        `"${path}" holds neither ${RunDocument.resolved} nor ${RunDocument.lock}: it is not the folder of a run`,
        "name the folder of a run, as run prints it; eval --from checks the scores of an evaluation",
      );
    }
    return files;
  }

  #list(folder: string, depth: number): void {
    for (const { name } of Deno.readDirSync(join(this.root, folder))) {
      const path = folder === "" ? name : `${folder}/${name}`;
      if (this.#entries.size >= MOST_ENTRIES || depth >= DEEPEST) {
        throw new UsageError(
          `"${this.root}" holds more than ${MOST_ENTRIES} entries, or folders in each other more than ${DEEPEST} deep`,
          "name the folder of a run",
        );
      }
      const { isFile, isDirectory, isSymlink, size } = Deno.lstatSync(join(this.root, path));
      const kind = isFile ? "file" : isDirectory ? "folder" : isSymlink ? "link" : "other";
      this.#entries.set(path, { path, kind, bytes: isFile ? size : 0 });
      if (isDirectory) this.#list(path, depth + 1);
    }
  }

  /** What there is under a path; undefined if there is nothing. */
  entry(path: string): RunEntry | undefined {
    return this.#entries.get(path);
  }

  /** Everything below a folder of the run ("" for all), sorted by path. */
  below(folder: string): RunEntry[] {
    const start = folder === "" ? "" : `${folder}/`;
    return [...this.#entries.values()].filter(({ path }) => path.startsWith(start))
      .sort((a, b) => a.path < b.path ? -1 : 1);
  }

  /** Names of what lies in a folder of the run, sorted, without what an interrupted write left. */
  names(folder: string): string[] {
    const start = folder === "" ? 0 : folder.length + 1;
    return this.below(folder).map(({ path }) => path.slice(start))
      .filter((name) => !name.includes("/") && !isLeftover(name));
  }

  /** What is neither a file nor a folder: a run has none of these, and they are not followed. */
  strange(): RunEntry[] {
    return this.below("").filter(({ kind }) => kind === "link" || kind === "other");
  }

  /** Absolute path, for functions that read files themselves; what is there must be {@linkcode RunFiles.requirePlain}. */
  path(path: string): string {
    return join(this.root, path);
  }

  /**
   * Fails if something under a path, or above it, is neither a file nor a folder, or is too large to be read as one text.
   *
   * @param large files that are read in pieces
   * @throws {UsageError} naming it
   */
  requirePlain(path: string, large: RegExp = IN_PIECES): void {
    for (const entry of this.#entries.values()) {
      const isAbove = path === entry.path || path.startsWith(`${entry.path}/`);
      if (!isAbove && path !== "" && !entry.path.startsWith(`${path}/`)) continue;
      if (entry.kind === "link" || entry.kind === "other") {
        throw new UsageError(
          `"${entry.path}" is ${
            entry.kind === "link" ? "a link" : "neither file nor folder"
          }: it is not read`,
          "a run writes files and folders only; ask for the folder with its files in it",
        );
      }
      if (entry.bytes > MOST_BYTES && !large.test(entry.path)) {
        throw new UsageError(
          `"${entry.path}" has ${entry.bytes} bytes, more than the ${MOST_BYTES} that are read`,
          "no such file of a run is as large",
        );
      }
    }
  }

  /**
   * Text of a file.
   *
   * @throws {UsageError} if it is not there, is no file, or is too large
   */
  text(path: string): string {
    this.requirePlain(path);
    if (this.entry(path)?.kind !== "file") {
      throw new UsageError(`there is no "${path}"`, "restore it, or repeat the run");
    }
    return Deno.readTextFileSync(this.path(path));
  }
}
