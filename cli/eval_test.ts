import { join } from "node:path";
import { assert } from "#test";
import { readScores } from "../evals/score_record.ts";
import { latestCheckpoint } from "../lib/journal/run_folder.ts";
import { Lab, onlyFolder, tinyModel } from "./_lab.ts";
import { launch, type Outcome } from "./_launch.ts";

function evaluate(lab: Lab, ...args: string[]): Promise<Outcome> {
  return launch(["eval", "--manifest", lab.manifest(), "--data-root", lab.path("data"), ...args]);
}

/** Everything in the folder's scores, item by item. */
async function itemsOf(folder: string): Promise<unknown[]> {
  return (await readScores(folder)).map((
    { record, items },
  ) => [record.task, record.metrics, record.counts, items]);
}

Deno.test("eval prints every score with its standard error and its correct answers of trials", async () => {
  using lab = await Lab.create();
  const { code, stdout, stderr } = await evaluate(lab, "--out", lab.path("scores"));
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^task +metric +items +score +stderr +correct$/m);
  assert.match(stdout, /^STSBenchmark\[smoke:12\] +cosine_spearman +12 +-?\d+\.\d\d +\d+\.\d\d$/m);
  assert.match(
    stdout,
    /^gsm8k-1shot\[smoke:3\] +exact_match,strict-match +3 +\d+\.\d\d +(\d+\.\d\d +)?\d\/3$/m,
  );
  assert.match(stdout, /^mmlu-9-of-14042\[smoke:4\] +acc +4 +\d+\.\d\d +\d+\.\d\d +\d\/4$/m);
  assert.match(stdout, /partial: 1 of 10 tasks, sliced/);
  assert.match(stderr, /^evaluate: 74\/74 texts/m);
  assert.match(stderr, /^preset smollm2-cpu \(default for any backbone but tiny\)$/m);
});

Deno.test("eval gives a checkpoint of a run the scores that the run gave it", async () => {
  using lab = await Lab.create();
  const { code, stderr } = await lab.run(lab.manifest({ arms: ["base", "reasoning", "grace"] }), "out");
  assert.equal(code, 0, stderr);
  const run = onlyFolder(lab.path("out"));
  const checkpoint = latestCheckpoint(run, "grace")!.path;
  const cases: [arm: string, args: string[]][] = [
    ["grace", ["--backbone", checkpoint]],
    ["reasoning", []],
    ["base", ["--no-rationale"]],
  ];
  for (const [arm, args] of cases) {
    const { code, stderr } = await evaluate(lab, "--out", lab.path(arm), ...args);
    assert.equal(code, 0, stderr);
    assert.deepEqual(await itemsOf(lab.path(arm)), await itemsOf(join(run, "scores", arm)), arm);
  }
  const bytes = (arm: string) => Deno.readFileSync(lab.path(arm, "embeddings.f32")).toHex();
  assert.notEqual(bytes("grace"), bytes("reasoning"), "training changed the weights");
});

Deno.test("eval names its folder after model and suite, and continues what was interrupted there", async () => {
  using lab = await Lab.create();
  const args = ["eval", "--manifest", lab.manifest(), "--data-root", lab.path("data"), "--json"];
  const first = await launch(args, { cwd: lab.root });
  assert.equal(first.code, 0, first.stderr);
  const { schema, folder, scores } = JSON.parse(first.stdout);
  assert.equal(schema, "grace-eval/1");
  assert.match(folder, /^scores\/llama-tied-smoke-[0-9a-f]{12}$/);
  assert.equal(scores.length, 5);
  const { rationale, files } = JSON.parse(Deno.readTextFileSync(lab.path(folder, "evaluation.json")));
  assert.equal(rationale, true);
  assert.ok(files.some(({ name }: { name: string }) => name === "model.safetensors"));

  // As a kill leaves it: some records, one of them torn, and no scores.
  const records = lab.path(folder, "rationales.jsonl");
  const whole = Deno.readTextFileSync(records);
  Deno.writeTextFileSync(records, whole.slice(0, whole.length / 2));
  Deno.removeSync(lab.path(folder, "scores"), { recursive: true });
  const second = await launch(args, { cwd: lab.root });
  assert.match(second.stderr, /^continuing /);
  assert.equal(second.stdout, first.stdout);
  assert.equal(Deno.readTextFileSync(records), whole);
});

