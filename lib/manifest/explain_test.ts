import { assert } from "#test";
import { UsageError } from "#errors";
import { readersOf } from "./arms.ts";
import { DEFECTS, DISCREPANCIES } from "./discrepancies.ts";
import { explainKey } from "./explain.ts";
import { leafPaths, leavesOf } from "./leaves.ts";
import { numbersOf } from "./numbers.ts";
import { presetManifest } from "./presets.ts";
import { manifestSchema, PRESETS } from "./schema.ts";
import { CONTROL_SETTINGS } from "./sections/controls.ts";

/** The explanation of a setting. */
function setting(key: string) {
  const explanation = explainKey(key);
  assert.ok(explanation.what === "setting", key);
  return explanation;
}

Deno.test("explainKey() explains every setting with its value in every preset", () => {
  for (const path of leafPaths()) {
    const { meaning, permitted, presets } = setting(path);
    assert.ok(meaning !== "" && permitted !== "", path);
    assert.deepEqual([...new Set(presets.map(({ preset }) => preset))], [...PRESETS], path);
    for (const { preset, kind, value } of presets) {
      assert.deepEqual(value, leavesOf(presetManifest(preset, kind ?? undefined)).get(path), path);
    }
  }
});

Deno.test("explainKey() tells kinds of data apart where a preset does", () => {
  const { presets, why, numbers } = setting("reward.negatives");
  assert.deepEqual(
    presets.filter(({ preset }) => preset === "code").map(({ kind, value }) => [kind, value]),
    [["supervised", "shared"], ["unsupervised", "per-rollout"]],
  );
  assert.equal(why.length, 2);
  assert.deepEqual(numbers.map(({ id }) => id), ["P4", "B1"]);
});

Deno.test("explainKey() gives the text of every number that a meaning names", () => {
  const known = new Set<string>([...DISCREPANCIES, ...DEFECTS].map(({ id }) => id));
  for (const path of leafPaths()) {
    const { meaning, numbers } = setting(path);
    for (const [id] of meaning.matchAll(/\b[PB]\d+\b/g)) {
      assert.ok(known.has(id), `${path} names ${id}, which is none`);
      assert.ok(numbers.some((number) => number.id === id), `${path}: ${id}`);
    }
  }
  assert.deepEqual(numbersOf("train.steps"), ["P10"]);
});

Deno.test("explainKey() says which arms read a setting, and whether a control that sets it is trained", () => {
  const readBy = (path: string) => setting(path).readBy;
  assert.deepEqual(readBy("sampling.k"), { arms: ["grace"], training: true });
  assert.deepEqual(readBy("cl.temperature"), { arms: ["cl"], training: true });
  assert.deepEqual(readBy("evaluation.temperature"), { arms: ["reasoning", "grace"], training: false });
  assert.deepEqual(readBy("pooling.templateSuffix"), {
    arms: ["base", "reasoning", "grace"],
    training: true,
  });
  assert.equal(readBy("prompt.system"), null);
});

Deno.test("readersOf() finds an arm for every setting that controls may set: a key that nothing reads is an error", () => {
  const unread = CONTROL_SETTINGS.filter((path) =>
    readersOf(presetManifest("fixed"), path)!.arms.length === 0
  );
  assert.deepEqual(unread, []);
});

Deno.test("explainKey() tells what is asked of settings together, and what is no part of the identity", () => {
  const { rules } = setting("train.miniBatches");
  assert.deepEqual(rules.map(({ paths }) => paths), [["train.promptsPerStep", "train.miniBatches"]]);
  const outside = leafPaths().filter((path) => !setting(path).inIdentity);
  assert.deepEqual(outside, ["preset", "backbone", "device", "data.train"]);
});

Deno.test("explainKey() explains sections, controls of presets and numbers", () => {
  for (const [key, schema] of Object.entries(manifestSchema.shape)) {
    if (leafPaths().includes(key)) continue;
    const section = explainKey(key);
    assert.ok(section.what === "section");
    assert.equal(section.meaning, schema.description);
    assert.deepEqual(
      section.settings.map(({ path }) => path),
      leafPaths().filter((path) => path.startsWith(`${key}.`)),
    );
  }
  const control = explainKey("controls.cl-1e-4");
  assert.ok(control.what === "control");
  assert.deepEqual([control.of, control.presets], ["cl", ["tiny"]]);
  const number = explainKey("b3");
  assert.ok(number.what === "number");
  assert.deepEqual([number.number.id, number.settings], ["B3", ["reward.grouping"]]);
});

Deno.test("explainKey() names what is nearest to a key that is none", () => {
  const cases: [key: string, message: RegExp][] = [
    ["reward.lamda2", /"reward\.lamda2", did you mean "reward\.lambda2"\?/],
    ["lambda2", /did you mean "reward\.lambda2"\?/],
    [
      "temperature",
      /did you mean "sampling\.temperature" or "evaluation\.temperature" or "cl\.temperature"\?/,
    ],
    ["rewrd", /did you mean "reward"\?/],
    ["controls.grace-plan", /unknown control .* did you mean "controls\.grace-plain"\?/],
    ["P99", /unknown number "P99"/],
    ["nothing like it", /^unknown key "nothing like it"$/],
    ["", /^unknown key ""$/],
    ["__proto__", /unknown key/],
  ];
  for (const [key, message] of cases) {
    assert.throws(
      () => explainKey(key),
      (error) => error instanceof UsageError && message.test(error.message),
      key,
    );
  }
});
