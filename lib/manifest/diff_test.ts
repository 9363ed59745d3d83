import { assert } from "#test";
import { PROTOCOL_DEPARTURES } from "./departures.ts";
import { describeDifference, diffManifests } from "./diff.ts";
import { resolveManifest } from "./resolve.ts";

Deno.test("diffManifests() is empty for equal settings, wherever they came from", () => {
  const written = resolveManifest({ train: { steps: 10 } });
  const typed = resolveManifest({}, [{ path: "train.steps", value: 10, source: "--steps" }]);
  assert.deepEqual(diffManifests(written, typed), []);
});

Deno.test("diffManifests() lists each differing setting with both values and origins", () => {
  const left = resolveManifest({ arms: ["base"] });
  const right = resolveManifest({ arms: ["base", "cl"] }, [{
    path: "train.steps",
    value: 10,
    source: "--steps",
  }]);
  assert.deepEqual(diffManifests(left, right).map(describeDifference), [
    'arms: ["base"] (grace.json) -> ["base","cl"] (grace.json)',
    "train.steps [P10]: 100 (preset tiny) -> 10 (--steps)",
  ]);
});

Deno.test("diffManifests() lists controls by name: those that are set otherwise, and those that one side lacks", () => {
  const left = resolveManifest({ controls: { "grace-half": { of: "grace", set: { "train.steps": 20 } } } });
  const right = resolveManifest({
    controls: {
      "grace-plain": { rationale: false, of: "grace" },
      "cl-1e-4": { of: "cl", set: { "cl.learningRate": 2e-4 } },
    },
  });
  assert.deepEqual(diffManifests(left, right).map(describeDifference), [
    'controls.cl-1e-4: {"of":"cl","set":{"cl.learningRate":0.0001}} (preset tiny) -> ' +
    '{"of":"cl","set":{"cl.learningRate":0.0002}} (grace.json)',
    'controls.grace-half: {"of":"grace","set":{"train.steps":20}} (grace.json) -> not there',
  ]);
});

Deno.test("diffManifests() of two protocols names the documented discrepancies", () => {
  const found = diffManifests(resolveManifest({ preset: "code" }), resolveManifest({ preset: "fixed" }))
    .filter(({ path }) => !/^(controls\.|fullArms)/.test(path));
  assert.equal(found[0]!.path, "preset");
  const documented = PROTOCOL_DEPARTURES.filter((d) => d.code !== d.fixed && d.kind !== "unsupervised");
  assert.deepEqual(found.slice(1).map((d) => d.path).sort(), documented.map((d) => d.path).sort());
  for (const { path, ids } of found.slice(1)) assert.ok(ids.length > 0, path);
  const penalty = found.find((difference) => difference.path === "reward.lengthPenalty")!;
  assert.equal(
    describeDifference(penalty),
    'reward.lengthPenalty [B6, P7]: "replace" (preset code) -> "subtract" (preset fixed)',
  );
});
