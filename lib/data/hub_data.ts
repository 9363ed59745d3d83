/**
 * Data sets in the hub's cache on this machine: what `grace-repro pull` or another program has downloaded. Nothing is downloaded
 * here, and no revision stands in for another.
 *
 * @module
 */
import { join } from "node:path";
import { MissingError } from "#errors";
import { cachedCommits, cacheFolder, findSnapshot, type Snapshot } from "../hub/cache.ts";
import { pullCommand, type Repo } from "../hub/repo.ts";
import { type CardConfig, parseCard } from "./card.ts";
import { filesOfSplit, missingShards, type SplitQuery } from "./hub_layout.ts";

/** A file, and what records call it: "<owner>/<name>@<commit, 12 digits>/<path>". */
export interface PlacedFile {
  readonly path: string;
  readonly label: string;
}

/** Files of a split in the cache. */
export interface CachedSplit {
  readonly files: readonly PlacedFile[];
  /** False if a column says which subset a row is of. */
  readonly ofSubset: boolean;
}

interface DataSet {
  readonly snapshot: Snapshot;
  readonly paths: readonly string[];
  readonly card: readonly CardConfig[];
}

/** Reader of the hub's cache. */
export class HubData {
  readonly #sets = new Map<string, Promise<DataSet | undefined>>();

  readonly #cache: string | undefined;

  /** @param cache its folder, looked into only when something is asked for; where the hub's libraries have it if undefined */
  constructor(cache?: string) {
    this.#cache = cache;
  }

  /** Folder of the cache. */
  get cache(): string {
    return this.#cache ?? cacheFolder();
  }

  /**
   * The files of a split.
   *
   * @param id "<owner>/<name>", with a subset behind it where a data set is kept in parts: "lukaemon/bbh/navigate"
   * @param revision the commit that is needed; undefined for the branch `main`, as it was when it was pulled
   * @returns undefined if the data set, or this split of it, is not in the cache
   * @throws MissingError if only some files of the split are there
   */
  async find(id: string, revision: string | undefined, query: SplitQuery): Promise<CachedSplit | undefined> {
    const { repo, subset } = repoOf(id, revision);
    const set = await this.#open(repo);
    const found = set &&
      filesOfSplit(repo.id, set.paths, set.card, { ...query, subset: query.subset ?? subset });
    if (found === undefined) return undefined;
    const { folder, commit } = set!.snapshot;
    const [missing] = missingShards(found.paths);
    if (missing !== undefined) {
      throw new MissingError(
        `"${missing}" of "${repo.id}" at ${
          commit.slice(0, 12)
        } is not in the hub's cache, other files of the split are`,
        `complete it: ${pullCommand(repo)}`,
      );
    }
    return {
      ofSubset: found.ofSubset,
      files: found.paths.map((path) => ({
        path: join(folder, path),
        label: `${repo.id}@${commit.slice(0, 12)}/${path}`,
      })),
    };
  }

  /** The commit of a data set that would be read; undefined if none is in the cache. */
  commitOf(id: string, revision: string | undefined): string | undefined {
    return findSnapshot(repoOf(id, revision).repo, this.cache)?.commit;
  }

  /**
   * What a data set in the cache has, where a split is not among it: "\"o/n\" at 0123456789ab is in the hub's cache, and has no split
   * \"dev\"; its parts: a, b"; undefined if the data set is not there.
   */
  async lacking(id: string, revision: string | undefined, query: SplitQuery): Promise<string | undefined> {
    const { repo, subset = query.subset } = repoOf(id, revision), set = await this.#open(repo);
    if (set === undefined) return undefined;
    const of = subset === undefined ? "" : ` of "${subset}"`, parts = set.card.map(({ name }) => name);
    return `"${repo.id}" at ${
      set.snapshot.commit.slice(0, 12)
    } is in the hub's cache, but what was pulled has no ${
      query.judgements ? "judgements of the " : ""
    }split "${query.split}"${of}` + (parts.length > 1 ? `; its parts: ${parts.join(", ")}` : "");
  }

  /** What to do about a data set that is not there: the command that downloads it. */
  cure(id: string, revision: string | undefined): string {
    const { repo } = repoOf(id, revision);
    const others = cachedCommits(repo, this.cache);
    return `download it, once: ${pullCommand(repo)}` +
      (others.length === 0
        ? ""
        : ` (in the cache is ${others.map((one) => one.slice(0, 12)).join(", ")}, which is not asked for)`);
  }

  #open(repo: Repo): Promise<DataSet | undefined> {
    const key = `${repo.id}@${repo.revision ?? ""}`;
    let set = this.#sets.get(key);
    if (!set) this.#sets.set(key, set = this.#read(repo));
    return set;
  }

  async #read(repo: Repo): Promise<DataSet | undefined> {
    const snapshot = findSnapshot(repo, this.cache);
    if (snapshot === undefined) return undefined;
    const paths = filesBelow(snapshot.folder), readme = join(snapshot.folder, "README.md");
    const card = paths.includes("README.md") ? await parseCard(await Deno.readTextFile(readme), readme) : [];
    return { snapshot, paths, card };
  }
}

/** The repository that holds a data set, and the part of it that the id names. */
export function repoOf(id: string, revision: string | undefined): { repo: Repo; subset?: string } {
  const [owner, name, ...rest] = id.split("/");
  const repo: Repo = { type: "dataset", id: `${owner}/${name}`, ...revision !== undefined && { revision } };
  return { repo, ...rest.length > 0 && { subset: rest.join("/") } };
}

/** Paths of all files in a folder and its folders, links to files among them. */
function filesBelow(folder: string, prefix = ""): string[] {
  return [...Deno.readDirSync(join(folder, prefix))].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesBelow(folder, `${prefix}${name}/`) : [`${prefix}${name}`]
  );
}
