/**
 * One writer for each content of the cache, among processes and together with Python's huggingface_hub, which takes the same
 * lock (flock) on the same file. The system releases it when its holder dies, however that happens; the file stays.
 *
 * @module
 */
import { dirname } from "node:path";

/** How often a lock that somebody else holds is asked for. */
const POLL_MS = 100;

/**
 * Waits for a lock and takes it.
 *
 * @param onWait called once if somebody else holds it
 */
export async function takeBlobLock(
  path: string,
  { signal, onWait }: { signal?: AbortSignal | undefined; onWait?: (() => void) | undefined } = {},
): Promise<Disposable> {
  Deno.mkdirSync(dirname(path), { recursive: true });
  const file = Deno.openSync(path, { create: true, write: true });
  try {
    for (let waited = false; !file.tryLockSync(true); waited = true) {
      if (!waited) onWait?.();
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      signal?.throwIfAborted();
    }
  } catch (error) {
    file.close();
    throw error;
  }
  return {
    [Symbol.dispose]: () => {
      file.unlockSync();
      file.close();
    },
  };
}
