import { assert } from "#test";
import { UsageError } from "#errors";
import { planArm, planArms } from "./arms.ts";
import { fromLeaves, leavesOf } from "./leaves.ts";
import { presetManifest } from "./presets.ts";
import { resolveManifest } from "./resolve.ts";
import { CONTROL_SETTINGS } from "./sections/controls.ts";
import { type Manifest, manifestInputSchema } from "./schema.ts";

const withControls = (controls: object, more: object = {}): Manifest =>
  resolveManifest({ controls, ...more }).manifest;

Deno.test("planArm() knows weights and reading of the four arms", () => {
  const plans = ["base", "reasoning", "cl", "grace"].map((name) => planArm(presetManifest("fixed"), name));
  assert.deepEqual(plans.map(({ training, rationale }) => [training?.name, rationale]), [
    [undefined, false],
    [undefined, true],
    ["cl", false],
    ["grace", true],
  ]);
});

Deno.test("planArm() gives a control that only reads otherwise the weights of what it derives from", () => {
  const manifest = withControls({ "grace-greedy-plain": { of: "grace-greedy", rationale: false } });
  const greedy = planArm(manifest, "grace-greedy"), plain = planArm(manifest, "grace-greedy-plain");
  for (const plan of [greedy, plain]) {
    assert.equal(plan.training!.name, "grace");
    assert.deepEqual(plan.training!.manifest, manifest);
    assert.equal(plan.manifest.evaluation.temperature, 0);
  }
  assert.deepEqual([greedy.rationale, plain.rationale], [true, false]);
  assert.equal(planArm(manifest, "reasoning-greedy").training, null);
});

Deno.test("planArm() trains a control by itself that differs in what training reads, and what derives from it is read of it", () => {
  const manifest = withControls({
    "grace-short": { of: "grace", set: { "train.steps": 3, "evaluation.temperature": 0.5 } },
    "grace-short-greedy": { of: "grace-short", set: { "evaluation.temperature": 0 } },
  });
  const short = planArm(manifest, "grace-short"), greedy = planArm(manifest, "grace-short-greedy");
  assert.deepEqual([short.training!.name, greedy.training!.name], ["grace-short", "grace-short"]);
  assert.equal(greedy.training!.manifest.train.steps, 3);
  assert.deepEqual([short.manifest, greedy.manifest].map((m) => m.evaluation.temperature), [0.5, 0]);
  assert.equal(planArm(manifest, "grace").manifest.train.steps, manifest.train.steps);
});

Deno.test("planArms() follows the order of arms", () => {
  const arms = ["grace-greedy", "base", "cl-1e-4"];
  assert.deepEqual(planArms(resolveManifest({ arms }).manifest).map(({ name }) => name), arms);
});

