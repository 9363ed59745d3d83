import { join } from "node:path";
import { assert } from "#test";
import { TINY_TRIPLETS } from "../fixtures/tiny_mirror.ts";
import { isLeftover } from "../lib/journal/atomic.ts";
import { digestRun } from "../lib/journal/digest.ts";
import { armPath, checkpointsPath, journalPath } from "../lib/journal/layout.ts";
import { readJournal } from "../lib/journal/read.ts";
import { latestCheckpoint } from "../lib/journal/run_folder.ts";
import { loadManifest } from "../lib/manifest/parse.ts";
import { resolveManifest } from "../lib/manifest/resolve.ts";
import { Lab, onlyFolder, spoilWeight } from "./_lab.ts";
import { launch, launcher } from "./_launch.ts";

/** Long enough, at 20 to 50 ms a step, that a signal can be sent into the middle. */
const long = { train: { steps: 30 }, cl: { steps: 30 } };

function start(args: string[]): Deno.ChildProcess {
  return new Deno.Command(launcher, { args, stdin: "null", stdout: "piped", stderr: "piped" }).spawn();
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Steps that a journal holds so far, torn line or not. */
function stepsIn(out: string, arm: string): number {
  try {
    return Deno.readTextFileSync(journalPath(onlyFolder(out), arm, "steps")).split("\n").length - 1;
  } catch {
    return 0;
  }
}

/** Names and sizes of all files below a folder: changes with whatever a run writes. */
function trace(folder: string): string {
  try {
    return [...Deno.readDirSync(folder)].map(({ name, isDirectory }) =>
      isDirectory ? trace(join(folder, name)) : `${name} ${Deno.statSync(join(folder, name)).size}`
    ).join();
  } catch {
    return ""; // Not there yet, or just renamed.
  }
}

/** Unfinished writes anywhere below a folder. */
function leftovers(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    isLeftover(name) ? [join(folder, name)] : isDirectory ? leftovers(join(folder, name)) : []
  );
}

Deno.test("run trains and evaluates all arms, and prints one table with the paper's numbers beside", async () => {
  using lab = await Lab.create();
  const { code, stdout, stderr } = await lab.run(lab.manifest(), "out");
  assert.equal(code, 0, stderr);
  const run = onlyFolder(lab.path("out"));
  assert.match(stdout, /^task +metric +items +base +reasoning +cl +grace$/m);
  assert.match(stdout, /^gsm8k-1shot\[smoke:3\] .*\d\.\d\d \(\d\/3\)/m);
  assert.match(stdout, /partial: 1 of 15 tasks, sliced/);
  assert.match(stdout, /^Paper, Qwen2\.5-1\.5B-Instruct/m);
  assert.match(stdout, /^general: gsm8k +32\.06 /m);
  assert.ok(stdout.trimEnd().endsWith(run));
  for (const arm of ["cl", "grace"]) {
    assert.deepEqual(readJournal(journalPath(run, arm, "steps")).map(({ step }) => step), [1, 2, 3]);
  }
  assert.equal(readJournal(journalPath(run, "grace", "rationales")).length, 3 * 2 * 3);
  assert.deepEqual([...Deno.readDirSync(join(run, "scores"))].map(({ name }) => name).sort(), [
    "base",
    "cl",
    "grace",
    "reasoning",
  ]);
  assert.ok(Deno.readTextFileSync(join(run, "report.txt")).includes("Scores (x 100)"));
});

