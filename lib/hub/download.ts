/**
 * One file from the hub into the cache: continued where it broke off, and kept only if its hash is right.
 *
 * @module
 */
import { CheckFailedError, MissingError } from "#errors";
import type { HubConnection } from "./connection.ts";
import { ContentHash, hashPrefix } from "./content.ts";
import type { RemoteFile } from "./listing.ts";
import type { Asked } from "./refusal.ts";
import { storageError } from "./storage.ts";

/** What to download, and where to. */
export interface Download {
  readonly url: string;
  readonly file: RemoteFile;
  readonly asked: Asked;
  /** Where the content goes once it is whole; what has arrived of it lies beside it, as `<blob>.incomplete`. */
  readonly blob: string;
  readonly signal?: AbortSignal | undefined;
  /** Told how many bytes more have arrived, or are no longer counted as arrived. */
  readonly onBytes?: ((more: number) => void) | undefined;
  readonly onNote?: ((text: string) => void) | undefined;
}

/** How a download ended. */
export interface Downloaded {
  readonly sha256: string;
  /** Bytes that came over the network. */
  readonly received: number;
}

/**
 * Downloads a file. An incomplete one of an earlier attempt is continued, whoever made it.
 *
 * @throws CheckFailedError if the content is not what the hub lists; nothing of it is kept
 * @throws MissingError if the hub refuses, or the connection breaks again and again without anything arriving, or the disk is full
 */
export async function download(connection: HubConnection, job: Download): Promise<Downloaded> {
  const part = `${job.blob}.incomplete`;
  let done: Downloaded & { oid: string };
  try {
    done = await fill(connection, job, part);
  } catch (error) {
    if (error instanceof CheckFailedError) Deno.removeSync(part);
    throw storageError(part, error);
  }
  const { oid, sha256, received } = done;
  if (oid !== job.file.oid) {
    Deno.removeSync(part);
    throw new CheckFailedError(
      `"${job.file.path}" arrived with the hash ${oid}, the hub lists ${job.file.oid}; it was removed`,
      "give the same command again: the file is downloaded from its beginning; if that does not help, something between here and the hub alters it",
    );
  }
  Deno.renameSync(part, job.blob);
  return { sha256, received };
}

async function fill(
  connection: HubConnection,
  job: Download,
  part: string,
): Promise<Downloaded & { oid: string }> {
  const { url, file, asked, signal, onBytes } = job;
  using out = Deno.openSync(part, { read: true, write: true, create: true });
  let hash = new ContentHash(file), at = out.statSync().size, received = 0;
  const restart = () => {
    out.truncateSync(0);
    out.seekSync(0, Deno.SeekMode.Start);
    onBytes?.(-at);
    at = 0;
    hash = new ContentHash(file);
  };
  if (at > file.bytes) {
    at = 0;
    restart();
  } else {
    hashPrefix(out, at, hash);
    onBytes?.(at);
  }
  for (let failures = 0; at < file.bytes;) {
    signal?.throwIfAborted();
    const before = at;
    const response = await connection.request(url, asked, at === 0 ? {} : { range: `bytes=${at}-` });
    // A server that does not know ranges sends everything again.
    if (at > 0 && !continuesAt(response, at)) restart();
    const reader = response.body!.getReader();
    try {
      for (;;) {
        const { done, value } = await connection.within(reader.read()).catch((cause) => {
          throw new BrokenOff(cause);
        });
        if (done) break;
        if (at + value.length > file.bytes) {
          throw new CheckFailedError(
            `"${file.path}" is longer than the ${file.bytes} bytes that the hub lists`,
            "check HF_ENDPOINT: the file is not the one that was asked for",
          );
        }
        writeAll(out, value);
        hash.update(value);
        at += value.length;
        received += value.length;
        onBytes?.(value.length);
      }
    } catch (error) {
      await reader.cancel().catch(() => {});
      signal?.throwIfAborted();
      if (!(error instanceof BrokenOff)) throw error;
    }
    if (at >= file.bytes) break;
    failures = at > before ? 1 : failures + 1;
    if (failures >= connection.attempts) {
      throw new MissingError(
        `"${file.path}" broke off ${failures} times at byte ${at} of ${file.bytes}`,
        "check the network, then give the same command again: it continues there",
      );
    }
    await connection.pause(failures, `"${file.path}" broke off at byte ${at} of ${file.bytes}`);
  }
  out.syncSync();
  return { ...hash.digest(), received };
}

/** The connection ended before the file did. */
class BrokenOff extends Error {
  constructor(cause: unknown) {
    super("broken off", { cause });
  }
}

/** Whether the answer is what is missing of the file, and nothing else. */
function continuesAt(response: Response, at: number): boolean {
  if (response.status !== 206) return false;
  const start = /^bytes (\d+)-/.exec(response.headers.get("content-range") ?? "")?.[1];
  if (Number(start) === at) return true;
  throw new MissingError(
    `${new URL(response.url).origin} sent the bytes from ${
      start ?? "an unknown place"
    } where those from ${at} were asked for`,
    "check HF_ENDPOINT and proxies between here and the hub",
  );
}

function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
}
