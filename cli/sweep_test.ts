import { assert } from "#test";
import { digestRun } from "../lib/journal/digest.ts";
import { Lab, onlyFolder } from "./_lab.ts";
import { launch, type Outcome } from "./_launch.ts";

/** A sweep of the lab's smallest run. */
function sweep(lab: Lab, out: string, ...args: string[]): Promise<Outcome> {
  const manifest = lab.manifest({ arms: ["base", "grace"] });
  return launch([
    ...["sweep", "--manifest", manifest, "--data-root", lab.path("data"), "--out", lab.path(out)],
    ...args,
  ]);
}

const read = (lab: Lab, ...parts: string[]) => JSON.parse(Deno.readTextFileSync(lab.path(...parts)));

const folders = (path: string) =>
  [...Deno.readDirSync(path)].filter(({ isDirectory }) => isDirectory).map(({ name }) => name).sort();

Deno.test("sweep makes a run of each cell and seed, with the bits of that run alone, and none of them twice", async () => {
  using lab = await Lab.create();
  const grid = ["--set", "reward.lambda1=0,0.5", "--seeds", "1,2"];
  const { code, stdout, stderr } = await sweep(lab, "out", ...grid);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^sweep .*: 4 runs, 2 cells with the seeds 1, 2$/m);
  assert.match(stderr, /^1 of 4 runs; about .* a run, .* left$/m);
  assert.match(stdout, /^arm +reward\.lambda1 +seeds +Banking77/m);
  assert.match(stdout, /^base +any +2 +\d/m);
  assert.match(stdout, /^grace +0\.5 +2 +\d+\.\d\d ±\d/m);
  assert.equal(stderr.match(/evaluate base: \d+\/\d+ texts/g)!.length, 1, "equal evaluations are done once");

  const { runs, results } = read(lab, "out", "sweep.json");
  assert.equal(folders(lab.path("out")).length, 4);
  assert.deepEqual(runs.map(({ cell, seed }: { cell: string; seed: number }) => `${cell} ${seed}`), [
    "reward.lambda1=0 1",
    "reward.lambda1=0.5 1",
    "reward.lambda1=0 2",
    "reward.lambda1=0.5 2",
  ]);
  assert.deepEqual(results.map(({ arm, cell }: { arm: string; cell: string | null }) => [arm, cell]), [
    ["base", null],
    ["grace", "reward.lambda1=0"],
    ["grace", "reward.lambda1=0.5"],
  ]);

  const alone = lab.manifest({ arms: ["base", "grace"], reward: { lambda1: 0.5 }, seed: 2 });
  assert.equal((await lab.run(alone, "alone")).code, 0);
  const run = onlyFolder(lab.path("alone"));
  assert.equal(run, lab.path("alone", runs[3].folder), "a cell's folder is called as the run's");
  assert.deepEqual(digestRun(lab.path("out", runs[3].folder)), digestRun(run));

  const reports = ["sweep.csv", "sweep.json", "sweep.md"];
  const before = reports.map((name) => Deno.readTextFileSync(lab.path("out", name)));
  const again = await sweep(lab, "out", ...grid);
  assert.equal(again.stdout, stdout);
  assert.equal(again.stderr.match(/: there already, /g)!.length, 4);
  reports.forEach((name) => Deno.removeSync(lab.path("out", name)));
  const report = await launch(["sweep", "--report-only", "--out", lab.path("out")]);
  assert.equal(report.stdout, stdout);
  assert.deepEqual(reports.map((name) => Deno.readTextFileSync(lab.path("out", name))), before);
});

Deno.test("sweep goes on after a run that fails, tells of it at the end, and ends with its exit code", async () => {
  using lab = await Lab.create();
  const { code, stdout, stderr } = await sweep(
    lab,
    "out",
    ...["--set", "optimizer.learningRate=1e30,1e-4", "--json"],
  );
  assert.equal(code, 4, stderr);
  assert.match(stderr, /^run 1\/2: optimizer\.learningRate=1e\+30, seed 1: failed: /m);
  const { runs, results } = JSON.parse(stdout);
  assert.match(runs[0].error, /\S; \S/);
  assert.equal(runs[1].error, null);
  assert.deepEqual(
    results.map(({ arm, cell }: { arm: string; cell: string | null }) => [arm, cell]),
    [["base", "optimizer.learningRate=0.0001"], ["grace", "optimizer.learningRate=0.0001"]],
  );
  const markdown = Deno.readTextFileSync(lab.path("out", "sweep.md"));
  assert.match(markdown, /^Missing: optimizer\.learningRate=1e\+30, seed 1: /m);
});

Deno.test("sweep refuses what is wrong before any run, and leaves nothing behind", async () => {
  using lab = await Lab.create();
  const { code, stderr } = await sweep(lab, "out", "--set", "reward.lamda1=0,1");
  assert.equal(code, 2);
  assert.match(stderr, /did you mean "reward\.lambda1"/);
  assert.throws(() => Deno.statSync(lab.path("out")), Deno.errors.NotFound);
  const nothing = await launch(["sweep", "--report-only", "--out", lab.root]);
  assert.equal(nothing.code, 3);
  assert.match(nothing.stderr, /holds no sweep/);
});
