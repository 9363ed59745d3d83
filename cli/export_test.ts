import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { assert } from "#test";
import { CheckFailedError, ExitCode, type GraceError, MissingError, UsageError } from "#errors";
import { openBackbone } from "../lib/backbone/open.ts";
import { filesBelow } from "../lib/export/checksums.ts";
import { digestFile } from "../lib/manifest/hash.ts";
import { Lab, onlyFolder } from "./_lab.ts";
import { launch } from "./_launch.ts";
import { copyRun, editText, flipByte, io, original, verify } from "./_verified_run.ts";
import { type Exported, exportRun } from "./export_run.ts";
import type { ExportOptions } from "./export.ts";

let outputs = 0;

/** Exports the arm grace of a run, or what is asked for. */
async function exported(
  folder: string,
  options: Partial<ExportOptions> = {},
): Promise<Exported & { out: string }> {
  const { lab } = await original(), out = options.out ?? lab.path(`exported${outputs++}`);
  const dataRoot = lab.path("data");
  return { out, ...await exportRun({ folder, format: "hf", arm: "grace", out, dataRoot, ...options }, io) };
}

/** Fails unless an export ends with an error, and leaves nothing. */
async function refused(
  folder: string,
  options: Partial<ExportOptions>,
  kind: new (...args: never[]) => GraceError,
  message: RegExp,
): Promise<void> {
  const { lab } = await original(), out = options.out ?? lab.path(`refused${outputs++}`);
  await assert.rejects(
    () => exported(folder, { ...options, out }),
    (error) => error instanceof kind && message.test(`${error.message}; ${error.cure}`),
  );
  const names = [...Deno.readDirSync(lab.root)].map(({ name }) => name);
  assert.deepEqual(names.filter((name) => name.includes(".part-")), []);
}

Deno.test("exportRun() copies the checkpoint of an arm, with card, settings, lock and digests", async () => {
  const { run } = await original(), { out, files, remarks } = await exported(run);
  const checkpoint = join(run, "arms/grace/checkpoints/step-000003");
  for (const { path, sha256 } of filesBelow(checkpoint)) {
    assert.equal(digestFile(join(out, path)).sha256, sha256, path);
  }
  assert.deepEqual(files.map(({ path }) => path).sort(), filesBelow(out).map(({ path }) => path).sort());
  for (const line of Deno.readTextFileSync(join(out, "SHA256SUMS")).trimEnd().split("\n")) {
    const [, sha256, path] = /^([0-9a-f]{64}) {2}(.+)$/.exec(line)!;
    assert.equal(digestFile(join(out, path!)).sha256, sha256, path);
  }
  const lock = Deno.readTextFileSync(join(run, "grace.lock.json"));
  assert.equal(Deno.readTextFileSync(join(out, "grace.lock.json")), lock);
  (await openBackbone(out)).close();
  assert.deepEqual(remarks, []);
});

Deno.test("the model card says what went in, what came out and what may not be concluded", async () => {
  const { run } = await original(), { out, run: identity } = await exported(run);
  const card = Deno.readTextFileSync(join(out, "README.md"));
  const [, front, text] = /^---\n([\s\S]*?)---\n([\s\S]*)$/.exec(card)!;
  const { library_name, pipeline_tag, tags, base_model } = parse(front!);
  assert.deepEqual([library_name, pipeline_tag, base_model], ["transformers", "text-generation", undefined]);
  assert.ok(tags.includes("grpo"));
  const lock = JSON.parse(Deno.readTextFileSync(join(out, "grace.lock.json")));
  assert.ok(text!.includes(lock.inputs["data/mini/supervised-triplets/train.jsonl"].sha256));
  assert.ok(text!.includes(identity));
  assert.match(text!, /\| `train\.steps` +\| `3` +\| `100` +\| .*grace\.json/);
  assert.match(text!, /\| STSBenchmark.* \| cosine_spearman +\| +12 \|/);
  assert.match(text!, /-?\d+\.\d\d \[[+-]\d+\.\d\d, [+-]\d+\.\d\d\]/);
  assert.match(text!, /One training seed \(1\), 3 steps/);
  assert.match(text!, /fixed slices/);
  // Nobody who gets the folder learns how the folders of the machine are called.
  const { lab } = await original();
  for (const { path } of filesBelow(out).filter(({ path }) => /\.(md|json)$/.test(path))) {
    const content = Deno.readTextFileSync(join(out, path));
    assert.ok(!content.includes(lab.root) && !content.includes("/golden/"), path);
  }
});

