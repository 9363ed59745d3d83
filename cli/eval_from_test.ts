import { join } from "node:path";
import { fromArrow } from "arquero";
import { assert } from "#test";
import { inputsOf } from "../evals/_all_texts.ts";
import { findSuite } from "../evals/find_suite.ts";
import { resolveSuite } from "../evals/suite.ts";
import { hashedTrigrams } from "../fixtures/hashed_trigrams.ts";
import { Mirror } from "../lib/data/mirror.ts";
import { Lab } from "./_lab.ts";
import { launch } from "./_launch.ts";

/** What is in a folder: names, and the bytes of its files. */
function contentOf(folder: string): [string, string][] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isFile }): [string, string][] => {
    const path = join(folder, name);
    return isFile ? [[path, Deno.readFileSync(path).toHex()]] : contentOf(path);
  }).sort();
}

Deno.test("eval --from computes stored scores again without a model, and tells what differs", async () => {
  using lab = await Lab.create();
  const data = ["--data-root", lab.path("data")];
  const first = await launch(["eval", "--manifest", lab.manifest(), ...data, "--out", lab.path("scores")]);
  assert.equal(first.code, 0, first.stderr);
  const results = JSON.parse(Deno.readTextFileSync(lab.path("scores/lm_eval/results.json")));
  assert.deepEqual(Object.keys(results.results), [
    "gsm8k-1shot[smoke:3]",
    ...Object.keys(results.results).filter((name) => name.startsWith("mmlu-")),
  ]);
  const [, ...rows] = Deno.readTextFileSync(lab.path("scores/report.csv")).trimEnd().split("\n");
  const table = fromArrow(Deno.readFileSync(lab.path("scores/report.arrow")));
  assert.equal(table.numRows(), rows.length);
  assert.match(
    Deno.readTextFileSync(lab.path("scores/report.md")),
    /^\| sts \(partial: 1 of 10 tasks, sliced\)/m,
  );
  const before = contentOf(lab.path("scores"));
  const from = (...args: string[]) => launch(["eval", "--from", lab.path("scores"), ...data, ...args]);

  const same = await from();
  assert.equal(same.code, 0, same.stderr);
  assert.ok(same.stdout.startsWith(first.stdout.split("\nEvery number")[0]!), "the same tables");
  assert.match(same.stdout, /^The 5 stored scores are what the stored outputs give, to the last bit\.$/m);
  assert.doesNotMatch(same.stderr, /device|model/);
  assert.deepEqual(contentOf(lab.path("scores")), before, "nothing is written there");

  const csv = await from("--format", "csv");
  assert.equal(csv.stdout, Deno.readTextFileSync(lab.path("scores/report.csv")));
  assert.match(csv.stderr, /are what the stored outputs give/);

  // Into another folder, which has the same scores as bytes.
  const copied = await from("--out", lab.path("again"));
  assert.equal(copied.code, 0, copied.stderr);
  assert.deepEqual(
    contentOf(lab.path("again/scores")).map(([, bytes]) => bytes),
    contentOf(lab.path("scores/scores")).map(([, bytes]) => bytes),
  );

  // Another scoring is no check.
  const other = await from("--tasks", "STSBenchmark", "--profile", "mteb-2", "--json");
  assert.equal(other.code, 0, other.stderr);
  const { scores, differences } = JSON.parse(other.stdout);
  assert.deepEqual([scores.length, scores[0].suite, differences], [
    1,
    "smoke:STSBenchmark@mteb-2+sklearn-1.4",
    undefined,
  ]);

  // A score that was changed by hand.
  const path = lab.path("scores/scores/STSBenchmark_smoke_12.json");
  const record = JSON.parse(Deno.readTextFileSync(path));
  record.metrics.cosine_spearman = 0.99;
  Deno.writeTextFileSync(path, JSON.stringify(record));
  const changed = await from();
  assert.equal(changed.code, 1, changed.stderr);
  assert.match(changed.stdout, /^task +what +stored +scored again$/m);
  assert.match(changed.stdout, /^STSBenchmark\[smoke:12\] +cosine_spearman +0\.99 +-?0\.\d+$/m);
  assert.match(changed.stdout, /: 1 differences\.$/m);
  Deno.removeSync(path);
  const { code, stdout } = await from("--json");
  assert.equal(code, 1);
  assert.deepEqual(
    JSON.parse(stdout).differences.map((
      { task, what, stored }: Record<string, unknown>,
    ) => [task, what, stored]),
    [["STSBenchmark[smoke:12]", "score", null]],
  );

  // As a kill leaves it.
  const records = lab.path("scores/rationales.jsonl");
  const lines = Deno.readTextFileSync(records).split("\n");
  Deno.writeTextFileSync(records, lines.slice(0, -11).join("\n") + "\n");
  const unfinished = await from("--suite", "smoke");
  assert.equal(unfinished.code, 3, unfinished.stdout);
  assert.match(unfinished.stderr, /lacks 10 of 74 texts: "/);
});

Deno.test("eval --from scores embeddings made elsewhere, and names what is missing", async () => {
  using lab = await Lab.create();
  const dataRoot = lab.path("data"), suite = "smoke:STSBenchmark,SciFact";
  const tasks = await resolveSuite(findSuite(suite), new Mirror(dataRoot));
  const texts = (await inputsOf(tasks)).map(({ text }) => text);
  const write = (folder: string, rows: readonly string[]) => {
    Deno.mkdirSync(lab.path(folder));
    lab.write(`${folder}/texts.jsonl`, rows.map((text) => JSON.stringify(text) + "\n").join(""));
    lab.write(`${folder}/embeddings.json`, '{"name":"trigrams","dimension":64}');
    const values = Float32Array.from(rows.flatMap((text) => [...hashedTrigrams(text)]));
    Deno.writeFileSync(lab.path(folder, "embeddings.f32"), new Uint8Array(values.buffer));
    return ["eval", "--from", lab.path(folder), "--data-root", dataRoot, "--suite", suite];
  };
  const args = write("given", [...texts, "no task has this"]);
  const { code, stdout, stderr } = await launch([...args, "--json"], { cwd: lab.root });
  assert.equal(code, 0, stderr);
  assert.match(stderr, /1 more that no task needs/);
  const { folder, scores } = JSON.parse(stdout);
  assert.match(folder, /^scores\/trigrams-smoke-[0-9a-f]{12}$/);
  assert.equal(scores.length, 2);

  // What it left is an evaluation like any other.
  const again = await launch(["eval", "--from", join(lab.root, folder), "--data-root", dataRoot]);
  assert.equal(again.code, 0, again.stderr);
  assert.match(again.stdout, /^The 2 stored scores are/m);

  const missing = await launch(write("part", texts.slice(2)));
  assert.equal(missing.code, 3, missing.stderr);
  assert.ok(
    missing.stderr.includes(`lacks 2 of ${texts.length} texts: ${JSON.stringify(texts[0])}`),
    missing.stderr,
  );
  const general = await launch([...args.slice(0, -1), "smoke"]);
  assert.equal(general.code, 2);
  assert.match(general.stderr, /tasks that an encoder cannot answer: gsm8k/);
  const nothing = await launch(["eval", "--from", lab.path("nothing"), "--suite", "smoke"]);
  assert.equal(nothing.code, 3);
});

Deno.test("eval --rationales embeds the texts with rationales that are given, and names the texts that have none", async () => {
  using lab = await Lab.create();
  const data = ["--data-root", lab.path("data")], tasks = ["--suite", "smoke", "--tasks", "STSBenchmark"];
  const evaluate = (out: string, ...args: string[]) =>
    launch(["eval", "--manifest", lab.manifest(), ...data, ...tasks, "--out", lab.path(out), ...args]);
  const first = await evaluate("first");
  assert.equal(first.code, 0, first.stderr);
  const stored = lab.path("first/rationales.jsonl");
  const records = (folder: string) =>
    Deno.readTextFileSync(lab.path(folder, "rationales.jsonl")).trimEnd().split("\n").map((line) =>
      JSON.parse(line)
    );
  const again = await evaluate("again", "--rationales", stored);
  assert.equal(again.code, 0, again.stderr);
  const written = ({ rationales }: { rationales?: string[] }) => rationales;
  assert.deepEqual(records("again").map(written), records("first").map(written));
  assert.notEqual(
    records("again")[0].encoder,
    records("first")[0].encoder,
    "another encoder, since another made them",
  );
  // A file of its own, without one of the texts.
  const lines = Deno.readTextFileSync(stored).trimEnd().split("\n");
  const lacking = lab.write("lacking.jsonl", lines.slice(0, -1).join("\n") + "\n");
  const refused = await evaluate("refused", "--rationales", lacking);
  assert.equal(refused.code, 3);
  assert.match(refused.stderr, /lacking\.jsonl" lacks the rationales of 1 of \d+ texts: "/);
  const both = await evaluate("both", "--rationales", stored, "--no-rationale");
  assert.equal(both.code, 2);
});