Deno.test("eval refuses a folder of another evaluation, and one that holds something else", async () => {
  using lab = await Lab.create();
  const out = ["--out", lab.path("scores")];
  assert.equal((await evaluate(lab, ...out)).code, 0);
  for (const other of [["--seed", "2"], ["--no-rationale"], ["--preset", "code"]]) {
    const { code, stderr, stdout } = await evaluate(lab, ...out, ...other);
    assert.equal(code, 2, `${other}: ${stderr}`);
    assert.match(stderr, /holds another evaluation \(identity/);
    assert.equal(stdout, "");
  }
  Deno.mkdirSync(lab.path("papers"));
  lab.write("papers/thesis.tex", "five years of work");
  // Named as what an interrupted write leaves.
  for (const part of ["film.part-1", "film.part-2"]) lab.write(`papers/${part}`, "half of a film");
  const { code, stderr } = await evaluate(lab, "--out", lab.path("papers"));
  assert.equal(code, 2);
  assert.match(stderr, /holds "(thesis\.tex|film\.part-\d)" but no evaluation\.json/);
  const left = [...Deno.readDirSync(lab.path("papers"))].map(({ name }) => name).sort();
  assert.deepEqual(left, ["film.part-1", "film.part-2", "thesis.tex"]);
});

Deno.test("eval reads a copy of the model elsewhere as the same model", async () => {
  using lab = await Lab.create();
  const out = ["--out", lab.path("scores")];
  const first = await evaluate(lab, ...out, "--backbone", tinyModel);
  const second = await evaluate(lab, ...out, "--backbone", lab.copyModel());
  assert.equal(second.code, 0, second.stderr);
  assert.equal(second.stdout, first.stdout);
  assert.match(first.stderr, /\d texts/);
  assert.doesNotMatch(second.stderr, /\d texts/);
});

Deno.test("compare puts runs and evaluations side by side, and tells on which settings runs differ", async () => {
  using lab = await Lab.create();
  const arms = ["base", "grace"];
  for (
    const [out, changes] of Object.entries({ a: { arms }, b: { arms, reward: { negatives: "shared" } } })
  ) {
    const { code, stderr } = await lab.run(lab.manifest(changes), out);
    assert.equal(code, 0, stderr);
    Deno.renameSync(onlyFolder(lab.path(out)), lab.path(`run-${out}`));
  }
  const [a, b] = [lab.path("run-a"), lab.path("run-b")];
  const text = await launch(["compare", a, b, "--base", "run-a/grace"]);
  assert.equal(text.code, 0, text.stderr);
  assert.match(text.stdout, /^task +metric +items +run-a\/base +run-a\/grace +run-b\/base +run-b\/grace$/m);
  assert.match(text.stdout, /^Change against "run-a\/grace"/m);
  assert.match(
    text.stdout,
    /^- reward\.negatives \[B1.*\]: "per-rollout" \(preset smollm2-cpu\) -> "shared" \(.*grace\.json\)$/m,
  );

  const { schema, comparison, settings } = JSON.parse((await launch(["compare", a, b, "--json"])).stdout);
  assert.equal(schema, "grace-compare/2");
  assert.equal(comparison.arms.length, 4);
  assert.deepEqual(settings[0].differences.map(({ path }: { path: string }) => path), ["reward.negatives"]);

  const single = await launch(["compare", a, "--format", "csv"]);
  assert.match(single.stdout, /^arm,task,/);
  assert.match(single.stdout, /\ngrace,mmlu-9-of-14042\[smoke:4\],general,acc,true,4,[^\n]*\n$/);

  Deno.removeSync(join(b, "scores/grace/scores/gsm8k-1shot_smoke_3.json"));
  const refused = await launch(["compare", a, b]);
  assert.equal(refused.code, 2);
  assert.match(
    refused.stderr,
    /the scores of "gsm8k-1shot\[smoke:3\]" cannot be compared: "run-b\/grace" lacks it/,
  );
});

Deno.test("eval scores chosen tasks of MTEB whole, and writes each as a result in mteb's form", async () => {
  using lab = await Lab.create();
  const args = ["--tasks", "STSBenchmark,SciFact", "--no-rationale", "--out", lab.path("scores")];
  const { code, stdout, stderr } = await evaluate(lab, ...args);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^SciFact +ndcg_at_10 +8 +\d+\.\d\d/m);
  assert.match(
    stdout,
    /^Warning: STSBenchmark, "mteb\/stsbenchmark-sts" has 1379 pairs for this task, the folder holds 20\.$/m,
  );
  const read = (name: string) =>
    JSON.parse(Deno.readTextFileSync(lab.path("scores", "results", `${name}.json`)));
  const scores = await readScores(lab.path("scores"));
  for (const { record } of scores) {
    const result = read(record.task);
    assert.equal(result.task_name, record.task);
    assert.equal(result.dataset_revision, record.options["referenceRevision"]);
    const [only] = result.scores.test;
    assert.equal(only.main_score, Number(record.value.toFixed(6)));
    assert.equal(only.main_score, only[record.main]);
  }
  assert.deepEqual(scores.map(({ record }) => record.task), ["STSBenchmark", "SciFact"].sort());
  // Another profile is another evaluation.
  const other = await evaluate(lab, ...args, "--profile", "mteb-2");
  assert.equal(other.code, 2);
  assert.match(other.stderr, /holds another evaluation/);
});