Deno.test("embed with the exported weights and embed.json gives what the run's checkpoint gives", async () => {
  const { run, lab } = await original(), { out } = await exported(run);
  const embed = async (backbone: string, manifest: string) => {
    const { code, stdout, stderr } = await launch([
      "embed",
      "--json",
      "--backbone",
      backbone,
      "--manifest",
      manifest,
      "a cat",
    ]);
    assert.equal(code, ExitCode.success, stderr);
    return stdout;
  };
  const checkpoint = join(run, "arms/grace/checkpoints/step-000003");
  assert.equal(await embed(out, join(out, "embed.json")), await embed(checkpoint, lab.path("grace.json")));
});

Deno.test("exportRun() writes what sentence-transformers loads, and says that texts are embedded alone", async () => {
  const { run } = await original();
  const { out, remarks } = await exported(run, { format: "sentence-transformers" });
  const modules = JSON.parse(Deno.readTextFileSync(join(out, "modules.json")));
  assert.deepEqual(modules.map(({ path }: { path: string }) => path), [
    "",
    "1_WordWeights",
    "2_Pooling",
    "3_Normalize",
  ]);
  const card = Deno.readTextFileSync(join(out, "README.md"));
  assert.match(card, /None: the run has no scores of this arm read as this folder embeds/);
  assert.match(remarks.join(), /embeds texts alone/);
  const cl = await exported(run, { format: "sentence-transformers", arm: "cl" });
  const own = Deno.readTextFileSync(join(cl.out, "README.md"));
  assert.match(own, /STSBenchmark/);
  assert.doesNotMatch(own, /gsm8k/, "an encoder has no answers");
});

Deno.test("exportRun() writes a GGUF file that embeds as the checkpoint does", async () => {
  using lab = await Lab.create();
  const backbone = fileURLToPath(new URL("../fixtures/golden/models/qwen2", import.meta.url));
  const made = await lab.run(lab.manifest({ backbone, arms: ["cl"], cl: { steps: 1 } }), "out");
  assert.equal(made.code, ExitCode.success, made.stderr);
  const run = onlyFolder(lab.path("out")), out = lab.path("gguf"), dataRoot = lab.path("data");
  await exportRun({ folder: run, format: "gguf", arm: "cl", out, dataRoot }, io);
  const names = [...Deno.readDirSync(out)].map(({ name }) => name).sort();
  assert.deepEqual(names, [
    "README.md",
    "SHA256SUMS",
    "embed.json",
    "grace.json",
    "grace.lock.json",
    "qwen2-cl-f32.gguf",
  ]);
  const card = Deno.readTextFileSync(join(out, "README.md"));
  assert.match(card, /library_name: gguf/);
  // Without an arm to compare with, the scores stand with their standard errors.
  assert.match(card, /\| task .*\| stderr \|/);
  const embed = (model: string) =>
    launch([
      "embed",
      "--json",
      "--no-rationale",
      "--backbone",
      model,
      "--manifest",
      join(out, "embed.json"),
      "a cat",
    ]);
  const [ours, checkpoint] = [
    await embed(join(out, "qwen2-cl-f32.gguf")),
    await embed(join(run, "arms/cl/checkpoints/step-000001")),
  ];
  assert.equal(ours.code, ExitCode.success, ours.stderr);
  assert.equal(ours.stdout, checkpoint.stdout);
});

Deno.test("exportRun() hands an adapter on beside the weights that it is merged in, and the card says how it was trained", async () => {
  using lab = await Lab.create();
  const settings = {
    arms: ["grace"],
    train: { steps: 1 },
    lora: { rank: 2 },
    advantage: { estimator: "rloo" },
  };
  const made = await lab.run(lab.manifest(settings), "out");
  assert.equal(made.code, ExitCode.success, made.stderr);
  const run = onlyFolder(lab.path("out")), dataRoot = lab.path("data");
  const card = async (format: "hf" | "sentence-transformers") => {
    const { files } = await exportRun(
      { folder: run, format, arm: "grace", out: lab.path(format), dataRoot },
      io,
    );
    const adapter = files.filter(({ path }) => path.startsWith("adapter/")).map(({ path }) => path);
    return { adapter, text: Deno.readTextFileSync(lab.path(format, "README.md")) };
  };
  const hf = await card("hf");
  assert.deepEqual(hf.adapter, ["adapter/adapter_config.json", "adapter/adapter_model.safetensors"]);
  assert.match(hf.text, /PeftModel\.from_pretrained\(base, "adapter"\)/);
  assert.match(
    hf.text,
    /with the advantages of `rloo`, .* as adapters of rank 2 that are merged here, by grace-repro/,
  );
  assert.doesNotMatch(hf.text, /GRPO|- grpo/);
  const encoder = await card("sentence-transformers");
  assert.deepEqual(encoder.adapter, []);
  assert.doesNotMatch(encoder.text, /PeftModel/);
});

