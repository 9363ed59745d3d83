import { join } from "node:path";
import { MissingError } from "#errors";
import { assert } from "#test";
import { scoredFolders } from "./compare.ts";

/** Makes folders below a temporary one, which is removed afterwards. */
function withFolders(paths: readonly string[], test: (root: string) => void): void {
  const root = Deno.makeTempDirSync();
  try {
    for (const path of paths) Deno.mkdirSync(join(root, path), { recursive: true });
    test(root);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
}

Deno.test("scoredFolders() gives every arm of a run, in the order of the table", () => {
  withFolders(["a/scores/grace/scores", "a/scores/base/scores", "a/scores/cl/scores"], (root) => {
    const found = scoredFolders([join(root, "a")]);
    assert.deepEqual(found.map(({ name }) => name), ["base", "cl", "grace"]);
    assert.equal(found[2]!.folder, join(root, "a/scores/grace"));
  });
});

Deno.test("scoredFolders() tells arms of several runs apart, and takes evaluations as they are", () => {
  withFolders(["a/scores/base/scores", "b/scores/base/scores", "c/scores"], (root) => {
    const found = scoredFolders(["a", "b", "c/"].map((name) => `${root}/${name}`));
    assert.deepEqual(found.map(({ name }) => name), ["a/base", "b/base", "c"]);
    assert.equal(found[2]!.folder, `${root}/c/`);
  });
});

Deno.test("scoredFolders() refuses a folder without scores", () => {
  withFolders(["a"], (root) => {
    assert.throws(() => scoredFolders([join(root, "a")]), MissingError);
    assert.throws(() => scoredFolders([join(root, "nowhere")]), MissingError);
  });
});