Deno.test("run gives the same bits when it is repeated, and does nothing twice when it is finished", async () => {
  using lab = await Lab.create();
  const manifest = lab.manifest();
  const first = await lab.run(manifest, "first");
  const second = await lab.run(manifest, "second");
  assert.deepEqual([first.code, second.code], [0, 0], first.stderr + second.stderr);
  const [one, two] = [onlyFolder(lab.path("first")), onlyFolder(lab.path("second"))];
  assert.deepEqual(digestRun(two), digestRun(one));
  const page = (run: string) => Deno.readTextFileSync(join(run, "report.html"));
  assert.equal(page(two), page(one));
  const paths = digestRun(one).files.map(({ path }) => path);
  for (
    const counted of [
      /steps\.jsonl$/,
      /rationales\.jsonl$/,
      /step-000003\/model\.safetensors$/,
      /embeddings\.f32$/,
      /items\.jsonl$/,
    ]
  ) assert.ok(paths.some((path) => counted.test(path)), String(counted));

  const third = await lab.run(manifest, "first");
  assert.match(third.stderr, /^continuing /);
  assert.doesNotMatch(third.stderr, /train|evaluate/);
  assert.equal(third.stdout, first.stdout);
});

Deno.test("run says on stderr which training rows are from a data set of the suite", async () => {
  using lab = await Lab.create();
  const manifest = lab.manifest({ arms: ["cl"] });
  const before = await lab.run(manifest, "before");
  assert.doesNotMatch(before.stderr, /training rows are from/);
  const path = lab.path("data", TINY_TRIPLETS);
  const [first, ...others] = Deno.readTextFileSync(path).split("\n");
  Deno.writeTextFileSync(path, [first!.replace("made up", "Banking-77"), ...others].join("\n"));
  const { code, stderr } = await lab.run(manifest, "after");
  assert.equal(code, 0, stderr);
  assert.match(
    stderr,
    /^1 of 24 training rows are from "Banking-77", and so is Banking77Classification\[smoke:12\]$/m,
  );
  const page = Deno.readTextFileSync(join(onlyFolder(lab.path("after")), "report.html"));
  assert.match(page, /<li>1 of 24 training rows are from &quot;Banking-77&quot;/);
});

Deno.test("run gives other weights when the seed differs", async () => {
  using lab = await Lab.create();
  const weights = [];
  for (const seed of [1, 2]) {
    const { code, stderr } = await lab.run(lab.manifest({ seed, arms: ["grace"] }), `out${seed}`);
    assert.equal(code, 0, stderr);
    const { files } = digestRun(onlyFolder(lab.path(`out${seed}`)));
    weights.push(files.find(({ path }) => /grace.*model\.safetensors$/.test(path))!.sha256);
  }
  assert.notEqual(weights[0], weights[1]);
});

Deno.test("run gives the same bits when it was killed at random moments as when it was not", async () => {
  using lab = await Lab.create();
  const manifest = lab.manifest(long);
  const begin = performance.now();
  const straight = await lab.run(manifest, "straight");
  const duration = performance.now() - begin;
  assert.equal(straight.code, 0, straight.stderr);

  const moments: string[] = [];
  let resumed = 0, finished = false;
  for (let attempt = 0; attempt < 30 && !finished; attempt++) {
    const child = start(lab.runArgs(manifest, "killed"));
    if (attempt < 5) {
      // The clock starts when the process does something new, so that a busy machine does not kill only start-ups.
      const seen = trace(lab.path("killed"));
      let ended = false;
      child.status.then(() => ended = true);
      while (!ended && trace(lab.path("killed")) === seen) await pause(5);
      await pause(0.15 * duration * crypto.getRandomValues(new Uint8Array(1))[0]! / 255);
      try {
        child.kill("SIGKILL");
      } catch {
        // It finished before the signal.
      }
    }
    const { success, signal, stderr } = await child.output();
    const log = new TextDecoder().decode(stderr);
    if (!success && signal !== "SIGKILL") assert.fail(log);
    if (log.includes("ended without closing the run")) resumed++;
    moments.push(log.trimEnd().split("\n").at(-1)!);
    finished = success;
  }
  assert.ok(finished);
  assert.ok(resumed > 0, "no kill hit a working process: the test showed nothing");
  const [killed, whole] = [onlyFolder(lab.path("killed")), onlyFolder(lab.path("straight"))];
  assert.deepEqual(digestRun(killed), digestRun(whole), `killed after: ${moments.join(" | ")}`);
  assert.deepEqual(leftovers(killed), []);
  const report = "report.txt";
  assert.equal(Deno.readTextFileSync(join(killed, report)), Deno.readTextFileSync(join(whole, report)));
});

