import { assert } from "#test";
import { Lab, onlyFolder } from "./_lab.ts";
import { launch } from "./_launch.ts";

Deno.test("embed and doctor find the backbone that is part of the program, from any folder", async () => {
  using lab = await Lab.create();
  const command = lab.checkout();
  const embedded = await launch(["embed", "--no-rationale", "--json", "a text"], { command, cwd: "/" });
  assert.equal(embedded.code, 0, embedded.stderr);
  assert.equal(JSON.parse(embedded.stdout).embedding.length, 64);
  const doctor = await launch(["doctor", "--backbone", "tiny", "--json"], { command });
  assert.equal(JSON.parse(doctor.stdout).backbone.name, "tiny");
});

Deno.test("run takes built-in training data without --data-root, and names the preset that the backbone chose", async () => {
  using lab = await Lab.create();
  const command = lab.checkout();
  const manifest = lab.manifest({
    backbone: "tiny",
    arms: ["grace"],
    data: { train: "tiny/triplets/train.jsonl" },
  });
  const args = lab.runArgs(manifest, "out");
  const { code, stderr } = await launch(args, { command });
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^preset tiny \(default for the backbone tiny\)$/m);
  const run = onlyFolder(lab.path("out"));
  assert.match(run, /\/tiny-[0-9a-f]{12}$/);
  const { inputs } = JSON.parse(Deno.readTextFileSync(`${run}/grace.lock.json`));
  assert.ok("data/tiny/triplets/train.jsonl" in inputs && "backbone/model.safetensors" in inputs);
  const { manifest: resolved, provenance } = JSON.parse(
    Deno.readTextFileSync(`${run}/manifest.resolved.json`),
  );
  assert.deepEqual([resolved.preset, provenance.preset], ["tiny", "default for the backbone tiny"]);
  // The suite is not built in: without a folder for it the error says so, before any model is read.
  const without = await launch(
    args.filter((arg, i) => arg !== "--data-root" && args[i - 1] !== "--data-root"),
    {
      command,
      env: { GRACE_DATA_ROOT: lab.path("data") },
    },
  );
  assert.equal(without.code, 0, without.stderr);
});

Deno.test("a program without its backbone or its data says what to restore", async () => {
  using lab = await Lab.create();
  const command = lab.checkout();
  const manifest = lab.manifest({ backbone: "tiny", data: { train: "tiny/triplets/gone.jsonl" } });
  const data = await launch(lab.runArgs(manifest, "out"), { command });
  assert.equal(data.code, 3);
  assert.match(data.stderr, /^error: cannot read "tiny\/triplets\/gone\.jsonl"\n/m);
  Deno.removeSync(lab.path("checkout/fixtures/tiny/backbone"));
  const model = await launch(["embed", "a text"], { command });
  assert.equal(model.code, 3);
  assert.match(
    model.stderr,
    /^error: the built-in backbone "tiny" is not in ".*fixtures\/tiny\/backbone"\n {2}restore /,
  );
});
