import { assert } from "#test";
import { CPU_DEPARTURES, PROTOCOL_DEPARTURES, PROTOCOL_SETTINGS, TINY_DEPARTURES } from "./departures.ts";
import { sha256Hex } from "./hash.ts";
import { type Leaf, leafPaths, leavesOf } from "./leaves.ts";
import { defaultPreset, presetManifest, SYSTEM_PROMPT } from "./presets.ts";
import { type Preset, PRESETS } from "./schema.ts";

/** Paths on which two presets differ, apart from their names and controls. */
function differing(a: Preset, b: Preset, kind: "supervised" | "unsupervised" = "supervised"): string[] {
  const [left, right] = [leavesOf(presetManifest(a, kind)), leavesOf(presetManifest(b, kind))];
  const same = (x: Leaf, y: Leaf) => JSON.stringify(x) === JSON.stringify(y);
  const counts = (path: string) => path !== "preset" && path !== "fullArms";
  return leafPaths().filter((path) => counts(path) && !same(left.get(path)!, right.get(path)!)).sort();
}

Deno.test("SYSTEM_PROMPT is the paper's, byte for byte", () => {
  assert.equal(SYSTEM_PROMPT.length, 167);
  assert.equal(
    sha256Hex(SYSTEM_PROMPT),
    "31d7e04fa97348ef7bd24965904590d416e31e52e89eecceb11019662d4b050b",
  );
});

// grace-reference sections 4.1, 4.2, 4.5 (train.sh) and 2.2 (eval_mteb.py).
Deno.test("presetManifest() gives the settings of the released code for code", () => {
  const { sampling, evaluation, reward, advantage, loss, optimizer, train, pooling, prompt } = presetManifest(
    "code",
  );
  assert.deepEqual([
    sampling.k,
    sampling.temperature,
    sampling.queryTemperature,
    sampling.negativeTemperature,
  ], [
    8,
    1,
    0.5,
    0.5,
  ]);
  assert.deepEqual([prompt.promptTokens, sampling.maxNewTokens, evaluation.maxNewTokens], [1024, 2048, 2048]);
  assert.deepEqual([reward.rewardMultiplier, reward.lambda1, reward.lambda2, reward.gamma], [
    10,
    0.2,
    0.2,
    1,
  ]);
  assert.equal(advantage.divideByStd, false);
  assert.deepEqual([loss.clipLow, loss.clipHigh, loss.dualClip, loss.klCoef, loss.entropyCoef], [
    0.2,
    0.2,
    3,
    0,
    0,
  ]);
  assert.deepEqual([optimizer.learningRate, optimizer.beta1, optimizer.beta2, optimizer.weightDecay], [
    1e-6,
    0.9,
    0.999,
    0.01,
  ]);
  assert.deepEqual([train.promptsPerStep, train.miniBatches, train.checkpointEvery], [64, 4, 50]);
  assert.deepEqual([pooling.eos, pooling.evaluationEos, pooling.evaluationNormalize], [true, false, false]);
});

Deno.test("presetManifest() differs between protocols exactly where the departures say", () => {
  for (const [a, b] of [["paper", "code"], ["paper", "fixed"], ["code", "fixed"]] as const) {
    for (const kind of ["supervised", "unsupervised"] as const) {
      const documented = PROTOCOL_DEPARTURES.filter((d) => (d.kind ?? kind) === kind && d[a] !== d[b]);
      assert.deepEqual(
        differing(a, b, kind),
        documented.map((d) => d.path).sort(),
        `${a} against ${b}, ${kind}`,
      );
    }
  }
  assert.deepEqual(differing("smollm2-cpu", "fixed"), CPU_DEPARTURES.map((d) => d.path).sort());
  assert.deepEqual(differing("tiny", "fixed"), TINY_DEPARTURES.map((d) => d.path).sort());
});

Deno.test("every departure gives a reason, and those between protocols an id", () => {
  for (const { path, why } of [...PROTOCOL_DEPARTURES, ...CPU_DEPARTURES, ...TINY_DEPARTURES]) {
    assert.ok(why.length > 10, path);
  }
  for (const { path, ids } of PROTOCOL_DEPARTURES) assert.ok(ids.length > 0, path);
  for (const { path, ids } of PROTOCOL_SETTINGS) assert.ok(ids.every((id) => /^[PB]\d+$/.test(id)), path);
});

Deno.test("presetManifest() returns a copy that callers may change", () => {
  presetManifest("fixed").arms.pop();
  assert.deepEqual(presetManifest("fixed").arms, ["base", "reasoning", "cl", "grace"]);
});

Deno.test("defaultPreset() is tiny for the built-in backbone and smollm2-cpu for any other", () => {
  assert.equal(defaultPreset("tiny"), "tiny");
  for (const other of ["./tiny", "SmolLM2-135M-Instruct.Q4_1.gguf"]) {
    assert.equal(defaultPreset(other), "smollm2-cpu");
  }
});

Deno.test("presetManifest() lets the arms cl and grace see the same number of texts", () => {
  for (const preset of PRESETS) {
    const { cl, train } = presetManifest(preset);
    assert.equal(cl.batch * cl.steps, train.promptsPerStep * train.steps, preset);
  }
});

Deno.test("presetManifest() lists every control once, in arms or in fullArms", () => {
  for (const preset of PRESETS) {
    const { arms, fullArms, controls } = presetManifest(preset);
    const listed = [...arms, ...fullArms].filter((name) =>
      !["base", "reasoning", "cl", "grace"].includes(name)
    );
    assert.deepEqual(listed.sort(), Object.keys(controls).sort(), preset);
  }
});

Deno.test("presetManifest() makes the control grace-code of every training setting on which code and fixed differ", () => {
  const { set } = presetManifest("tiny").controls["grace-code"]!;
  assert.deepEqual(set, {
    "reward.negatives": "shared",
    "reward.grouping": "prompt",
    "reward.lengthPenalty": "replace",
    "reward.eosSet": "tokenizer",
    "loss.aggregation": "token-mean-micro",
  });
  assert.equal(presetManifest("code").controls["grace-code"], undefined, "it would differ in nothing");
});
