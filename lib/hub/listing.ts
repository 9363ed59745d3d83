/**
 * What a repository holds at a revision, as the hub's own library asks for it.
 *
 * The library is `@huggingface/hub` 2.17.5. Its downloads are not used: they start from the beginning after every interruption,
 * compare nothing with a hash, take no lock, and fetch all of a repository.
 *
 * @module
 */
import { MissingError, UsageError } from "#errors";
import type { HubConnection } from "./connection.ts";
import { DEFAULT_REVISION, isCommit, type Repo, repoText } from "./repo.ts";

/** A file of a repository at a commit. */
export interface RemoteFile {
  /** Path in the repository, with "/". */
  readonly path: string;
  readonly bytes: number;
  /** Name of its content in the cache: `sha256` of a large file, else git's SHA-1 of "blob", size and content. */
  readonly oid: string;
  /** What its content must hash to; the hub knows it of large files only. */
  readonly sha256?: string | undefined;
}

/** The commit that a revision is at now. */
export async function resolveCommit(connection: HubConnection, repo: Repo): Promise<string> {
  const { modelInfo, datasetInfo } = await import("@huggingface/hub");
  const query = {
    name: repo.id,
    revision: repo.revision ?? DEFAULT_REVISION,
    hubUrl: connection.endpoint,
    fetch: connection.fetching({ repo }),
  };
  const info = repo.type === "dataset"
    ? await datasetInfo({ ...query, additionalFields: ["sha"] })
    : await modelInfo({ ...query, additionalFields: ["sha"] });
  if (typeof info.sha !== "string" || !isCommit(info.sha)) {
    throw new MissingError(
      `${connection.endpoint} does not say which commit "${repoText(repo)}" is`,
      NOT_A_HUB,
    );
  }
  if (repo.revision !== undefined && isCommit(repo.revision) && info.sha !== repo.revision) {
    throw new MissingError(
      `${connection.endpoint} has the commit ${info.sha} where "${repoText(repo)}" was asked for`,
      NOT_A_HUB,
    );
  }
  return info.sha;
}

/** All files at a commit, sorted by path. */
export async function listRepo(
  connection: HubConnection,
  repo: Repo,
  commit: string,
): Promise<RemoteFile[]> {
  const { listFiles } = await import("@huggingface/hub");
  const files: RemoteFile[] = [];
  for await (
    const { type, path, size, oid, lfs } of listFiles({
      repo: { type: repo.type, name: repo.id },
      revision: commit,
      recursive: true,
      hubUrl: connection.endpoint,
      fetch: connection.fetching({ repo }),
    })
  ) {
    if (type !== "file") continue;
    requireInside(path, repo);
    const name = lfs?.oid ?? oid ?? "";
    if (!(lfs ? /^[0-9a-f]{64}$/ : /^[0-9a-f]{40}$/).test(name)) {
      throw new MissingError(`${connection.endpoint} does not give the hash of "${path}"`, NOT_A_HUB);
    }
    files.push({ path, bytes: lfs?.size ?? size, oid: name, ...lfs && { sha256: lfs.oid } });
  }
  return files.sort((a, b) => a.path < b.path ? -1 : 1);
}

/** Address of a file's content. */
export function contentUrl(connection: HubConnection, repo: Repo, commit: string, path: string): string {
  const name = path.split("/").map(encodeURIComponent).join("/");
  return `${connection.endpoint}/${
    repo.type === "dataset" ? "datasets/" : ""
  }${repo.id}/resolve/${commit}/${name}`;
}

const NOT_A_HUB = "check that HF_ENDPOINT, if it is set, is the Hugging Face hub or a faithful mirror of it";

/** Whoever names the files of a repository must not write beside it. */
function requireInside(path: string, repo: Repo): void {
  const parts = path.split("/");
  const odd = path.includes("\\") || /^[A-Za-z]:/.test(path) || path.includes("\0") ||
    parts.some((part) => part === "" || part === "." || part === "..");
  if (odd) {
    throw new UsageError(
      `"${repoText(repo)}" holds a file of the name ${
        JSON.stringify(path)
      }, which would lie outside of its folder`,
      "do not use this repository",
    );
  }
}
