/**
 * The cache of the hub's own libraries, shared with them file by file:
 *
 *     <cache>/models--<owner>--<name>/blobs/<oid>                    content: SHA-256 of large files, git's SHA-1 of others
 *                                     snapshots/<commit>/<path>      links into blobs/
 *                                     refs/<branch>                  the commit that a branch was at
 *                                     grace-repro/<commit>.json      ours: what was pulled, with SHA-256 of every file
 *     <cache>/.locks/models--<owner>--<name>/<oid>.lock              held while a blob is written
 *
 * What Python's huggingface_hub downloaded is found here, and it finds what is downloaded here.
 *
 * @module
 */
import { homedir } from "node:os";
import { join } from "node:path";
import { MissingError } from "#errors";
import { isFolder, namesIfThere, readTextIfThere } from "../files.ts";
import { DEFAULT_REVISION, isCommit, type Repo } from "./repo.ts";

/** Reads an environment variable; empty ones count as not set. */
export type Environment = (name: string) => string | undefined;

/** The environment of this process. */
export const processEnvironment: Environment = (name) => Deno.env.get(name) || undefined;

/** The user's home folder; null where HOME is not set and the system does not know the user, as in some containers. */
export type Home = () => string | null;

/**
 * Folder of the cache: `HF_HUB_CACHE`, else `HF_HOME`/hub, else where huggingface_hub has it.
 *
 * @throws {MissingError} if it would be in the home folder, and there is none
 */
export function cacheFolder(env: Environment = processEnvironment, home: Home = homedir): string {
  const named = env("HF_HUB_CACHE") ?? env("HUGGINGFACE_HUB_CACHE");
  return named === undefined ? join(hubHome(env, home), "hub") : expand(named, home);
}

/**
 * Folder of everything that the hub's libraries keep: `HF_HOME`, else huggingface/ in the user's cache.
 *
 * @throws {MissingError} if it would be in the home folder, and there is none
 */
export function hubHome(env: Environment = processEnvironment, home: Home = homedir): string {
  const cache = () => join(expand(env("XDG_CACHE_HOME") ?? "~/.cache", home), "huggingface");
  return expand(env("HF_HOME") ?? cache(), home);
}

/** A "~" that no shell has replaced. */
function expand(path: string, home: Home): string {
  if (path !== "~" && !path.startsWith("~/")) return path;
  const folder = home();
  if (!folder) {
    throw new MissingError(
      "there is no home folder, which the cache of models and data sets would be in",
      "set HF_HOME to the folder of that cache, or HOME",
    );
  }
  return join(folder, path.slice(1));
}

/** Paths of one repository in a cache. */
export class RepoCache {
  /** Such as "<cache>/models--Qwen--Qwen2.5-1.5B-Instruct". */
  readonly folder: string;
  readonly #locks: string;

  /** Looks at nothing yet. */
  constructor(cache: string, { type, id }: Repo) {
    const name = [`${type}s`, ...id.split("/")].join("--");
    this.folder = join(cache, name);
    this.#locks = join(cache, ".locks", name);
  }

  /** Content by its oid. */
  blob(oid: string): string {
    return join(this.folder, "blobs", oid);
  }

  /** Who holds it may write the blob. */
  lock(oid: string): string {
    return join(this.#locks, `${oid}.lock`);
  }

  /** Files of a commit under their names. */
  snapshot(commit: string): string {
    return join(this.folder, "snapshots", commit);
  }

  /** File that holds the commit of a branch or tag. */
  ref(revision: string): string {
    return join(this.folder, "refs", revision);
  }

  /** Our record of what was pulled of a commit. */
  record(commit: string): string {
    return join(this.folder, "grace-repro", `${commit}.json`);
  }
}

/** One commit of a repository on this machine, perhaps not all of its files. */
export interface Snapshot {
  readonly repo: Repo;
  readonly commit: string;
  readonly folder: string;
}

/** The revision of a repository that is in the cache; undefined if it is not. Nothing stands in for another revision. */
export function findSnapshot(repo: Repo, cache: string = cacheFolder()): Snapshot | undefined {
  const paths = new RepoCache(cache, repo), revision = repo.revision ?? DEFAULT_REVISION;
  const commit = isCommit(revision) ? revision : readTextIfThere(paths.ref(revision))?.trim();
  if (commit === undefined || !isCommit(commit)) return undefined;
  const folder = paths.snapshot(commit);
  return isFolder(folder) ? { repo, commit, folder } : undefined;
}

/** Commits of a repository that are in the cache. */
export function cachedCommits(repo: Repo, cache: string = cacheFolder()): string[] {
  const folder = join(new RepoCache(cache, repo).folder, "snapshots");
  return namesIfThere(folder).filter(isCommit).sort();
}
