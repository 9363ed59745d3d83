import { UsageError } from "#errors";
import { assert } from "#test";
import { type Grid, gridCells, parseSetting, requireGrid, requireRead } from "./grid.ts";
import { resolveManifest } from "./resolve.ts";

const grid = (settings: Grid["settings"], seeds = [1]): Grid => ({ settings, seeds });

Deno.test("gridCells() spans the values, the last setting varying fastest", () => {
  const cells = gridCells(grid({ "reward.lambda1": [0, 0.3], "advantage.estimator": ["grpo", "rloo"] }));
  assert.deepEqual(cells.map(({ name }) => name), [
    "reward.lambda1=0,advantage.estimator=grpo",
    "reward.lambda1=0,advantage.estimator=rloo",
    "reward.lambda1=0.3,advantage.estimator=grpo",
    "reward.lambda1=0.3,advantage.estimator=rloo",
  ]);
  assert.deepEqual(cells[2]!.set, { "reward.lambda1": 0.3, "advantage.estimator": "grpo" });
  assert.deepEqual(gridCells(grid({})), [{ name: "", set: {} }]);
});

Deno.test("requireGrid() refuses what would make a grid other than it looks", () => {
  requireGrid(grid({ "reward.lambda1": [0, 1] }, [1, 2]));
  const refused: [Grid, RegExp][] = [
    [grid({ "reward.lamda1": [0] }), /unknown setting "reward.lamda1", did you mean "reward.lambda1"\?/],
    [grid({ "reward.lambda1": [0.3, 1, 0.3] }), /0\.3 is there twice among the values for "reward\.lambda1"/],
    [grid({ "reward.lambda1": [] }), /no value/],
    [grid({}, [2, 2]), /2 is there twice among the values for the seeds/],
    [grid({ seed: [1, 2] }), /"seed" cannot be swept/],
    [grid({ suite: ["tiny"] }), /"suite" cannot be swept/],
    [grid({ toString: [1] }), /unknown setting "toString"/],
  ];
  for (const [wrong, says] of refused) {
    assert.throws(
      () => requireGrid(wrong),
      (error) => error instanceof UsageError && says.test(error.message),
    );
  }
});

Deno.test("requireRead() refuses a setting that no arm of the manifest reads", () => {
  const { manifest } = resolveManifest({ arms: ["base", "grace"] });
  requireRead(manifest, "reward.lambda1", 0.5);
  requireRead(manifest, "evaluation.temperature", 0);
  requireRead(manifest, "prompt.system", "Think.");
  assert.throws(
    () => requireRead(manifest, "cl.temperature", 0.5),
    /no arm of base, grace reads "cl.temperature"/,
  );
  requireRead({ ...manifest, arms: ["cl"] }, "cl.temperature", 0.5);
});

Deno.test("parseSetting() reads numbers and truth values as themselves, and anything else as text", () => {
  assert.deepEqual(parseSetting("a.b=0, 1e-4,true,grpo,reinforce++,1x"), [
    "a.b",
    [0, 1e-4, true, "grpo", "reinforce++", "1x"],
  ]);
  assert.deepEqual(parseSetting("a=-1.50"), ["a", [-1.5]]);
  for (const wrong of ["a", "=1", "a=", "a=1,,2", "a b=1"]) {
    assert.throws(() => parseSetting(wrong), UsageError, wrong);
  }
});
