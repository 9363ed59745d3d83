import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { assert } from "#test";
import { inputsOf } from "../evals/_all_texts.ts";
import { findSuite } from "../evals/find_suite.ts";
import type { CheckReport } from "../evals/regression/check.ts";
import { resolveSuite } from "../evals/suite.ts";
import { hashedTrigrams } from "../fixtures/hashed_trigrams.ts";
import { openSafetensors } from "../lib/backbone/safetensors.ts";
import { writeSafetensors } from "../lib/backbone/safetensors_writer.ts";
import { Mirror } from "../lib/data/mirror.ts";
import { Lab, onlyFolder, spoilWeight } from "./_lab.ts";
import { launch, type Outcome } from "./_launch.ts";

const builtIn = fileURLToPath(new URL("../fixtures/tiny/backbone", import.meta.url));

/** A copy of a model of which every value of one tensor is another by a share of itself, up and down in turns. */
async function shaken(from: string, to: string, tensor: string, share: number): Promise<string> {
  Deno.mkdirSync(to);
  for (const { name, isFile } of Deno.readDirSync(from)) {
    if (isFile) Deno.copyFileSync(join(from, name), join(to, name));
  }
  const path = join(to, "model.safetensors"), source = openSafetensors([path]);
  const tensors = source.names().map((name) => ({
    name,
    shape: source.shape(name),
    data: source.read(name),
  }));
  source.close();
  const { data } = tensors.find(({ name }) => name === tensor)!;
  for (let i = 0; i < data.length; i++) data[i]! *= 1 + share * Math.sin(12.9898 * (i + 1));
  Deno.removeSync(path);
  await writeSafetensors(path, new Map(tensors.map(({ name, shape }) => [name, shape])), tensors, "f32");
  return to;
}

function json(outcome: Outcome): CheckReport & { otherThanBaseline: string[]; folder: string } {
  return JSON.parse(outcome.stdout);
}

Deno.test("check passes the model of the baseline and one that is shaken a little, and fails one that is shaken hard", async () => {
  using lab = await Lab.create();
  const at = { cwd: lab.root },
    settings = ["--suite", "tiny", "--tasks", "WordNetReranking,WordNetSummarization", "--no-rationale"];
  const first = await launch(["check", "--update", "baseline.json", "--backbone", "tiny", ...settings], at);
  assert.equal(first.code, 0, first.stderr);
  assert.match(
    first.stdout,
    /^Baseline "baseline\.json" written: 2 tasks of "tiny:WordNetReranking,WordNetSummarization", \d+ kB\.\n/,
  );
  const text = Deno.readTextFileSync(lab.path("baseline.json"));

  // The records are found again; those of the models below are made with the settings of the file.
  const same = await launch([
    "check",
    "baseline.json",
    "--backbone",
    "tiny",
    "--exact",
    "--junit",
    "out/junit.xml",
  ], at);
  assert.equal(same.code, 0, same.stderr + same.stdout);
  assert.match(same.stdout, /^Check passed: 2 tasks: 2 equal to the last bit\.\n/);
  assert.match(same.stdout, /^The embeddings are equal to the last bit\.$/m);
  assert.match(same.stderr, /^continuing scores\/tiny-tiny-/m);
  assert.match(Deno.readTextFileSync(lab.path("out/junit.xml")), /tests="3" failures="0"/);

  const shake = (name: string, tensor: string, share: number) =>
    shaken(builtIn, lab.path(name), tensor, share);
  const little = await launch([
    "check",
    "baseline.json",
    "--backbone",
    await shake("little", "model.layers.0.self_attn.o_proj.weight", 0.003),
    "--json",
  ], at);
  const report = json(little);
  assert.equal(little.code, 0, little.stderr + little.stdout);
  assert.deepEqual(report.tasks.map(({ verdict }) => verdict), ["noise", "noise"]);
  assert.ok(report.tasks.every(({ interval }) => interval![0] < 0 && interval![1] > 0));
  assert.deepEqual(report.otherThanBaseline, [
    'model: "tiny" -> "little"',
    "files of the model: model.safetensors",
  ]);

  const hard = await launch([
    "check",
    "baseline.json",
    "--backbone",
    await shake("hard", "model.embed_tokens.weight", 1.5),
    "--format",
    "markdown",
  ], at);
  assert.equal(hard.code, 1, hard.stderr + hard.stdout);
  assert.match(
    hard.stdout,
    /^\*\*Check FAILED: 2 of 2 tasks regressed \(WordNetReranking, WordNetSummarization\); the mean/,
  );
  assert.match(hard.stdout, /^\| WordNetSummarization +\| REGRESSED +\| cosine_spearman \|/m);

  // Another bit is no regression, and not the same.
  const folder = ["--from", report.folder];
  const exact = await launch(["check", "baseline.json", ...folder, "--exact"], at);
  assert.equal(exact.code, 1);
  assert.match(
    exact.stdout,
    /^Check FAILED: 2 of 2 tasks with other bits \(.*\); the embeddings have other bits\.$/m,
  );
  assert.match(
    exact.stdout,
    /^WordNetSummarization: \d+ items differ, the first: item \d+, value -?0\.\d+ -> -?0\.\d+; item \d+, value/m,
  );

  // Accepted: what changes is told, and the settings stay.
  const update = await launch(["check", "--update", "baseline.json", ...folder, "--max-drop", "2"], at);
  assert.equal(update.code, 0, update.stderr);
  assert.match(
    update.stdout,
    /^Baseline "baseline\.json" rewritten \(\d+ kB\); below, what it was is called baseline\.\n/,
  );
  assert.match(
    update.stdout,
    /^- files of the model: model\.safetensors\n- tolerance\.maxDropPoints: 1 -> 2$/m,
  );
  assert.match(update.stdout, /^WordNetSummarization +within noise /m);
  const again = await launch(["check", "--update", "baseline.json", ...folder], at);
  assert.match(again.stdout, /is what it was, to the last bit\.\n/);
  const now = JSON.parse(Deno.readTextFileSync(lab.path("baseline.json"))), before = JSON.parse(text);
  assert.deepEqual([now.settings, now.suite], [before.settings, before.suite]);
});

