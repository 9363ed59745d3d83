/**
 * A hub's cache for tests, with data sets that nobody downloaded.
 *
 * @module
 */
import { dirname } from "node:path";
import { HubData } from "./hub_data.ts";
import { Mirror } from "./mirror.ts";

/** Two commits of each data set: one that is asked for by its name, and that of the branch `main`. */
export const PINNED = "1".repeat(40), MAIN = "2".repeat(40);

/** A cache with snapshots of data sets: id@commit to its files; `refs/main` is the commit MAIN where it is there. */
export async function withCache(
  sets: Record<string, Record<string, string | Uint8Array>>,
  use: (mirror: Mirror, cache: string) => Promise<void>,
): Promise<void> {
  const cache = await Deno.makeTempDir();
  try {
    for (const [place, files] of Object.entries(sets)) {
      const [id, commit] = place.split("@");
      const folder = `${cache}/datasets--${id!.replace("/", "--")}`;
      for (const [path, content] of Object.entries(files)) {
        const at = `${folder}/snapshots/${commit}/${path}`;
        await Deno.mkdir(dirname(at), { recursive: true });
        await Deno.writeFile(at, typeof content === "string" ? new TextEncoder().encode(content) : content);
      }
      await Deno.mkdir(`${folder}/refs`, { recursive: true });
      if (commit === MAIN) await Deno.writeTextFile(`${folder}/refs/main`, MAIN);
    }
    await use(new Mirror(undefined, undefined, new HubData(cache)), cache);
  } finally {
    await Deno.remove(cache, { recursive: true });
  }
}
