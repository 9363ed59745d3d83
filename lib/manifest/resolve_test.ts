import { assert } from "#test";
import { UsageError } from "#errors";
import { leafPaths } from "./leaves.ts";
import { presetManifest } from "./presets.ts";
import { resolveManifest } from "./resolve.ts";

Deno.test("resolveManifest() lets flags beat the file and the file beat the preset, and says which", () => {
  const { manifest, provenance } = resolveManifest(
    { preset: "fixed", train: { steps: 20, checkpointEvery: 5 } },
    [{ path: "train.steps", value: 10, source: "--steps" }, { path: "seed", value: 7, source: "--seed" }],
  );
  assert.deepEqual(manifest, {
    ...presetManifest("fixed"),
    seed: 7,
    train: { ...presetManifest("fixed").train, steps: 10, checkpointEvery: 5 },
  });
  assert.equal(provenance["train.steps"], "--steps");
  assert.equal(provenance["train.checkpointEvery"], "grace.json");
  assert.equal(provenance["train.promptsPerStep"], "preset fixed");
  assert.equal(provenance.preset, "grace.json");
  const controls = Object.keys(manifest.controls).map((name) => `controls.${name}`);
  assert.deepEqual(Object.keys(provenance).sort(), [...leafPaths(), ...controls].sort());
});

Deno.test("resolveManifest() takes the preset from a flag, and without any the default one", () => {
  const flagged = resolveManifest({ preset: "fixed" }, [{
    path: "preset",
    value: "code",
    source: "--preset",
  }]);
  assert.deepEqual(flagged.manifest, presetManifest("code"));
  assert.equal(flagged.provenance["reward.grouping"], "preset code");
  const plain = resolveManifest({});
  assert.deepEqual(plain.manifest, presetManifest("tiny"));
  assert.equal(plain.provenance.preset, "default for the backbone tiny");
});

Deno.test("resolveManifest() lets the backbone decide about the preset where none is named, and says so", () => {
  const flagged = resolveManifest({}, [{ path: "backbone", value: "m.gguf", source: "--backbone" }]);
  assert.deepEqual(flagged.manifest, { ...presetManifest("smollm2-cpu"), backbone: "m.gguf" });
  assert.equal(flagged.provenance.preset, "default for any backbone but tiny");
  assert.equal(resolveManifest({ backbone: "m.gguf" }).manifest.preset, "smollm2-cpu");
  assert.equal(resolveManifest({ backbone: "m.gguf", preset: "tiny" }).manifest.suite, "tiny");
  assert.equal(resolveManifest({ preset: "smollm2-cpu" }).manifest.backbone, "tiny");
});

Deno.test("resolveManifest() uses the last of several flags for one setting", () => {
  const flags = [1, 2, 3].map((value) => ({ path: "seed", value, source: `--seed ${value}` }));
  const { manifest, provenance } = resolveManifest({}, flags);
  assert.deepEqual([manifest.seed, provenance.seed], [3, "--seed 3"]);
});

Deno.test("resolveManifest() replaces a list as a whole", () => {
  assert.deepEqual(resolveManifest({ arms: ["grace", "base"] }).manifest.arms, ["grace", "base"]);
});

Deno.test("resolveManifest() reports a wrong flag under the flag's name", () => {
  const wrong = (path: string, value: unknown) => () =>
    resolveManifest({}, [{ path, value, source: "--set" }]);
  assert.throws(
    wrong("train.stepps", 1),
    /--set: unknown setting "train.stepps", did you mean "train.steps"\?/,
  );
  assert.throws(wrong("train", { steps: 1 }), /--set: unknown setting "train"/);
  assert.throws(wrong("train.steps", -1), /--set: "train.steps"/);
  assert.throws(wrong("preset", "papper"), /--set: "preset"/);
});