Deno.test("eval --list shows the tasks of a suite, and which of their data are there", async () => {
  using lab = await Lab.create();
  const list = (...args: string[]) => launch(["eval", "--list", "--data-root", lab.path("data"), ...args]);
  const { code, stdout, stderr } = await list("--types", "STS,Summarization");
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^STSBenchmark +STS +cosine_spearman +1,379 +test +mteb\/stsbenchmark-sts +here$/m);
  assert.match(
    stdout,
    /^STS17 +STS +cosine_spearman +250 +test en-en +mteb\/sts17-crosslingual-sts +missing$/m,
  );
  assert.match(stdout, /^1 of 11 tasks have their data below /m);
  assert.match(stdout, /^grace-released +55 /m);

  const json = JSON.parse((await list("--json")).stdout);
  assert.equal(json.schema, "grace-tasks/1");
  assert.equal(json.tasks.length, 56);
  const here = json.tasks.filter(({ data }: { data: { here: boolean }[] }) => data.every((one) => one.here));
  assert.deepEqual(here.map(({ task }: { task: string }) => task), [
    "SciFact",
    "Banking77Classification",
    "STSBenchmark",
  ]);
  const moved = await list("--tasks", "SciFact,CQADupstackRetrieval", "--profile", "mteb-2", "--json");
  const [forums, scifact] = JSON.parse(moved.stdout).tasks;
  assert.equal(forums.data.length, 12);
  assert.equal(scifact.data[0].revision, "d56462d0e63a25450459c4f213e49ffdb866f7f9");
});

Deno.test("eval refuses tasks that there are not, and tasks together with types", async () => {
  using lab = await Lab.create();
  const refused: [args: string[], complaint: RegExp][] = [
    [["--tasks", "STSBenchmrk"], /no task or type "STSBenchmrk"[^]*did you mean STSBenchmark\?/],
    [["--suite", "smoke", "--types", "Reranking"], /the suite "smoke" has no task or type "Reranking"/],
    [["--tasks", "STS13", "--types", "STS"], /--tasks together with --types/],
    [["--profile", "mteb-3"], /unknown profile "mteb-3"/],
    [["--tasks", "STS13,STS14"], /2 of 2 tasks have no data: STS13: [^]*; STS14: /],
  ];
  for (const [args, complaint] of refused) {
    const { code, stderr, stdout } = await evaluate(lab, ...args);
    assert.notEqual(code, 0);
    assert.match(stderr, complaint);
    assert.equal(stdout, "");
  }
});