Deno.test("run writes a checkpoint and ends with 130 at SIGINT, and continues to the same bits", async () => {
  using lab = await Lab.create();
  const manifest = lab.manifest({
    ...long,
    arms: ["cl", "grace"],
    train: { steps: 30, checkpointEvery: 1000 },
  });
  const straight = await lab.run(manifest, "straight");
  assert.equal(straight.code, 0, straight.stderr);

  const child = start(lab.runArgs(manifest, "out"));
  while (stepsIn(lab.path("out"), "grace") < 2) await pause(5);
  child.kill("SIGINT");
  const { code, stdout, stderr } = await child.output();
  const log = new TextDecoder().decode(stderr);
  assert.equal(code, 130, log);
  assert.equal(stdout.length, 0);
  assert.match(log, /\nInterrupted: .*same command.*\n$/);
  const run = onlyFolder(lab.path("out"));
  const steps = readJournal(journalPath(run, "grace", "steps")).length;
  assert.ok(steps < 30, "it was stopped in the middle");
  assert.equal(latestCheckpoint(run, "grace")!.step, steps, "nothing is lost");

  const { code: second, stderr: more } = await lab.run(manifest, "out");
  assert.equal(second, 0, more);
  assert.doesNotMatch(more, /recovered/);
  assert.deepEqual(digestRun(run), digestRun(onlyFolder(lab.path("straight"))));
});

Deno.test("run ends with 4 before it writes anything of a step whose numbers are not finite", async () => {
  using lab = await Lab.create();
  const model = lab.copyModel();
  await spoilWeight(model, "model.layers.1.mlp.down_proj.weight");
  for (const arms of [["base", "grace"], ["cl", "grace"], ["grace", "cl"]]) {
    const out = arms.join("-");
    const { code, stdout, stderr } = await lab.run(lab.manifest({ backbone: model, arms }), out);
    assert.equal(code, 4, `${arms}: ${stderr}`);
    assert.match(stderr, /\nerror: .*(NaN|not finite).*\n {2}\S/, String(arms));
    assert.equal(stdout, "");
    const run = onlyFolder(lab.path(out));
    assert.deepEqual(leftovers(run), []);
    for (const arm of ["cl", "grace"]) {
      assert.equal(latestCheckpoint(run, arm), undefined);
      assert.equal(stepsIn(lab.path(out), arm), 0);
    }
  }
});

Deno.test("run keeps the journal and the checkpoint from before the step at which training diverged", async () => {
  using lab = await Lab.create();
  const manifest = lab.manifest({
    arms: ["grace"],
    train: { steps: 3, miniBatches: 1, checkpointEvery: 1 },
    optimizer: { learningRate: 1e30 },
  });
  for (const attempt of ["the first time", "when it is continued"]) {
    const { code, stderr } = await lab.run(manifest, "out");
    assert.equal(code, 4, `${attempt}: ${stderr}`);
    const run = onlyFolder(lab.path("out"));
    assert.deepEqual(readJournal(journalPath(run, "grace", "steps")).map(({ step }) => step), [1]);
    assert.deepEqual([...Deno.readDirSync(checkpointsPath(run, "grace"))].map(({ name }) => name), [
      "step-000001",
    ]);
    assert.deepEqual(leftovers(armPath(run, "grace")), []);
  }
});

Deno.test("run goes on to its end when nobody reads its progress any more", async () => {
  using lab = await Lab.create();
  const args = lab.runArgs(lab.manifest({ arms: ["base"] }), "out");
  const child = new Deno.Command(launcher, { args, stdin: "null", stdout: "piped", stderr: "piped" }).spawn();
  await child.stderr.cancel();
  const [stdout, { code }] = await Promise.all([new Response(child.stdout).text(), child.status]);
  assert.equal(code, 0);
  assert.match(stdout, /^Every number above comes from the records in /m);
  assert.ok(Deno.statSync(join(onlyFolder(lab.path("out")), "report.md")).isFile);
});

