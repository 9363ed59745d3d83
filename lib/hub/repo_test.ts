import { assert } from "#test";
import { UsageError } from "#errors";
import { ALIASES, isCommit, parseRepo, pullCommand, repoText } from "./repo.ts";

Deno.test("parseRepo() reads models, data sets, revisions and short names", () => {
  const cases: [text: string, repo: ReturnType<typeof parseRepo>][] = [
    ["Qwen/Qwen2.5-1.5B-Instruct", { type: "model", id: "Qwen/Qwen2.5-1.5B-Instruct" }],
    ["a/b@v1.0", { type: "model", id: "a/b", revision: "v1.0" }],
    ["a/b@refs/pr/3", { type: "model", id: "a/b", revision: "refs/pr/3" }],
    ["datasets/mteb/banking77", { type: "dataset", id: "mteb/banking77" }],
    ["qwen2.5-1.5b", { type: "model", id: "Qwen/Qwen2.5-1.5B-Instruct" }],
    ["o/n/q8.gguf", { type: "model", id: "o/n", file: "q8.gguf" }],
    ["o/n/onnx/model_O3.onnx@v1", { type: "model", id: "o/n", file: "onnx/model_O3.onnx", revision: "v1" }],
    ["Qwen3-4B@abc", { type: "model", id: "Qwen/Qwen3-4B-Instruct-2507", revision: "abc" }],
  ];
  for (const [text, repo] of cases) assert.deepEqual(parseRepo(text), repo);
  for (const text of ["datasets/a/b@c", "o/n/onnx/m.onnx@v1"]) assert.equal(repoText(parseRepo(text)), text);
  assert.equal(pullCommand(parseRepo("qwen3-4b")), "grace-repro pull Qwen/Qwen3-4B-Instruct-2507");
});

Deno.test("parseRepo() refuses what names no repository, or a place elsewhere", () => {
  const refused = [
    "",
    "name",
    "a/b/c",
    "datasets/b",
    "../a/b",
    "a/..",
    "./model",
    "a/b@",
    "a/b@../c",
    "a/b@v1/../../x",
    "a--b/c",
    "a/b c",
    "/a/b",
    "a/b@v@w",
    "datasets/a/b/c",
    "a/b/c.bin",
    "a/b/../c.gguf",
    "datasets/a/b/c.gguf",
  ];
  for (const text of refused) assert.throws(() => parseRepo(text), UsageError, text);
});

Deno.test("ALIASES lead to repositories, and only whole hashes are commits", () => {
  for (const [short, id] of Object.entries(ALIASES)) assert.equal(parseRepo(short).id, id);
  assert.ok(isCommit("0".repeat(40)) && !isCommit("0".repeat(39)) && !isCommit("main"));
});
