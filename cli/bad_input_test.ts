import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { assert } from "#test";
import { Lab, type Sections, spoilWeight, tinyModel } from "./_lab.ts";
import { launch, noAdapter } from "./_launch.ts";

const gguf = fileURLToPath(new URL("../fixtures/golden/backbone/llama.gguf", import.meta.url));

/** What a command says about an input: one cause and one cure, and nothing that looks like a result. */
async function assertRefused(
  args: string[],
  code: number,
  message: RegExp,
  env: Record<string, string> = {},
): Promise<void> {
  const outcome = await launch(args, { env });
  const told = `${args.join(" ")}\n${outcome.stderr}`;
  assert.equal(outcome.code, code, told);
  assert.match(outcome.stderr, message, told);
  assert.match(outcome.stderr, /^error: .+\n {2}\S.*\n$/m, told);
  assert.equal(outcome.stdout, "", told);
}

function editJson(path: string, edit: (json: Sections) => void): void {
  const json = JSON.parse(Deno.readTextFileSync(path));
  edit(json);
  Deno.writeTextFileSync(path, JSON.stringify(json));
}

const embed = (backbone: string) => ["embed", "--backbone", backbone, "a text"];

Deno.test("a backbone that is not there, or is something else, is named", async () => {
  using lab = await Lab.create();
  await assertRefused(embed(lab.path("nowhere.gguf")), 3, /the backbone ".*nowhere\.gguf" does not exist/);
  await assertRefused(embed(lab.path("data")), 3, /there is no .*config\.json/);
  await assertRefused(embed(lab.write("model.bin", "x")), 2, /neither a folder nor a \.gguf file/);
});

Deno.test("a GGUF file that ends early is refused, wherever it ends", async () => {
  using lab = await Lab.create();
  const whole = Deno.readFileSync(gguf);
  // The last bytes may be padding, which nothing needs.
  for (const bytes of [0, 3, 20, 400, Math.floor(whole.length / 2), whole.length - 64]) {
    const path = lab.path("short.gguf");
    Deno.writeFileSync(path, whole.subarray(0, bytes));
    await assertRefused(embed(path), 2, /short\.gguf/);
  }
});