Deno.test("run of a single arm prints its scores", async () => {
  using lab = await Lab.create();
  const args = lab.runArgs(lab.manifest({ arms: ["cl"] }), "out");
  const { code, stdout, stderr } = await launch(args);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^task +metric +items +score +stderr +correct$/m);
  // The lock is replaced, not written over: a reader of the old one keeps it.
  Deno.linkSync(lab.path("grace.lock.json"), lab.path("old"));
  const lock = Deno.readTextFileSync(lab.path("old"));
  Deno.writeTextFileSync(lab.path("old"), "old");
  const { comparison, scores } = JSON.parse((await launch([...args, "--json"])).stdout);
  assert.equal(comparison, null);
  assert.equal(scores.length, 5);
  assert.equal(Deno.readTextFileSync(lab.path("grace.lock.json")), lock);
  assert.equal(Deno.readTextFileSync(lab.path("old")), "old");
});

Deno.test("run leaves a grace.json that gives the same run, whether settings were written or typed", async () => {
  using lab = await Lab.create();
  const typed = ["--arms", "base", "--seed", "5", "--steps", "2"];
  const first = await launch([...lab.runArgs(lab.manifest({ seed: 3 }), "out"), ...typed]);
  assert.equal(first.code, 0, first.stderr);
  const run = onlyFolder(lab.path("out"));
  const { manifest } = JSON.parse(Deno.readTextFileSync(join(run, "manifest.resolved.json")));
  assert.equal(manifest.train.steps, 2);
  assert.deepEqual(resolveManifest(loadManifest(join(run, "grace.json"))).manifest, manifest);
  const again = await lab.run(lab.write("copy.json", Deno.readTextFileSync(join(run, "grace.json"))), "out");
  assert.match(again.stderr, /^continuing /);
  assert.equal(onlyFolder(lab.path("out")), run);
});

Deno.test("run refuses a folder that holds something else", async () => {
  using lab = await Lab.create();
  const manifest = lab.manifest({ arms: ["base"] });
  assert.equal((await lab.run(manifest, "out")).code, 0);
  const run = onlyFolder(lab.path("out"));
  Deno.removeSync(run, { recursive: true });
  Deno.mkdirSync(run);
  Deno.writeTextFileSync(join(run, "thesis.tex"), "five years of work");
  Deno.removeSync(lab.path("grace.lock.json"));
  const { code, stderr } = await lab.run(manifest, "out");
  assert.equal(code, 2);
  assert.match(
    stderr,
    /^error: .* holds "thesis\.tex" but no manifest\.resolved\.json: it is not a run folder\n/m,
  );
  assert.deepEqual([...Deno.readDirSync(run)].map(({ name }) => name).sort(), [".lock", "thesis.tex"]);
  assert.throws(() => Deno.statSync(lab.path("grace.lock.json")), Deno.errors.NotFound);
});

Deno.test("run --frozen fails when an input is not what the lock says, and changes nothing", async () => {
  using lab = await Lab.create();
  const manifest = lab.manifest({ arms: ["base"] });
  assert.equal((await lab.run(manifest, "out")).code, 0);
  const lock = Deno.readTextFileSync(lab.path("grace.lock.json"));
  const frozen = [...lab.runArgs(manifest, "frozen"), "--frozen"];
  const same = await launch(frozen);
  assert.equal(same.code, 0, same.stderr);
  Deno.writeTextFileSync(
    lab.path("data/mteb/banking77/test.jsonl"),
    '{"text":"one more","label":1}\n',
    { append: true },
  );
  const { code, stderr } = await launch(frozen);
  assert.equal(code, 1, stderr);
  assert.match(stderr, /input "data\/mteb\/banking77\/test\.jsonl" has other content/);
  assert.equal(Deno.readTextFileSync(lab.path("grace.lock.json")), lock);
});
