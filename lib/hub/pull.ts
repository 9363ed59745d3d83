/**
 * Downloads what is needed of one revision of a repository into the cache of the hub's libraries.
 *
 * Killing it at any moment loses nothing that has arrived: every content is complete under its name or lies beside it as
 * `.incomplete`, and the branch is written last. What is there already is hashed again, so that a second pull is a check.
 *
 * @module
 */
import { dirname, join, relative } from "node:path";
import { infoIfThere, isFile } from "../files.ts";
import { writeFileAtomic } from "../journal/atomic.ts";
import { takeBlobLock } from "./blob_lock.ts";
import { RepoCache } from "./cache.ts";
import type { HubConnection } from "./connection.ts";
import { sha256IfIntact } from "./content.ts";
import { download } from "./download.ts";
import { contentUrl, listRepo, type RemoteFile, resolveCommit } from "./listing.ts";
import { readPullRecord } from "./pull_record.ts";
import { DEFAULT_REVISION, isCommit, type Repo, repoText } from "./repo.ts";
import { requireSpace, writing } from "./storage.ts";

/** What there is to choose from. */
export interface Listing {
  /** The repository as a person writes it, for messages. */
  readonly name: string;
  /** Paths of all files, sorted. */
  readonly paths: readonly string[];
  /** Downloads a small file and returns its content. */
  read(path: string): Promise<Uint8Array>;
}

/** Chooses the files to download, in the order in which they are. */
export type FileChoice = (listing: Listing) => Promise<readonly string[]>;

/** A file of a snapshot. */
export interface PulledFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** A repository that was pulled. */
export interface Pulled {
  readonly repo: Repo;
  readonly commit: string;
  /** Folder with the files under their names. */
  readonly folder: string;
  /** What was chosen, sorted by path. */
  readonly files: readonly PulledFile[];
  /** Bytes that came over the network. */
  readonly received: number;
}

/** How to pull. */
export interface PullOptions {
  readonly cache: string;
  readonly choose: FileChoice;
  readonly signal?: AbortSignal | undefined;
  /** Told of bytes that are in the cache, of all that were chosen. */
  readonly onProgress?: ((done: number, total: number, path: string) => void) | undefined;
  readonly onNote?: ((text: string) => void) | undefined;
}

/**
 * Pulls a repository.
 *
 * @throws MissingError if the hub refuses or cannot be reached, or the cache cannot be written
 * @throws CheckFailedError if a file is not what the hub lists
 */
export async function pull(connection: HubConnection, repo: Repo, options: PullOptions): Promise<Pulled> {
  const { cache, choose } = options;
  const commit = await resolveCommit(connection, repo);
  const listed = new Map((await listRepo(connection, repo, commit)).map((file) => [file.path, file]));
  const paths = new RepoCache(cache, repo), folder = paths.snapshot(commit);
  await writing(cache, () => {
    for (const one of [folder, dirname(paths.blob("x")), dirname(paths.record(commit))]) {
      Deno.mkdirSync(one, { recursive: true });
    }
  });
  const fetchFile = new FileFetcher(connection, repo, commit, paths, options);
  const chosen = await choose({
    name: repoText(repo),
    paths: [...listed.keys()],
    read: async (path) => {
      await fetchFile.get(listed.get(path)!);
      return Deno.readFileSync(join(folder, path));
    },
  });
  const files = [...new Set(chosen)].map((path) => listed.get(path)!);
  fetchFile.total = files.reduce((sum, file) => sum + file.bytes, 0);
  requireSpace(paths.folder, fetchFile.stillMissing(files));
  const pulled: PulledFile[] = [];
  for (const file of files) {
    pulled.push({ path: file.path, bytes: file.bytes, sha256: await fetchFile.get(file) });
  }
  pulled.sort((a, b) => a.path < b.path ? -1 : 1);
  const { revision = DEFAULT_REVISION } = repo, { endpoint } = connection;
  await writing(paths.folder, () => {
    const before = readPullRecord(paths.record(commit))?.files ?? [];
    const all = new Map([...before, ...pulled].map((file) => [file.path, file]));
    const record = {
      schema: "grace-pull/1",
      type: repo.type,
      id: repo.id,
      commit,
      endpoint,
      files: [...all.values()],
    };
    writeFileAtomic(paths.record(commit), JSON.stringify(record, null, 2) + "\n");
    if (isCommit(revision)) return;
    Deno.mkdirSync(dirname(paths.ref(revision)), { recursive: true });
    writeFileAtomic(paths.ref(revision), commit);
  });
  return { repo, commit, folder, files: pulled, received: fetchFile.received };
}

/** Brings the files of one commit into the cache, each once. */
class FileFetcher {
  readonly #done = new Map<string, string>();
  #bytes = 0;
  /** Bytes of all files that were chosen. */
  total = 0;
  /** Bytes that came over the network. */
  received = 0;

  constructor(
    readonly connection: HubConnection,
    readonly repo: Repo,
    readonly commit: string,
    readonly paths: RepoCache,
    readonly options: PullOptions,
  ) {}

  /** Bytes that are neither in the cache nor in an incomplete file of it. */
  stillMissing(files: readonly RemoteFile[]): number {
    const size = (path: string) => infoIfThere(path)?.size ?? 0;
    return files.reduce((sum, { oid, bytes }) => {
      const blob = this.paths.blob(oid);
      return sum + Math.max(0, bytes - Math.max(size(blob), size(`${blob}.incomplete`)));
    }, 0);
  }

  /** Has the file in the snapshot and returns its SHA-256. */
  async get(file: RemoteFile): Promise<string> {
    const known = this.#done.get(file.path);
    if (known !== undefined) return known;
    const blob = this.paths.blob(file.oid), link = join(this.paths.snapshot(this.commit), file.path);
    const sha256 = await writing(blob, () => this.#blob(file, blob));
    await writing(link, () => linkTo(blob, link));
    this.#done.set(file.path, sha256);
    return sha256;
  }

  async #blob(file: RemoteFile, blob: string): Promise<string> {
    const { connection, repo, commit, options: { signal, onNote } } = this;
    using _lock = await takeBlobLock(this.paths.lock(file.oid), {
      signal,
      onWait: () => onNote?.(`another process is downloading "${file.path}"; waiting for it`),
    });
    if (isFile(blob)) {
      const sha256 = sha256IfIntact(blob, file);
      if (sha256 !== undefined) {
        this.#count(file, file.bytes);
        return sha256;
      }
      onNote?.(`"${file.path}" in the cache is damaged; downloading it again`);
      Deno.removeSync(blob);
    }
    const url = contentUrl(connection, repo, commit, file.path);
    const { sha256, received } = await download(connection, {
      url,
      file,
      asked: { repo, file: file.path },
      blob,
      signal,
      onNote,
      onBytes: (more) => this.#count(file, more),
    });
    this.received += received;
    return sha256;
  }

  #count({ path }: RemoteFile, more: number): void {
    this.#bytes += more;
    // What is read in order to choose comes before the total is known.
    if (this.total > 0) this.options.onProgress?.(this.#bytes, this.total, path);
  }
}

/** Relative, so that the cache can be moved, and never half made. */
function linkTo(blob: string, link: string): void {
  Deno.mkdirSync(dirname(link), { recursive: true });
  const part = `${link}.part-${Deno.pid}`;
  Deno.symlinkSync(relative(dirname(link), blob), part);
  Deno.renameSync(part, link);
}
