import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { assert } from "#test";
import {
  type HubServer,
  largeFile,
  type ServedFile,
  type ServedRepo,
  serveHub,
  sha256Of,
  textFile,
} from "../fixtures/hub_server.ts";
import { TINY_TRIPLETS } from "../fixtures/tiny_mirror.ts";
import { Lab } from "./_lab.ts";
import { launch, launcher } from "./_launch.ts";

const COMMIT = "c".repeat(40);
const golden = new URL("../fixtures/golden/", import.meta.url);

/** Files of a folder as the hub would serve them, weights as large ones. */
function served(folder: URL): Record<string, ServedFile> {
  return Object.fromEntries(
    [...Deno.readDirSync(folder)].map(({ name }) => {
      const content = Deno.readFileSync(new URL(name, folder));
      return [name, { content, lfs: name.endsWith(".safetensors") }];
    }),
  );
}

const llama: ServedRepo = {
  type: "model",
  id: "org/llama-tied",
  refs: { main: COMMIT },
  commits: {
    [COMMIT]: { ...served(new URL("models/llama-tied/", golden)), "pytorch_model.bin": largeFile(9) },
  },
};

/** A folder for caches and an environment that knows nothing but the hub that is given. */
function scratch(hub: HubServer): { home: string; env: Record<string, string> } & Disposable {
  const home = Deno.makeTempDirSync({ prefix: "hf home " });
  const forgotten = [
    "HF_TOKEN",
    "HF_TOKEN_PATH",
    "HF_HUB_CACHE",
    "HUGGINGFACE_HUB_CACHE",
    "HF_HUB_OFFLINE",
    "GRACE_DATA_ROOT",
  ];
  const env = {
    ...Object.fromEntries(forgotten.map((name) => [name, ""])),
    HF_HOME: home,
    HF_ENDPOINT: hub.endpoint,
  };
  return { home, env, [Symbol.dispose]: () => Deno.removeSync(home, { recursive: true }) };
}

Deno.test("pull downloads a backbone, which embed then finds by its id; without it, embed says how to get it", async () => {
  await using hub = serveHub([llama]);
  using place = scratch(hub);
  const { env } = place;
  const embed = [
    "embed",
    "--backbone",
    "org/llama-tied",
    "--no-rationale",
    "--device",
    "cpu",
    "--json",
    "a cat",
  ];
  const before = await launch(embed, { env });
  assert.equal(before.code, 3);
  assert.match(
    before.stderr,
    /"org\/llama-tied" is neither a path nor in the hub's cache.*\n {2}download it, once: grace-repro pull org\/llama-tied\n/,
  );
  assert.equal(hub.seen.length, 0);
  const pulled = await launch(["pull", "org/llama-tied"], { env });
  assert.equal(pulled.code, 0, pulled.stderr);
  const weights = llama.commits[COMMIT]!["model.safetensors"]!.content;
  assert.match(pulled.stdout, new RegExp(`^org/llama-tied@${COMMIT}: \\d+ files, .* downloaded\n`));
  assert.match(pulled.stdout, new RegExp(`${sha256Of(weights)} .* model.safetensors\n`));
  assert.ok(!pulled.stdout.includes("pytorch_model.bin"));
  hub.seen.length = 0;
  const after = await launch(embed, { env });
  assert.equal(after.code, 0, after.stderr);
  const pinned = await launch(embed.with(2, `org/llama-tied@${COMMIT}`), { env });
  assert.equal(pinned.stdout, after.stdout);
  assert.equal(hub.seen.length, 0);
  const other = await launch(embed.with(2, `org/llama-tied@v2`), { env });
  assert.match(
    other.stderr,
    new RegExp(`pull org/llama-tied@v2; or name the revision that is there: org/llama-tied@${COMMIT}\n`),
  );
});

