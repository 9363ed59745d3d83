import { assert } from "#test";
import { presetManifest } from "../lib/manifest/presets.ts";
import { Lab, onlyFolder } from "./_lab.ts";
import { launch } from "./_launch.ts";

Deno.test("embed and doctor find the backbone that is part of the program, from any folder", async () => {
  using lab = await Lab.create();
  const command = await lab.checkout();
  const embedded = await launch(["embed", "--no-rationale", "--json", "a text"], { command, cwd: "/" });
  assert.equal(embedded.code, 0, embedded.stderr);
  assert.equal(JSON.parse(embedded.stdout).embedding.length, 64);
  const doctor = await launch(["doctor", "--backbone", "tiny", "--json"], { command });
  assert.equal(JSON.parse(doctor.stdout).backbone.name, "tiny");
});

Deno.test("run needs no more than its name: backbone, suite, training data, arms and controls are built in", async () => {
  using lab = await Lab.create();
  const command = await lab.checkout();
  // Only sizes, so that the test is fast; everything else is what the program chooses by itself.
  const manifest = lab.write(
    "grace.json",
    JSON.stringify({
      prompt: { promptTokens: 120 },
      sampling: { k: 2, maxNewTokens: 6 },
      evaluation: { maxNewTokens: 4 },
      train: { steps: 2, promptsPerStep: 4 },
      cl: { steps: 2, batch: 4 },
    }),
  );
  const { code, stdout, stderr } = await launch(["run", "--manifest", manifest, "--out", lab.path("out")], {
    command,
    env: { GRACE_DATA_ROOT: lab.path("nowhere") },
  });
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^preset tiny \(default for the backbone tiny\)$/m);
  const { arms } = presetManifest("tiny");
  for (const name of ["Averages", "Scores", "Change"]) assert.match(stdout, new RegExp(`^${name}`, "m"));
  const overview = stdout.split("\n\n")[0]!;
  assert.match(overview, /^arm +embedding average +change +general average +change$/m);
  for (const arm of arms) assert.match(overview, new RegExp(`^${arm} +-?\\d`, "m"));
  // More arms than stand beside each other: a column for each task.
  const [head] = stdout.match(/^task .*$/m)!;
  for (const task of ["WordNetRetrieval", "WordNetSummarization", "arithmetic_gsm8k", "wordnet_mmlu"]) {
    assert.ok(head.includes(` ${task}`), task);
  }
  assert.match(stdout, /^Suite "tiny", .*\. The paper has no numbers for these tasks, .*$/m);
  assert.match(
    stdout,
    /^cl-1e-4, cl, cl-1e-3 and grace are trained on the same 8 examples in the same order\.$/m,
  );
  // Every line tells which of the run's jobs it is about, and there are no others.
  const places = [...stderr.matchAll(/^(\d+)\/(\d+) (train|evaluate) /gm)];
  const jobs = Number(places[0]![2]);
  assert.deepEqual(
    [...new Set(places.map(([, place]) => Number(place)))],
    Array.from({ length: jobs }, (_, i) => i + 1),
  );

  const run = onlyFolder(lab.path("out"));
  assert.match(run, /\/tiny-[0-9a-f]{12}$/);
  const { inputs } = JSON.parse(Deno.readTextFileSync(`${run}/grace.lock.json`));
  assert.ok("data/tiny/triplets/train.jsonl.gz" in inputs && "backbone/model.safetensors" in inputs);
  const { manifest: resolved, provenance } = JSON.parse(
    Deno.readTextFileSync(`${run}/manifest.resolved.json`),
  );
  assert.deepEqual([resolved.preset, provenance.preset], ["tiny", "default for the backbone tiny"]);
  assert.deepEqual([resolved.arms, provenance["controls.cl-1e-4"]], [arms, "preset tiny"]);
});

Deno.test("a program without its backbone or its data says what to restore", async () => {
  using lab = await Lab.create();
  const command = await lab.checkout();
  Deno.removeSync(lab.path("checkout/fixtures/tiny/data/tiny/sts"), { recursive: true });
  const data = await launch(["run", "--out", lab.path("out")], { command });
  assert.equal(data.code, 3);
  assert.match(data.stderr, /^error: .*"tiny\/sts" not found: .*\n {2}restore fixtures\/tiny\/data/m);
  assert.throws(() => Deno.statSync(lab.path("out")), Deno.errors.NotFound);
  Deno.removeSync(lab.path("checkout/fixtures/tiny/backbone"));
  const model = await launch(["embed", "a text"], { command });
  assert.equal(model.code, 3);
  assert.match(
    model.stderr,
    /^error: the built-in backbone "tiny" is not in ".*fixtures\/tiny\/backbone"\n {2}restore /,
  );
});
