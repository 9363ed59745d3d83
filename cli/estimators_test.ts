import { join } from "node:path";
import { assert, assertClose } from "#test";
import { Lab, onlyFolder } from "./_lab.ts";
import { launch } from "./_launch.ts";

/** Controls of the arm grace with estimators that read all that any does. */
const controls = {
  remax: { of: "grace", set: { "advantage.estimator": "remax", "loss.klCoef": 0.1 } },
  whitened: { of: "grace", set: { "advantage.estimator": "reinforce++-baseline" } },
};

/** A journal. */
function records(run: string, arm: string, name: string): Record<string, unknown>[] {
  const text = Deno.readTextFileSync(join(run, "arms", arm, `${name}.jsonl`));
  return text.trim().split("\n").map((line) => JSON.parse(line));
}

Deno.test("run and verify know estimators and the KL term: what they read is in the journal, and advantages follow from it", async () => {
  using lab = await Lab.create();
  const manifest = lab.manifest({
    arms: Object.keys(controls),
    controls,
    train: { steps: 2, promptsPerStep: 2, miniBatches: 1 },
  });
  const { code, stderr } = await lab.run(manifest, "out");
  assert.equal(code, 0, stderr);
  assert.match(
    stderr,
    /loss\.klCoef is above 0: training keeps the untrained weights beside its own, \d+ kB more/,
  );
  const run = onlyFolder(lab.path("out"));
  const verify = () => launch(["verify", run, "--replay", "2", "--data-root", lab.path("data")]);
  const clean = await verify();
  assert.equal(clean.code, 0, clean.stdout + clean.stderr);

  const [step] = records(run, "remax", "steps"), kept = records(run, "remax", "rationales").slice(0, 6);
  const baselines = kept.map(({ baseline }) => baseline as number);
  assertClose(
    kept.map(({ total, baseline }) => Number(total) - Number(baseline)),
    kept.map((r) => Number(r.advantage)),
    0,
  );
  assert.equal(step!.kl, 0, "nothing was trained yet");
  const { reward, tokens } = step!.greedy as { reward: number; tokens: number };
  assertClose([reward], [baselines.reduce((a, b) => a + b, 0) / 6], 1e-12);
  assert.ok(tokens >= 1 && tokens <= 8 && new Set(baselines).size > 1);

  // Each is found: a KL estimate, a baseline, the root mean square of all advantages, a length, the moments of a batch.
  const edits: [path: string, edit: [RegExp, string], says: RegExp][] = [
    [
      "remax/rationales",
      [/"baseline":-?\d/, '"baseline":7'],
      /remax\/rationales\.jsonl, line 1, .*, advantage: stored/,
    ],
    ["remax/steps", [/"advantageStd":\d/, '"advantageStd":8'], /advantageStd: steps\.jsonl has 8/],
    [
      "remax/steps",
      [/"kl":0,/, '"kl":0.5,'],
      /step 1, (updates\.0\.)?kl: 0\.5 is not 0, although nothing was/,
    ],
    [
      "remax/steps",
      [/("step":2,.*)"kl":[^,]+,"learningRate"/, '$1"learningRate"'],
      /step 2, kl: is missing, but/,
    ],
    ["whitened/rationales", [/"tokens":\d/, '"tokens":9'], /whitening: steps\.jsonl has \{"mean"/],
    [
      "whitened/steps",
      [/("step":2,.*)"whitening":\{[^}]*\},/, "$1"],
      /step 2, whitening: is missing, but the estimator is "reinforce\+\+-baseline"/,
    ],
  ];
  for (const [path, [from, to]] of edits) {
    const file = join(run, "arms", `${path}.jsonl`), text = Deno.readTextFileSync(file);
    assert.notEqual(text.replace(from, to), text, path);
    Deno.writeTextFileSync(file, text.replace(from, to));
  }
  const found = await launch(["verify", run, "--data-root", lab.path("data")]);
  assert.equal(found.code, 1);
  for (const [path, , says] of edits) assert.match(found.stdout, says, path);
});
