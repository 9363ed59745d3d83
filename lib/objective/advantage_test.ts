import fc from "fast-check";
import { NumericError, UsageError } from "#errors";
import { assert, assertClose } from "#test";
import golden from "../../fixtures/golden/objective/policy.json" with { type: "json" };
import { groupAdvantages } from "./advantage.ts";

const { uids, rewards, grpo, grpoStd, rloo } = golden.advantage;
const grpoOptions = { estimator: "grpo", divideByStd: false } as const;

Deno.test("groupAdvantages() agrees with verl: GRPO with and without deviation, RLOO, groups of 1 to 3", () => {
  const run = (estimator: "grpo" | "rloo", divideByStd: boolean) =>
    groupAdvantages(rewards, uids, { estimator, divideByStd }).advantages;
  // verl keeps group means and deviations in f32.
  assertClose(run("grpo", false), grpo, 1e-6);
  assertClose(run("grpo", true), grpoStd, 1e-6);
  assertClose(run("rloo", false), rloo, 1e-6);
});

Deno.test("groupAdvantages() describes groups in the order of first appearance", () => {
  const { groups, flatGroups } = groupAdvantages([1, 3, 5, 5], ["a", "b", "a", "b"], grpoOptions);
  assert.deepEqual(groups, [
    { uid: "a", size: 2, mean: 3, std: Math.sqrt(8) },
    { uid: "b", size: 2, mean: 4, std: Math.sqrt(2) },
  ]);
  assert.equal(flatGroups, 0);
});

Deno.test("groupAdvantages() is 0 on average within groups and blind to a shift of a group", () => {
  const values = fc.array(fc.double({ min: -9, max: 9, noNaN: true }), { minLength: 3, maxLength: 6 })
    .filter((v) => Math.max(...v) - Math.min(...v) > 1e-3);
  fc.assert(fc.property(values, fc.double({ min: -9, max: 9, noNaN: true }), (v, shift) => {
    const ids = v.map(() => "a");
    const { advantages } = groupAdvantages(v, ids, grpoOptions);
    assertClose([advantages.reduce((a, b) => a + b, 0)], [0], 1e-9);
    assertClose(groupAdvantages(v.map((x) => x + shift), ids, grpoOptions).advantages, advantages, 1e-9);
  }));
});

Deno.test("groupAdvantages() counts flat groups, and fails when every group is flat", () => {
  assert.equal(groupAdvantages([1, 1, 2, 3], ["a", "a", "b", "b"], grpoOptions).flatGroups, 1);
  assert.throws(() => groupAdvantages([1, 1, 2, 2], ["a", "a", "b", "b"], grpoOptions), NumericError);
  // Equal up to the rounding of a sum.
  assert.throws(() => groupAdvantages([0.1 + 0.2, 0.3], ["a", "a"], grpoOptions), NumericError);
});

Deno.test("groupAdvantages() refuses rewards that are not finite", () => {
  assert.throws(() => groupAdvantages([1, NaN], ["a", "a"], grpoOptions), NumericError);
  assert.throws(() => groupAdvantages([1, -Infinity], ["a", "a"], grpoOptions), NumericError);
});

Deno.test("groupAdvantages() refuses groups of the wrong size, ragged input and RLOO with a deviation", () => {
  assert.throws(
    () => groupAdvantages([1, 2, 3], ["a", "a", "b"], { ...grpoOptions, groupSize: 2 }),
    UsageError,
  );
  assert.throws(() => groupAdvantages([1, 2], ["a"], grpoOptions), UsageError);
  assert.throws(() => groupAdvantages([], [], grpoOptions), UsageError);
  assert.throws(
    () => groupAdvantages([1, 2], ["a", "a"], { estimator: "rloo", divideByStd: true }),
    UsageError,
  );
});