Deno.test("exportRun() makes a crate in which the run verifies as before", async () => {
  const { run } = await original(),
    { out, files } = await exported(run, { format: "ro-crate", arm: undefined });
  const crate = JSON.parse(Deno.readTextFileSync(join(out, "ro-crate-metadata.json")));
  const outputs = crate["@graph"].filter((entity: { "@id": string; "@type": string }) =>
    entity["@type"] === "File" && !entity["@id"].startsWith("ni:")
  );
  assert.equal(outputs.length, files.length - 1);
  for (const { "@id": id, sha256 } of outputs) {
    assert.equal(digestFile(join(out, decodeURIComponent(id))).sha256, sha256, id);
  }
  const copy = join(out, run.split("/").at(-1)!);
  assert.equal((await verify(copy)).exitCode, ExitCode.success);
});

Deno.test("exportRun() exports nothing that does not verify", async () => {
  const weights = "arms/grace/checkpoints/step-000003/model.safetensors";
  const spoiled: [spoil: (run: string) => void, message: RegExp][] = [
    [(run) => flipByte(join(run, weights), 5), /does not verify: checkpoints, grace: weights are those/],
    [
      (run) =>
        editText(
          join(run, weights, "../config.json"),
          (text) => text.replace('rope_theta": 5', 'rope_theta": 6'),
        ),
      /config\.json: is not what the backbone gives/,
    ],
  ];
  for (const [spoil, message] of spoiled) {
    const run = await copyRun();
    spoil(run);
    await refused(run, {}, CheckFailedError, message);
    // The other arm is what it was.
    await exported(run, { arm: "cl" });
    await refused(run, { format: "ro-crate", arm: undefined }, CheckFailedError, message);
  }
});

Deno.test("exportRun() says what is missing, and where it cannot write", async () => {
  const { run, lab } = await original();
  await refused(
    run,
    { arm: "graze" },
    UsageError,
    /no arm "graze", did you mean "grace"\?; trained arms of this run: cl, grace/,
  );
  await refused(run, { arm: "base" }, UsageError, /"base" has the backbone's own weights/);
  await refused(
    run,
    { arm: undefined },
    UsageError,
    /--format hf needs to know which weights; .* trained arms of this run: .*grace/,
  );
  await refused(run, { format: "ro-crate" }, UsageError, /leave --arm out/);
  await refused(run, { out: lab.path("data") }, UsageError, /"[^"]*data" exists already/);
  await refused(run, { out: join(run, "arms", "mine") }, UsageError, /lies in the folder of the run/);
  await refused(run, { format: "gguf" }, UsageError, /RoPE scaling/);
  await refused(run, { backbone: lab.path("elsewhere") }, MissingError, /elsewhere.*--backbone where it is/);
  await refused(lab.path("data"), {}, MissingError, /is not the folder of a run/);
  const unfinished = await copyRun();
  Deno.removeSync(join(unfinished, "arms/grace/checkpoints/step-000003"), { recursive: true });
  await refused(unfinished, {}, MissingError, /its checkpoint is not in the folder/);
  const begun = await copyRun();
  const reports = [...Deno.readDirSync(begun)].map(({ name }) => name).filter((name) =>
    name.startsWith("report.")
  );
  for (const path of ["scores/grace", "arms/grace", ...reports]) {
    Deno.removeSync(join(begun, path), { recursive: true });
  }
  await refused(
    begun,
    { format: "ro-crate", arm: undefined },
    UsageError,
    /the run is not finished: train grace/,
  );
});

Deno.test("grace-repro export prints what it wrote", async () => {
  const { run, lab } = await original(), out = lab.path("printed");
  const args = ["export", run, "--arm", "cl", "--out", out, "--data-root", lab.path("data")];
  const { code, stdout, stderr } = await launch([...args, "--json"]);
  assert.equal(code, ExitCode.success, stderr);
  const { schema, arm, format, folder, files } = JSON.parse(stdout);
  assert.deepEqual([schema, arm, format, folder], ["grace-export/1", "cl", "hf", out]);
  assert.ok(files.some(({ path }: { path: string }) => path === "README.md"));
  const again = await launch(args);
  assert.equal(again.code, ExitCode.usage);
  assert.match(again.stderr, /exists already\n {2}name another folder/);
});
