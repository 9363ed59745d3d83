import { homedir } from "node:os";
import { assert } from "#test";
import { MissingError, UsageError } from "#errors";
import { cachedCommits, cacheFolder, findSnapshot, RepoCache } from "./cache.ts";
import { hubSettings } from "./connection.ts";
import { parseRepo } from "./repo.ts";

const environment = (values: Record<string, string>) => (name: string) => values[name];

Deno.test("cacheFolder() is where huggingface_hub looks", () => {
  const cases: [env: Record<string, string>, folder: string][] = [
    [{ HF_HUB_CACHE: "/c", HF_HOME: "/h" }, "/c"],
    [{ HUGGINGFACE_HUB_CACHE: "/old", HF_HOME: "/h" }, "/old"],
    [{ HF_HOME: "/h", XDG_CACHE_HOME: "/x" }, "/h/hub"],
    [{ XDG_CACHE_HOME: "/x" }, "/x/huggingface/hub"],
    [{ HF_HOME: "~/hf" }, `${homedir()}/hf/hub`],
    [{}, `${homedir()}/.cache/huggingface/hub`],
  ];
  for (const [env, folder] of cases) assert.equal(cacheFolder(environment(env)), folder);
});

Deno.test("cacheFolder() needs a home only where nothing else names the folder", () => {
  for (const none of [null, ""]) {
    for (const env of [{}, { HF_HOME: "~/hf" }, { XDG_CACHE_HOME: "~" }]) {
      assert.throws(() => cacheFolder(environment(env), () => none), (error) => {
        assert(error instanceof MissingError, String(error));
        assert.match(error.cure, /HF_HOME/);
        return true;
      });
    }
    assert.equal(cacheFolder(environment({ HF_HOME: "/h" }), () => none), "/h/hub");
    assert.equal(cacheFolder(environment({ XDG_CACHE_HOME: "/x" }), () => none), "/x/huggingface/hub");
  }
});

Deno.test("findSnapshot() follows a branch to its commit, and takes no other commit for the one that is asked for", async () => {
  const cache = await Deno.makeTempDir(), repo = parseRepo("o/n"), paths = new RepoCache(cache, repo);
  try {
    assert.equal(findSnapshot(repo, cache), undefined);
    assert.deepEqual(cachedCommits(repo, cache), []);
    const commit = "1".repeat(40), gone = "2".repeat(40);
    await Deno.mkdir(paths.snapshot(commit), { recursive: true });
    await Deno.mkdir(`${paths.folder}/refs`);
    assert.equal(findSnapshot(repo, cache), undefined);
    assert.equal(findSnapshot(parseRepo(`o/n@${commit}`), cache)!.folder, paths.snapshot(commit));
    await Deno.writeTextFile(paths.ref("main"), `${commit}\n`);
    assert.equal(findSnapshot(repo, cache)!.commit, commit);
    await Deno.writeTextFile(paths.ref("main"), gone);
    assert.equal(findSnapshot(repo, cache), undefined);
    await Deno.writeTextFile(paths.ref("main"), "../../elsewhere");
    assert.equal(findSnapshot(repo, cache), undefined);
    assert.deepEqual(cachedCommits(repo, cache), [commit]);
    assert.equal(findSnapshot(parseRepo("datasets/o/n"), cache), undefined);
  } finally {
    await Deno.remove(cache, { recursive: true });
  }
});

Deno.test("hubSettings() takes endpoint and token as the hub's libraries do", async () => {
  const home = await Deno.makeTempDir();
  try {
    const settings = (values: Record<string, string>) =>
      hubSettings(environment({ HF_HOME: home, ...values }));
    assert.deepEqual(settings({}), { endpoint: "https://huggingface.co", token: undefined });
    await Deno.writeTextFile(`${home}/token`, "hf_stored\n");
    assert.equal(settings({}).token, "hf_stored");
    assert.deepEqual(settings({ HF_TOKEN: " hf_given\n", HF_ENDPOINT: "http://mirror:8080/" }), {
      endpoint: "http://mirror:8080",
      token: "hf_given",
    });
    assert.throws(() => settings({ HF_ENDPOINT: "file:///x" }), UsageError);
    assert.throws(() => settings({ HF_HUB_OFFLINE: "1" }), MissingError);
    assert.equal(settings({ HF_HUB_OFFLINE: "0" }).token, "hf_stored");
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});