Deno.test("check refuses rows, tasks and settings that are not those of the baseline, and files that are none", async () => {
  using lab = await Lab.create();
  const at = { cwd: lab.root }, data = ["--data-root", lab.path("data")];
  const measure = ["check", "--update", "b.json", "--manifest", lab.manifest(), ...data];
  const first = await launch([
    ...measure,
    "--tasks",
    "STSBenchmark,Banking77Classification",
    "--out",
    "first",
  ], at);
  assert.equal(first.code, 0, first.stderr);
  const text = Deno.readTextFileSync(lab.path("b.json"));
  const check = (...args: string[]) => launch(["check", "b.json", ...args], at);
  const same = await check("--from", "first");
  assert.equal(same.code, 0, same.stderr);
  // A folder is a baseline too.
  assert.equal((await launch(["check", "first", "--from", "first", "--exact"], at)).code, 0);

  const refused = async (code: number, message: RegExp, ...args: string[]) => {
    const outcome = await check(...args);
    const said = `${args.join(" ")}\n${outcome.stderr}${outcome.stdout}`;
    assert.match(outcome.stderr + outcome.stdout, message, said);
    assert.equal(outcome.code, code, said);
  };
  // A row of the data.
  const rows = lab.path("data/mteb/stsbenchmark-sts/test.jsonl"), whole = Deno.readTextFileSync(rows);
  Deno.writeTextFileSync(rows, whole.replace("sleeps", "dreams"));
  const model = ["--backbone", lab.copyModel()];
  await refused(
    1,
    /^Not compared: STSBenchmark: other data: rows .*; changed: "mteb\/stsbenchmark-sts\/test\.jsonl"\.$/m,
    ...model,
    ...data,
  );
  Deno.removeSync(rows);
  await refused(3, /test\.jsonl/, ...model, ...data);
  Deno.writeTextFileSync(rows, whole);
  // A task, and settings, of an evaluation that is there.
  const evaluate = (out: string, ...args: string[]) =>
    launch(["eval", "--manifest", lab.manifest(), ...data, "--out", lab.path(out), ...args]);
  assert.equal((await evaluate("fewer", "--tasks", "STSBenchmark")).code, 0);
  await refused(1, /^Not compared: Banking77Classification: it was not evaluated\.$/m, "--from", "fewer");
  assert.equal((await evaluate("otherwise", "--tasks", "STSBenchmark", "--seed", "9")).code, 0);
  await refused(1, /^Not compared: STSBenchmark: settings\.seed: 1 -> 9\.$/m, "--from", "otherwise");
  // A weight that is no number.
  await spoilWeight(lab.path("model"), "model.layers.0.self_attn.q_proj.weight");
  await refused(4, / is NaN\n/, ...model, ...data);

  // The file.
  const write = (edit: (json: { [key: string]: Record<string, unknown> }) => void) => {
    const parsed = JSON.parse(text);
    edit(parsed);
    lab.write("b.json", JSON.stringify(parsed));
  };
  const from = ["--from", "first"];
  lab.write("b.json", text.slice(0, text.length / 2));
  await refused(2, /"b\.json" is not a baseline: /, ...from);
  write((file) => (file["tasks"]!["STSBenchmark"] as Record<string, unknown>)["score"] = 0.1);
  await refused(2, /was changed after it was measured\n {2}.*only its tolerance may be edited/, ...from);
  write((file) => file["tolerance"]!["maxDropPoints"] = "none");
  await refused(2, /"tolerance\.maxDropPoints": .*\(found "none"\)/, ...from);
  lab.write("b.json", text.replace("grace-baseline/1", "grace-baseline/0"));
  await refused(2, /has the form grace-baseline\/0, this version reads grace-baseline\/1/, ...from);
  // What cannot be read is not replaced either.
  await refused(2, /grace-baseline\/0/, "--update", ...from);
  write((file) => file["tolerance"] = { maxDropPoints: 0, confidence: 0, tasks: { STSBenchmark: 3 } });
  assert.equal((await check(...from)).code, 0);
});