Deno.test("pull continues with the same bytes after it was killed in the middle", async () => {
  const weights = largeFile(8_000_000), files = llama.commits[COMMIT]!;
  await using hub = serveHub([{
    ...llama,
    commits: { [COMMIT]: { ...files, "model.safetensors": weights } },
  }]);
  using place = scratch(hub);
  const part = join(
    place.home,
    "hub/models--org--llama-tied/blobs",
    `${sha256Of(weights.content)}.incomplete`,
  );
  const size = () => {
    try {
      return Deno.statSync(part).size;
    } catch {
      return 0;
    }
  };
  // The rest of the file never comes.
  hub.fault = ({ host }) =>
    host === "cdn"
      ? new Response(
        new ReadableStream({
          start: (controller) => controller.enqueue(weights.content.subarray(0, 5_000_000)),
        }),
      )
      : undefined;
  const child = new Deno.Command(launcher, {
    args: ["pull", "org/llama-tied"],
    env: place.env,
    stdout: "null",
    stderr: "null",
  }).spawn();
  for (let waited = 0; size() < 5_000_000; waited += 50) {
    assert.ok(waited < 30_000, "nothing arrived");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  child.kill("SIGKILL");
  await child.status;
  hub.fault = undefined;
  hub.seen.length = 0;
  const { code, stdout, stderr } = await launch(["pull", "org/llama-tied", "--json"], { env: place.env });
  assert.equal(code, 0, stderr);
  assert.deepEqual(hub.seen.filter(({ host }) => host === "cdn").map(({ range }) => range), [
    "bytes=5000000-",
  ]);
  const [{ folder, files: listed }] = JSON.parse(stdout).repos;
  assert.deepEqual(Deno.readFileSync(join(folder, "model.safetensors")), weights.content);
  assert.equal(
    listed.find(({ path }: { path: string }) => path === "model.safetensors").sha256,
    sha256Of(weights.content),
  );
});

Deno.test("pull --suite downloads the splits that its tasks need, which eval then finds at the pinned revision", async () => {
  const revision = "b0fddb56ed78048fa8b90373c8a3cfc37b684831";
  const row = (i: number) =>
    JSON.stringify({ sentence1: `a ${i}`, sentence2: `b ${i * i}`, score: i % 5 }) + "\n";
  const rows = Array.from({ length: 12 }, (_, i) => row(i)).join("");
  const sts: ServedRepo = {
    type: "dataset",
    id: "mteb/stsbenchmark-sts",
    refs: { main: COMMIT },
    commits: {
      [COMMIT]: { "test.jsonl": textFile("other rows") },
      [revision]: {
        "README.md": textFile(
          "---\nconfigs:\n- config_name: default\n  data_files:\n  - {split: test, path: test.jsonl}\n---\n",
        ),
        "dev.jsonl": textFile(rows),
        "test.jsonl": textFile(rows),
        "train.jsonl": textFile(rows),
      },
    },
  };
  await using hub = serveHub([sts]);
  using place = scratch(hub);
  const { env } = place;
  const evaluate = [
    "eval",
    "--tasks",
    "STSBenchmark",
    "--no-rationale",
    "--device",
    "cpu",
    "--json",
    "--out",
    join(place.home, "out"),
  ];
  const before = await launch(evaluate, { env });
  assert.equal(before.code, 3, before.stderr);
  assert.match(
    before.stderr,
    new RegExp(`download it, once: grace-repro pull datasets/mteb/stsbenchmark-sts@${revision};`),
  );
  const pulled = await launch(["pull", "--suite", "mteb:STSBenchmark", "--json"], { env });
  assert.equal(pulled.code, 0, pulled.stderr);
  const [repo] = JSON.parse(pulled.stdout).repos;
  assert.deepEqual(repo.files.map(({ path }: { path: string }) => path), ["README.md", "test.jsonl"]);
  const { code, stdout, stderr } = await launch(evaluate, { env });
  assert.equal(code, 0, stderr);
  const [score] = JSON.parse(stdout).scores;
  assert.equal(score.files[0].path, `mteb/stsbenchmark-sts@${revision.slice(0, 12)}/test.jsonl`);
  assert.equal(score.files[0].sha256, repo.files[1].sha256);
  const list = await launch(["eval", "--list", "--suite", "mteb:STSBenchmark"], { env });
  assert.match(list.stdout, /^STSBenchmark .* here$/m);
});

Deno.test("pull goes on with the other data sets of a suite when one cannot be had, and then fails", async () => {
  const gsm8k: ServedRepo = {
    type: "dataset",
    id: "openai/gsm8k",
    refs: { main: COMMIT },
    commits: {
      [COMMIT]: {
        "main/train-00000-of-00001.parquet": largeFile(99),
        "main/test-00000-of-00001.parquet": largeFile(98, 2),
      },
    },
  };
  await using hub = serveHub([gsm8k]);
  using place = scratch(hub);
  const { code, stdout, stderr } = await launch(["pull", "--suite", "general:gsm8k,humaneval"], {
    env: place.env,
  });
  assert.equal(code, 3);
  assert.match(stdout, /^datasets\/openai\/gsm8k@c+: 2 files/);
  assert.match(
    stderr,
    /error: 1 of 2 could not be pulled: the hub has no "datasets\/openai\/openai_humaneval"/,
  );
});

Deno.test("pull refuses what names nothing, and to download where that is forbidden", async () => {
  await using hub = serveHub([]);
  using place = scratch(hub);
  const cases: [args: string[], env: Record<string, string>, code: number, message: RegExp][] = [
    [[], {}, 2, /nothing to pull/],
    [["../x/y"], {}, 2, /"\.\.\/x\/y" is not the name of a repository/],
    [["a/b", "c/d", "--revision", "v1"], {}, 2, /--revision "v1" belongs to one repository/],
    [["--suite", "tiny"], {}, 2, /come with the program/],
    [["a/b"], { HF_HUB_OFFLINE: "1" }, 3, /HF_HUB_OFFLINE is set/],
    [["a/b"], { HF_ENDPOINT: "hub.local" }, 2, /HF_ENDPOINT is "hub\.local"/],
  ];
  for (const [args, env, code, message] of cases) {
    const ending = await launch(["pull", ...args], { env: { ...place.env, ...env } });
    assert.match(ending.stderr, message);
    assert.equal(ending.code, code);
  }
  assert.equal(hub.seen.length, 0);
});

Deno.test("run trains on a data set that was pulled, and its lock has the hash; without it, run says what to pull", async () => {
  using lab = await Lab.create();
  const rows = Deno.readTextFileSync(lab.path("data", TINY_TRIPLETS)).trimEnd().split("\n")
    .map((line) => JSON.parse(line))
    .map(({ query, ...rest }) => JSON.stringify({ anchor: query, ...rest }) + "\n");
  const triplets: ServedRepo = {
    type: "dataset",
    id: "org/triplets",
    refs: { main: COMMIT },
    commits: { [COMMIT]: { "train.jsonl": textFile(rows.join("")) } },
  };
  await using hub = serveHub([triplets]);
  using place = scratch(hub);
  const { env } = place, id = `datasets/org/triplets@${COMMIT}`;
  const columns = ["anchor", "positive", "negative"];
  const run = (data: Record<string, unknown>) =>
    launch(lab.runArgs(lab.manifest({ arms: ["grace"], data }), "out"), { env });
  const before = await run({ train: id, columns });
  assert.equal(before.code, 3, before.stderr);
  assert.match(before.stderr, new RegExp(`download it, once: grace-repro pull ${id}`));
  assert.equal((await launch(["pull", id], { env })).code, 0);
  const unnamed = await run({ train: id });
  assert.equal(unnamed.code, 2);
  assert.match(
    unnamed.stderr,
    /line 1: column "query" is not there\n {2}set data\.columns .* anchor, positive/,
  );
  const { code, stderr } = await run({ train: id, columns });
  assert.equal(code, 0, stderr);
  const lock = JSON.parse(Deno.readTextFileSync(lab.path("grace.lock.json")));
  const sha256 = sha256Of(triplets.commits[COMMIT]!["train.jsonl"]!.content);
  assert.equal(lock.inputs[`data/org/triplets@${COMMIT.slice(0, 12)}/train.jsonl`].sha256, sha256);
});

Deno.test("pull downloads an encoder's ONNX export, which eval finds by its id with and without a graph's name", async () => {
  const tiny = new URL("onnx_encoder/tiny-bert/", golden);
  const folders = { "": tiny, "1_Pooling/": tiny, "2_Dense/": tiny, "onnx/": tiny };
  const files = Object.fromEntries(
    Object.keys(folders).flatMap((inner) =>
      [...Deno.readDirSync(new URL(inner, tiny))].filter(({ isFile }) => isFile).map(({ name }) => [
        inner + name,
        { content: Deno.readFileSync(new URL(inner + name, tiny)), lfs: /\.(onnx|safetensors)$/.test(name) },
      ])
    ),
  );
  await using hub = serveHub([{
    type: "model",
    id: "org/tiny-bert",
    refs: { main: COMMIT },
    commits: { [COMMIT]: { ...files, "model.safetensors": largeFile(9), "README.md": textFile("#") } },
  }]);
  using place = scratch(hub);
  using lab = await Lab.create();
  const { env } = place;
  const evaluate = (encoder: string) =>
    launch(
      ["eval", "--encoder", encoder, "--data-root", lab.path("data"), "--suite", "smoke", "--tasks"].concat(
        ["STSBenchmark", "--json"],
      ),
      { env, cwd: lab.root },
    );
  const before = await evaluate("onnx:org/tiny-bert");
  assert.equal(before.code, 3);
  assert.match(before.stderr, /download it, once: grace-repro pull onnx:org\/tiny-bert\n/);
  const pulled = await launch(["pull", "org/tiny-bert"], { env });
  assert.equal(pulled.code, 0, pulled.stderr);
  assert.match(pulled.stdout, / onnx\/model\.onnx\n/);
  assert.doesNotMatch(pulled.stdout, /README|model_qint8| model\.safetensors/);
  assert.match(pulled.stdout, /use it as --encoder onnx:org\/tiny-bert\n/);
  const { stdout, stderr } = await evaluate("onnx:org/tiny-bert");
  const { folder, scores } = JSON.parse(stdout || stderr);
  assert.match(folder, /^scores\/tiny-bert-smoke-/);
  const local = JSON.parse((await evaluate(`onnx:${fileURLToPath(tiny)}`)).stdout);
  assert.deepEqual(scores[0].metrics, local.scores[0].metrics);
  assert.equal(scores[0].model, local.scores[0].model, "the same files, the same model");
  const other = await launch(["pull", "onnx:org/tiny-bert/onnx/model_pooled.onnx"], { env });
  assert.match(other.stdout, /use it as --encoder onnx:org\/tiny-bert\/onnx\/model_pooled\.onnx\n/);
  const graph = JSON.parse((await evaluate("onnx:org/tiny-bert/onnx/model_pooled.onnx")).stdout);
  assert.match(graph.folder, /^scores\/tiny-bert-model_pooled-smoke-/);
});

Deno.test("pull downloads one GGUF file, which embed finds by its name in the repository", async () => {
  const content = Deno.readFileSync(new URL("backbone/llama.gguf", golden));
  await using hub = serveHub([{
    type: "model",
    id: "org/llama-GGUF",
    refs: { main: COMMIT },
    commits: { [COMMIT]: { "llama.gguf": { content, lfs: true }, "llama-q4.gguf": largeFile(99) } },
  }]);
  using place = scratch(hub);
  const { env } = place;
  const several = await launch(["pull", "org/llama-GGUF"], { env });
  assert.equal(several.code, 2);
  assert.match(
    several.stderr,
    /2 GGUF files: llama-q4\.gguf, llama\.gguf\n {2}name one: grace-repro pull org\/llama-GGUF\/llama-q4\.gguf\n/,
  );
  const name = "org/llama-GGUF/llama.gguf";
  const explain = () => launch(["doctor", "--backbone", name, "--json"], { env });
  assert.match((await explain()).stderr, /download it, once: grace-repro pull org\/llama-GGUF\/llama\.gguf/);
  const pulled = await launch(["pull", name], { env });
  assert.equal(pulled.code, 0, pulled.stderr);
  assert.match(pulled.stdout, /use it as --backbone org\/llama-GGUF\/llama\.gguf\n/);
  const found = await explain();
  assert.equal(found.code, 0, found.stderr);
});