Deno.test("resolveManifest() refuses settings that contradict each other, quoting values and origins", () => {
  assert.throws(() => resolveManifest({ train: { promptsPerStep: 9 } }), (e) => {
    return e instanceof UsageError &&
      e.message.includes(
        "train.promptsPerStep is 9 (grace.json), train.miniBatches is 2 (preset tiny)",
      );
  });
  for (
    const bad of [
      { arms: ["cl", "cl"] },
      { optimizer: { warmupSteps: 100 } },
      { optimizer: { warmupSteps: 100 }, train: { steps: 200 } },
      { advantage: { estimator: "rloo", divideByStd: true } },
      { data: { kind: "unsupervised" } },
      { pooling: { input: false, rationale: false } },
      { pooling: { input: false } },
      { pooling: { input: false }, arms: ["grace-plain"] },
      { train: { informativePattern: "(" } },
    ]
  ) assert.throws(() => resolveManifest(bad), UsageError, JSON.stringify(bad));
  resolveManifest({ pooling: { input: false }, arms: ["reasoning", "grace"] });
  resolveManifest({ train: { steps: 0 } });
  const trained = { optimizer: { warmupSteps: 100 }, train: { steps: 200 } };
  resolveManifest({ ...trained, cl: { steps: 101 } });
  resolveManifest({ ...trained, arms: ["base", "grace"] });
  resolveManifest({ ...trained, cl: { steps: 0 } });
});

Deno.test("resolveManifest() refuses adapters that would be listed twice, infinite or nothing, where there are any", () => {
  for (const lora of [{ targets: ["q_proj", "q_proj"] }, { alpha: 1e40 }, { alpha: 1e-300 }] as const) {
    const settings = { ...lora, ...("targets" in lora && { targets: [...lora.targets] }) };
    assert.throws(
      () => resolveManifest({ lora: { rank: 4, ...settings } }),
      UsageError,
      JSON.stringify(lora),
    );
  }
  resolveManifest({ lora: { rank: 0, alpha: 1e40 } });
  resolveManifest({ lora: { rank: 1024, alpha: 1e-3 } });
});

Deno.test("resolveManifest() says how to train on unsupervised data, for which the arm cl is not made", () => {
  assert.throws(() => resolveManifest({ data: { kind: "unsupervised" } }), (error) => {
    return error instanceof UsageError && error.cure.includes("--arms base,reasoning,grace") &&
      error.message.includes('data.kind is "unsupervised" (grace.json)');
  });
  resolveManifest({ data: { kind: "unsupervised" } }, [
    { path: "arms", value: ["base", "reasoning", "grace"], source: "--arms" },
  ]);
});

Deno.test("resolveManifest() takes what the preset says for the kind of data that was chosen", () => {
  const negatives = (kind: string) =>
    resolveManifest({ preset: "code", arms: ["grace"], data: { kind } }).manifest.reward.negatives;
  assert.deepEqual([negatives("supervised"), negatives("unsupervised")], ["shared", "per-rollout"]);
  const flagged = resolveManifest({ preset: "code", arms: ["grace"] }, [{
    path: "data.kind",
    value: "unsupervised",
    source: "--kind",
  }]);
  assert.equal(flagged.manifest.reward.negatives, "per-rollout");
});

Deno.test("resolveManifest() takes as many names of columns as the training data have, and parts of data sets only", () => {
  const columns = ["anchor", "positive", "negative"], train = "datasets/o/n";
  assert.deepEqual(resolveManifest({ data: { columns } }).manifest.data.columns, columns);
  assert.equal(resolveManifest({ data: { train, subset: "triplet" } }).manifest.data.subset, "triplet");
  for (const bad of [["a"], ["a", "b", "a"], ["a", "b", "c", "d"], ["a", "b", ""]]) {
    assert.throws(() => resolveManifest({ data: { columns: bad } }), UsageError, JSON.stringify(bad));
  }
  assert.throws(
    () => resolveManifest({ data: { subset: "triplet" } }),
    (error) => error instanceof UsageError && /a file has neither subsets nor splits/.test(error.message),
  );
});