Deno.test("check names what is missing or said twice", async () => {
  using lab = await Lab.create();
  lab.write("b.json", "{}");
  const cases: [code: number, message: RegExp, args: string[]][] = [
    [2, /^error: nothing to check is named\n/, ["b.json"]],
    [2, /^error: --suite, --no-rationale without --update: /, [
      "b.json",
      "--backbone",
      "tiny",
      "--suite",
      "tiny",
      "--no-rationale",
    ]],
    [3, /^error: there is no baseline "c\.json"\n {2}measure a model that you trust: /, [
      "c.json",
      "--backbone",
      "tiny",
    ]],
    [2, /^error: "b\.json" is not a baseline: its schema is not told\n/, ["b.json", "--backbone", "tiny"]],
    [2, /--max-drop <points>" argument "-1"/, ["b.json", "--max-drop", "-1"]],
    [2, /--confidence <share>" argument "1"/, ["b.json", "--confidence", "1"]],
    [2, /"--exact" cannot be used with option "--update"/, ["b.json", "--update", "--exact"]],
    [2, /which is a folder\n/, [lab.root, "--update", "--backbone", "tiny"]],
    [3, /^error: there is no folder "nowhere"/, ["c.json", "--update", "--from", "nowhere"]],
    [3, /the backbone "nowhere" does not exist/, [
      "c.json",
      "--update",
      "--backbone",
      "nowhere",
      "--suite",
      "tiny",
    ]],
  ];
  for (const [code, message, args] of cases) {
    const outcome = await launch(["check", ...args], { cwd: lab.root });
    assert.match(outcome.stderr, message, args.join(" "));
    assert.equal(outcome.code, code, args.join(" "));
    assert.equal(outcome.stdout, "");
  }
  assert.deepEqual([...Deno.readDirSync(lab.root)].map(({ name }) => name).sort(), ["b.json", "data"]);
});

Deno.test("check takes an arm of a run as baseline or candidate, under the settings with which the run read it", async () => {
  using lab = await Lab.create();
  const run = await lab.run(lab.manifest({ arms: ["base", "reasoning"] }), "out");
  assert.equal(run.code, 0, run.stderr);
  const at = { cwd: lab.root }, scores = join(onlyFolder(lab.path("out")), "scores");
  const arm = (name: string) => join(scores, name);
  const measured = await launch(["check", "--update", "b.json", "--from", arm("reasoning")], at);
  assert.equal(measured.code, 0, measured.stderr);
  const model = ["--backbone", lab.copyModel(), "--data-root", lab.path("data")];
  const again = await launch(["check", "b.json", ...model, "--exact"], at);
  assert.equal(again.code, 0, again.stderr + again.stdout);
  const other = await launch(["check", arm("base"), "--from", arm("reasoning")], at);
  assert.equal(other.code, 1);
  assert.match(
    other.stdout,
    /^Not compared: STSBenchmark\[smoke:12\]: settings\.rationale: "none" -> "written"\.$/m,
  );
  const all = await launch(["check", "b.json", "--from", join(scores, "..")], at);
  assert.equal(all.code, 2);
  assert.match(all.stderr, /is a run with the arms base, reasoning\n {2}name one of them: /);
});

Deno.test("check compares embeddings that another program made", async () => {
  using lab = await Lab.create();
  const suite = "mteb:STSBenchmark", data = ["--data-root", lab.path("data")];
  const tasks = await resolveSuite(findSuite(suite), new Mirror(lab.path("data")));
  const texts = (await inputsOf(tasks)).map(({ text }) => text);
  const write = (folder: string, embed: (text: string) => Float32Array) => {
    Deno.mkdirSync(lab.path(folder));
    lab.write(`${folder}/texts.jsonl`, texts.map((text) => JSON.stringify(text) + "\n").join(""));
    lab.write(`${folder}/embeddings.json`, `{"name":"${folder}","dimension":64}`);
    const values = Float32Array.from(texts.flatMap((text) => [...embed(text)]));
    Deno.writeFileSync(lab.path(folder, "embeddings.f32"), new Uint8Array(values.buffer));
  };
  write("trusted", (text) => hashedTrigrams(text.split(" ").slice(0, 2).join(" ")));
  write("whole", hashedTrigrams);
  const check = (...args: string[]) => launch(["check", ...args, ...data], { cwd: lab.root });
  const first = await check("--update", "b.json", "--from", "trusted", "--suite", suite);
  assert.equal(first.code, 0, first.stderr);
  assert.equal((await check("b.json", "--from", "trusted", "--exact")).code, 0);
  const worse = await check("b.json", "--from", "whole", "--confidence", "0");
  assert.equal(worse.code, 1, worse.stderr + worse.stdout);
  assert.match(worse.stdout, /^STSBenchmark +REGRESSED +cosine_spearman +20 /m);
  assert.match(worse.stdout, /noise is not asked\.$/m);
  assert.match(worse.stdout, /^- model: "trusted" -> "whole"$/m);
  const backbone = await check("b.json", "--backbone", "tiny");
  assert.equal(backbone.code, 2);
  assert.match(backbone.stderr, /"b\.json" is a baseline of an encoder, --backbone names a backbone\n/);
});