Deno.test("resolveManifest() refuses controls that mean nothing, naming them, what is wrong and the cure", () => {
  const cases: [input: object, message: RegExp][] = [
    [{ arms: ["base", "grac"] }, /unknown arm "grac", did you mean "grace"\?/],
    [{ fullArms: ["zzzzzzzz"] }, /unknown arm "zzzzzzzz"$/],
    [
      { controls: { a: { of: "gracee", rationale: false } } },
      /unknown arm "gracee", which the control "a" derives from, did/,
    ],
    [
      { controls: { cl: { of: "grace", rationale: false } } },
      /the control "cl" \(grace\.json\) is called like an arm/,
    ],
    [
      { controls: { a: { of: "b", rationale: true }, b: { of: "a", rationale: true } } },
      /derives from itself: a of b of a/,
    ],
    [{ controls: { a: { of: "grace" } } }, /"a" \(grace\.json\) differs in nothing from "grace"/],
    [{ controls: { a: { of: "grace", set: {} } } }, /differs in nothing/],
    [
      { controls: { a: { of: "base", set: { "evaluation.temperature": 0 } } } },
      /"evaluation\.temperature", which without a rationale the arm "base" does not read/,
    ],
    [
      { controls: { a: { of: "cl", set: { "train.steps": 3 } } } },
      /sets "train\.steps", which .* the arm "cl" does not read/,
    ],
    [{ controls: { a: { of: "cl", set: { "optimizer.learningRate": 1 } } } }, /the arm "cl" does not read/],
    [{ controls: { a: { of: "grace", set: { "cl.steps": 3 } } } }, /the arm "grace" does not read/],
    [
      { controls: { a: { of: "reasoning", rationale: false, set: { seed: 2 } } } },
      /sets "seed", which without a rationale the arm "reasoning" does not read/,
    ],
    [
      { controls: { a: { of: "reasoning", set: { "pooling.eos": false } } } },
      /the arm "reasoning" does not read/,
    ],
    [
      { controls: { a: { of: "grace", set: { "train.stepps": 3 } } } },
      /unknown key "train\.stepps" in "controls\.a\.set", did you mean "train\.steps"\?/,
    ],
    [
      { controls: { a: { of: "grace", set: { suite: "mini" } } } },
      /unknown key "suite" in "controls\.a\.set"/,
    ],
    [
      { controls: { a: { of: "grace", set: { "train.steps": -3 } } } },
      /"controls\.a\.set\.train\.steps": .*found -3/,
    ],
    [{ controls: { a: { off: "grace" } } }, /unknown key "off" in "controls\.a", did you mean "of"\?/],
    [
      { controls: { "A b": { of: "grace", rationale: false } } },
      /"controls\.A b" is not a name: expected lower-case/,
    ],
    [{ controls: { "../a": { of: "grace", rationale: false } } }, /is not a name/],
  ];
  for (const [input, message] of cases) {
    assert.throws(
      () => resolveManifest(input),
      (error) => error instanceof UsageError && message.test(error.message) && error.cure !== "",
      `${JSON.stringify(input)}: ${message}`,
    );
  }
});

Deno.test("resolveManifest() lets a control of base that writes a rationale set how it is sampled and pooled", () => {
  const set = { seed: 2, "pooling.rationale": false, "evaluation.temperature": 0 };
  const manifest = withControls({ a: { of: "base", rationale: true, set } });
  assert.deepEqual([planArm(manifest, "a").manifest.seed, planArm(manifest, "a").training], [2, null]);
});

Deno.test("resolveManifest() holds every control that is used to the rules between settings", () => {
  const odd = { of: "grace", set: { "train.promptsPerStep": 9 } };
  withControls({ odd });
  assert.throws(
    () => withControls({ odd }, { arms: ["odd"] }),
    /equal mini-batches: train\.promptsPerStep is 9 \(the control odd\), train\.miniBatches is 2 \(preset tiny\)/,
  );
});

Deno.test("resolveManifest() keeps the preset's controls and replaces one of the same name as a whole", () => {
  const { manifest, provenance } = resolveManifest({
    preset: "tiny",
    controls: { "grace-greedy": { of: "grace", set: { "evaluation.topK": 1 } } },
  });
  assert.deepEqual(manifest.controls["grace-greedy"], { of: "grace", set: { "evaluation.topK": 1 } });
  assert.deepEqual(manifest.controls["cl-1e-4"], presetManifest("tiny").controls["cl-1e-4"]);
  assert.deepEqual([provenance["controls.grace-greedy"], provenance["controls.cl-1e-4"]], [
    "grace.json",
    "preset tiny",
  ]);
});

Deno.test("leavesOf() and fromLeaves() keep controls whose names have dots", () => {
  const manifest = presetManifest("tiny");
  assert.ok("reasoning-0.5" in manifest.controls);
  assert.deepEqual(fromLeaves(leavesOf(manifest)), manifest);
});

Deno.test("every setting that a control may set is read by some arm", () => {
  const unread = CONTROL_SETTINGS.filter((path) => {
    const value = path === "seed" ? 1 : leavesOf(presetManifest("tiny")).get(path)!;
    return ["base", "reasoning", "cl", "grace"].every((of) => {
      try {
        withControls({ a: { of, set: { [path]: value } } });
        return false;
      } catch {
        return true;
      }
    });
  });
  assert.deepEqual(unread, []);
  assert.ok(manifestInputSchema.safeParse({ controls: presetManifest("tiny").controls }).success);
});