Deno.test("a safetensors header that lies about its size, its tensors or their place is refused", async () => {
  using lab = await Lab.create();
  const whole = Deno.readFileSync(join(tinyModel, "model.safetensors"));
  const size = Number(new DataView(whole.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(whole.subarray(8, 8 + size)));
  const written = (json: unknown, length?: bigint): Uint8Array => {
    const text = new TextEncoder().encode(JSON.stringify(json));
    const file = new Uint8Array(8 + text.length + whole.length - 8 - size);
    new DataView(file.buffer).setBigUint64(0, length ?? BigInt(text.length), true);
    file.set(text, 8);
    file.set(whole.subarray(8 + size), 8 + text.length);
    return file;
  };
  const name = "model.norm.weight";
  const { shape, data_offsets: [start, end] } = header[name];
  const lies: [what: string, file: Uint8Array][] = [
    ["a header of 2^62 bytes", written(header, 2n ** 62n)],
    ["a header longer than the file", written(header, BigInt(whole.length))],
    [
      "a tensor behind the end",
      written({ ...header, [name]: { dtype: "F32", shape, data_offsets: [start, 2 ** 40] } }),
    ],
    [
      "a tensor with a negative place",
      written({ ...header, [name]: { dtype: "F32", shape, data_offsets: [-4, end] } }),
    ],
    ["another shape", written({ ...header, [name]: { ...header[name], shape: [shape[0] * 1000] } })],
    ["a tensor that is missing", written({ ...header, [name]: undefined })],
    ["a type that is none", written({ ...header, [name]: { ...header[name], dtype: "F12" } })],
  ];
  const model = lab.copyModel();
  for (const [what, file] of lies) {
    Deno.writeFileSync(join(model, "model.safetensors"), file);
    await assertRefused(embed(model), 2, /model\.safetensors|model\.norm\.weight/).catch((error) => {
      throw new Error(what, { cause: error });
    });
  }
});

Deno.test("a tokenizer that does not fit its embedding, and an architecture that is not known, are refused", async () => {
  using lab = await Lab.create();
  const large = lab.copyModel("large");
  editJson(join(large, "tokenizer.json"), (json) => {
    const tokens = json["added_tokens"] as unknown as object[];
    tokens.push({ ...tokens[0], id: 320, content: "<|one too many|>" });
  });
  await assertRefused(embed(large), 2, /has ids up to 320, the embedding has 320 rows/);

  const other = lab.copyModel("other");
  editJson(join(other, "config.json"), (json) => {
    json["model_type"] = "mamba";
    json["architectures"] = ["MambaForCausalLM"];
  });
  await assertRefused(embed(other), 2, /mamba/i);
});

Deno.test("an option whose path is empty, as of a variable that is not set, is refused", async () => {
  const told = /option "--[a-z-]+ <.+>" argument "" is invalid\. Expected a text that is not blank/;
  for (const option of ["--out", "--manifest", "--data-root", "--backbone"]) {
    await assertRefused(["run", option, ""], 2, told);
  }
  for (const option of ["--out", "--from", "--rationales"]) {
    await assertRefused(["eval", option, ""], 2, told);
  }
});

Deno.test("blank texts and lines that are no JSON are named before any model is read", async () => {
  using lab = await Lab.create();
  await assertRefused(["embed", "--backbone", "nowhere", "a", " "], 2, /text 2 is blank/);
  const input = lab.write("texts.jsonl", '{"text":"a"}\n{"text": "b"\n');
  await assertRefused(
    ["embed", "--backbone", "nowhere", "--input", input],
    2,
    /texts\.jsonl" line 2 is not JSON/,
  );
});

Deno.test("a manifest with a key or a value that is wrong is refused, with the nearest key that is right", async () => {
  using lab = await Lab.create();
  const cases: [changes: Sections, message: RegExp][] = [
    [{ train: { step: 3 } }, /grace\.json: unknown key "train\.step", did you mean "train\.steps"\?/],
    [{ trian: { steps: 3 } }, /unknown key "trian", did you mean "train"\?/],
    [{ reward: { lambda2: -1 } }, /"reward\.lambda2": .*\(found -1\)/],
    [{ suite: "mni" }, /unknown suite "mni"/],
    [{ train: { promptsPerStep: 5 } }, /must divide into equal mini-batches/],
    [
      { backbone: "nowhere", advantage: { estimator: "opo", divideByStd: true } },
      /does not divide by the standard deviation .*advantage\.estimator is "opo" \(/,
    ],
    [
      { arms: ["grace-gready"] },
      /unknown arm "grace-gready", did you mean "grace-greedy"\?\n {2}arms: base, /,
    ],
    [
      { controls: { odd: { of: "base", set: { "train.steps": 3 } } } },
      /the control "odd" \(.*grace\.json\) sets "train\.steps", which .* not read\n/,
    ],
    [
      { backbone: "nowhere", data: { kind: "unsupervised" } },
      /the arm cl needs supervised .*\n.*--arms base,/,
    ],
    [{ backbone: "nowhere", optimizer: { warmupSteps: 3 }, train: { steps: 4 } }, /arm cl would never reach/],
    [{ train: { promptsPerStep: 100 } }, /the training data has 24 examples, one step takes 100/],
    [{ prompt: { promptTokens: 20 } }, /the prompt's template has \d+ tokens, the limit is 20/],
    [{ prompt: { promptTokens: 1000 } }, /prompt\.promptTokens is 1000, the backbone has 512 positions/],
    [
      { sampling: { maxNewTokens: 400 } },
      /prompt\.promptTokens is 120 and sampling\.maxNewTokens is 400: together more than the 512 positions/,
    ],
    [
      { arms: ["reasoning"], evaluation: { maxNewTokens: 393 } },
      /evaluation\.maxNewTokens is 393: .* 512 positions/,
    ],
  ];
  for (const [changes, message] of cases) {
    await assertRefused(lab.runArgs(lab.manifest(changes), "out"), 2, message);
  }
  assert.throws(() => Deno.statSync(lab.path("out")), Deno.errors.NotFound);
  assert.throws(() => Deno.statSync(lab.path("grace.lock.json")), Deno.errors.NotFound);
  await assertRefused(lab.runArgs(lab.write("grace.json", "{"), "out"), 2, /grace\.json" is not JSON/);
  await assertRefused(lab.runArgs(lab.path("no.json"), "out"), 3, /cannot read the manifest/);
});

Deno.test("a lock that cannot be written beside its manifest is named", async () => {
  using lab = await Lab.create();
  const manifest = lab.manifest({ arms: ["base"] });
  Deno.mkdirSync(lab.path("grace.lock.json"));
  await assertRefused(lab.runArgs(manifest, "out"), 3, /cannot write ".*grace\.lock\.json": .*directory/i);
  assert.deepEqual([...Deno.readDirSync(lab.root)].map(({ name }) => name).sort(), [
    "data",
    "grace.json",
    "grace.lock.json",
    "out",
  ]);
});

Deno.test("rationales for which the backbone has no positions are refused by embed, eval and explain", async () => {
  using lab = await Lab.create();
  const manifest = (section: string) => ["--manifest", lab.manifest({ [section]: { maxNewTokens: 393 } })];
  const data = ["--data-root", lab.path("data"), "--out", lab.path("scores")];
  const texts = ["--query", "a", "--positive", "b", "--negative", "c"];
  const told = (section: string) =>
    new RegExp(`promptTokens is 120 and ${section}\\.maxNewTokens is 393: .* 512 `);
  await assertRefused(["embed", ...manifest("evaluation"), "a"], 2, told("evaluation"));
  await assertRefused(["eval", ...manifest("evaluation"), ...data], 2, told("evaluation"));
  assert.throws(() => Deno.statSync(lab.path("scores")), Deno.errors.NotFound);
  await assertRefused(["explain", ...manifest("sampling"), ...texts], 2, told("sampling"));
  // What is not used needs no room.
  const { code, stderr } = await launch(["embed", ...manifest("evaluation"), "--no-rationale", "a"]);
  assert.equal(code, 0, stderr);
});

Deno.test("a given rationale for which the backbone has no positions is named with its file and line", async () => {
  using lab = await Lab.create();
  const folder = lab.path("data/mteb/stsbenchmark-sts");
  const texts = Deno.readTextFileSync(join(folder, "test.jsonl")).trim().split("\n").map((line) =>
    JSON.parse(line)
  )
    .flatMap(({ sentence1, sentence2 }) => [sentence1, sentence2]) as string[];
  const lines = [...new Set(texts)].map((text, i) => ({
    text,
    rationale: i === 4 ? "word ".repeat(900) : "short",
  }));
  const rationales = lab.write("mine.jsonl", lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  const data = ["--data-root", lab.path("data"), "--out", lab.path("scores"), "--tasks", "STSBenchmark"];
  await assertRefused(
    ["eval", "--manifest", lab.manifest(), ...data, "--rationales", rationales],
    2,
    /mine\.jsonl" line 5: the prompt with the rationale of ".*" has \d+ tokens, the model has 512 positions/,
  );
});

Deno.test("a data set that is missing or damaged is named with its file and line", async () => {
  using lab = await Lab.create();
  const manifest = lab.manifest();
  const run = lab.runArgs(manifest, "out");
  const triplets = lab.path("data/mini/supervised-triplets/train.jsonl");
  Deno.writeTextFileSync(triplets, '{"query":"q","positive":"p","negative":" ","source":"s"}\n', {
    append: true,
  });
  await assertRefused(run, 2, /train\.jsonl" line 25: column "negative" is blank/);
  Deno.removeSync(triplets);
  await assertRefused(run, 3, /no training file ".*mini\/supervised-triplets\/train\.jsonl"/);

  const scored = [
    "eval",
    "--manifest",
    manifest,
    "--data-root",
    lab.path("data"),
    "--out",
    lab.path("scores"),
  ];
  Deno.writeTextFileSync(lab.path("data/mteb/stsbenchmark-sts/test.jsonl"), '{"sentence1":"a"}\n');
  await assertRefused(scored, 2, /test\.jsonl" line 1: column "\w+"/);
  Deno.removeSync(lab.path("data/mteb/stsbenchmark-sts"), { recursive: true });
  await assertRefused(
    scored,
    3,
    /data set "mteb\/stsbenchmark-sts" not found: looked for ".*test\.jsonl\.gz"/,
  );
  Deno.mkdirSync(lab.path("empty"));
  const { code, stderr } = await launch(["eval", "--manifest", manifest], { cwd: lab.path("empty") });
  assert.equal(code, 3);
  assert.match(
    stderr,
    /^error: no folder with data sets is given, and "mteb\/\S+" is not built in, nor in the hub.s cache\n {2}download .*--data-root/,
  );
  assert.deepEqual([...Deno.readDirSync(lab.path("empty"))], [], "no folder of scores is begun");
});

Deno.test("weights that are not finite end embed, eval and explain with 4 and no result", async () => {
  using lab = await Lab.create();
  const model = lab.copyModel();
  await spoilWeight(model, "model.layers.0.self_attn.q_proj.weight");
  const settings = ["--manifest", lab.manifest(), "--backbone", model];
  const texts = ["--query", "a", "--positive", "b", "--negative", "c"];
  for (
    const args of [
      ["embed", ...settings, "a text", "another"],
      ["embed", ...settings, "a text", "--no-rationale", "--json"],
      ["eval", ...settings, "--data-root", lab.path("data"), "--out", lab.path("scores")],
      ["explain", ...settings, ...texts],
    ]
  ) await assertRefused(args, 4, /NaN|not finite/);
  // An embedding that is not normalised has no length that would show it, and JSON has no NaN.
  const raw = lab.manifest({ pooling: { evaluationNormalize: false } });
  const args = ["embed", "--manifest", raw, "--backbone", model, "a text", "--no-rationale", "--json"];
  await assertRefused(args, 4, /NaN|not finite/);
});

Deno.test("a device that is not there ends every command with 3", async () => {
  using lab = await Lab.create();
  const settings = ["--manifest", lab.manifest(), "--data-root", lab.path("data"), "--device", "webgpu"];
  for (const command of ["run", "eval"]) {
    await assertRefused([command, ...settings], 3, /No WebGPU adapter was found/, noAdapter);
  }
  // A manifest that names it is refused too, unless --device says otherwise.
  const manifest = lab.manifest({ device: "webgpu" });
  const embed = ["embed", "--manifest", manifest, "a text"];
  await assertRefused(embed, 3, /No WebGPU adapter was found/, noAdapter);
  const { code, stderr } = await launch([...embed, "--device", "auto"], { env: noAdapter });
  assert.equal(code, 0, stderr);
});

Deno.test("a command line with a text that is too long for ONNX Runtime is refused, a file with it is not", async () => {
  using lab = await Lab.create();
  const text = "a long text ".repeat(5000), manifest = ["--manifest", lab.manifest(), "--no-rationale"];
  await assertRefused(
    ["embed", ...manifest, text],
    2,
    /the command line has 60\d\d\d bytes, more than the 20000/,
  );
  const input = lab.write("texts.jsonl", JSON.stringify({ text }));
  const { code, stderr } = await launch(["embed", ...manifest, "--input", input]);
  assert.equal(code, 0, stderr);
});

Deno.test("a process that may not run native code is told what grants it, once it needs it", async () => {
  const [main, library] = ["../cli/main.ts", "../mod.ts"].map((path) =>
    fileURLToPath(import.meta.resolve(path))
  );
  const options = [
    "run",
    "--no-check",
    "--no-prompt",
    "--frozen",
    "--allow-read",
    "--allow-env",
    "--allow-sys",
  ];
  const started = (...args: string[]) => launch([...options, ...args], { command: Deno.execPath() });
  for (const granted of ["--deny-ffi", "--allow-ffi=/nowhere"]) {
    const { code, stderr } = await started(granted, main!, "embed", "--backbone", tinyModel, "a text");
    assert.equal(code, 3, stderr);
    assert.match(stderr, /^error: .*native code.*\n {2}.*--allow-ffi\n$/m);
  }
  assert.deepEqual(await started(library!), { code: 0, stdout: "", stderr: "" });
});
