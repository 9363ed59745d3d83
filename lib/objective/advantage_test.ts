import fc from "fast-check";
import { NumericError, UsageError } from "#errors";
import { assert, assertClose } from "#test";
import estimators from "../../fixtures/golden/objective/estimators.json" with { type: "json" };
import golden from "../../fixtures/golden/objective/policy.json" with { type: "json" };
import { type AdvantageEstimator, groupAdvantages, type RolloutFacts } from "./advantage.ts";

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
  // Equal up to the rounding of a sum, which division by their deviation would make more of.
  for (const divideByStd of [false, true]) {
    const run = () => groupAdvantages([0.1 + 0.2, 0.3], ["a", "a"], { ...grpoOptions, divideByStd });
    assert.throws(run, /Rewards do not differ within any of 1 groups/);
  }
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

const options = (estimator: AdvantageEstimator, divideByStd = false) => ({ estimator, divideByStd });

Deno.test("groupAdvantages() agrees with verl: OPO, pass@k, REINFORCE++ with and without baseline, ReMax", () => {
  for (const { uids, rewards, lengths, baselines, ...expected } of estimators.advantages) {
    const facts = { lengths, baselines };
    const run = (estimator: AdvantageEstimator, divideByStd = false) =>
      groupAdvantages(rewards, uids, options(estimator, divideByStd), facts).advantages;
    assertClose(run("opo"), expected.opo, 1e-12, "opo");
    assertClose(run("grpo-passk"), expected.passk, 1e-12, "grpo-passk");
    assertClose(run("grpo-passk", true), expected.passkStd, 1e-12, "grpo-passk, divided");
    // verl adds 1e-8 to the number of tokens.
    assertClose(run("reinforce++"), expected.reinforcePlusPlus, 1e-8, "reinforce++");
    assertClose(
      run("reinforce++-baseline"),
      expected.reinforcePlusPlusBaseline,
      1e-8,
      "reinforce++-baseline",
    );
    assertClose(run("remax"), expected.remax, 1e-12, "remax");
    assert.deepEqual([...run("no-baseline")], rewards);
  }
});

Deno.test("groupAdvantages() whitens over tokens, not over rollouts", () => {
  const lengths = [1, 30, 4, 5],
    { advantages, whitening } = groupAdvantages(
      [3, -1, 0.5, 2],
      ["a", "a", "b", "b"],
      options("reinforce++"),
      { lengths },
    );
  const tokens = lengths.flatMap((length, i) => Array<number>(length).fill(advantages[i]!));
  const mean = tokens.reduce((sum, a) => sum + a, 0) / tokens.length;
  const variance = tokens.reduce((sum, a) => sum + (a - mean) ** 2, 0) / (tokens.length - 1);
  assertClose([mean, variance], [0, 1], 1e-7);
  assertClose([whitening!.mean], [(3 - 30 + 2 + 10) / 40], 1e-15);
  // Rewards that hardly differ are not blown up: their variance of 5e-9 is less than the 1e-8 that is added to it.
  const close = groupAdvantages([1, 1.0001], ["a", "a"], options("reinforce++"), { lengths: [1, 1] });
  assertClose(close.advantages, [-1, 1].map((sign) => sign * 5e-5 / Math.sqrt(1.5e-8)), 1e-9);
  assert.equal(groupAdvantages([1, 2], ["a", "a"], grpoOptions).whitening, undefined);
});

Deno.test("groupAdvantages() is OPO's GRPO where all rollouts have one length", () => {
  const rewards = [1, 4, -2, 0.5, 3, 3], uids = ["a", "a", "a", "b", "b", "b"];
  const grpo = groupAdvantages(rewards, uids, grpoOptions).advantages;
  const opo = groupAdvantages(rewards, uids, options("opo"), { lengths: Array(6).fill(7) }).advantages;
  assertClose(opo, grpo, 1e-15);
  const longer = groupAdvantages(rewards, uids, options("opo"), { lengths: [1, 99, 1, 1, 1, 1] }).advantages;
  // The longest rollout draws the baseline to its reward.
  assertClose([longer[1]!], [4 - (1 + 4 * 99 - 2) / 101], 1e-14);
});

Deno.test("groupAdvantages() has the baseline 0 for a group of one, as verl", () => {
  for (const estimator of ["grpo", "rloo", "opo", "no-baseline"] as const) {
    const { advantages } = groupAdvantages([4, 1, 3], ["a", "b", "b"], options(estimator), {
      lengths: [5, 2, 2],
    });
    assert.equal(advantages[0], 4, estimator);
  }
});

Deno.test("groupAdvantages() fails where an estimator would see nothing", () => {
  const flat = [2, 2, 5, 5], uids = ["a", "a", "b", "b"], lengths = [1, 2, 3, 4];
  for (const estimator of ["grpo", "rloo", "opo", "grpo-passk", "reinforce++-baseline"] as const) {
    const run = () => groupAdvantages(flat, uids, options(estimator), { lengths });
    assert.throws(run, NumericError, estimator);
  }
  // Groups that are flat but differ are told apart by a baseline of the batch, or of a greedy rollout.
  assert.equal(groupAdvantages(flat, uids, options("reinforce++"), { lengths }).flatGroups, 2);
  assert.deepEqual(
    [...groupAdvantages(flat, uids, options("remax"), { baselines: [1, 1, 5, 5] }).advantages],
    [
      1,
      1,
      0,
      0,
    ],
  );
  const refused: [AdvantageEstimator, number[], RolloutFacts][] = [
    ["reinforce++", [3, 3, 3, 3], { lengths }],
    ["remax", flat, { baselines: flat }],
    ["no-baseline", [0, 0, 0, 0], {}],
  ];
  for (const [estimator, rewards, facts] of refused) {
    assert.throws(() => groupAdvantages(rewards, uids, options(estimator), facts), NumericError, estimator);
  }
  // Two are best in each group, the third is worse.
  const ties = [2, 2, 1, 4, 4, 0], three = ["a", "a", "a", "b", "b", "b"];
  assert.throws(() => groupAdvantages(ties, three, options("grpo-passk")), NumericError);
  assert.throws(() => groupAdvantages([4, 3], ["a", "b"], options("grpo-passk")), UsageError);
  assert.throws(() => groupAdvantages([4], ["a"], options("reinforce++"), { lengths: [1] }), NumericError);
});

Deno.test("groupAdvantages() refuses what an estimator does not read or lacks", () => {
  const run = (estimator: AdvantageEstimator, facts: RolloutFacts, divideByStd = false) => () =>
    groupAdvantages([1, 2], ["a", "a"], options(estimator, divideByStd), facts);
  for (const estimator of ["opo", "reinforce++", "reinforce++-baseline", "remax"] as const) {
    assert.throws(run(estimator, {}), UsageError, estimator);
    assert.throws(run(estimator, { lengths: [1], baselines: [1] }), UsageError, estimator);
    assert.throws(run(estimator, { lengths: [1, 1], baselines: [1, 1] }, true), UsageError, estimator);
  }
  assert.throws(run("opo", { lengths: [0, 3] }), UsageError);
  assert.throws(run("remax", { baselines: [NaN, 3] }), NumericError);
});
