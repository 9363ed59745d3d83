import fc from "fast-check";
import { NumericError, UsageError } from "#errors";
import { assert, assertClose } from "#test";
import golden from "../../fixtures/golden/objective/reward.json" with { type: "json" };
import { groupAdvantages } from "./advantage.ts";
import { batchRewards, type RewardGroup, type RewardOptions, type TrainingMode } from "./reward.ts";
import { protocolSwitches, type ProtocolVariant, rewardOptions } from "./variants.ts";
import { cosine } from "./vector.ts";

const preset = (variant: ProtocolVariant, mode: TrainingMode, change: Partial<RewardOptions> = {}) => ({
  ...rewardOptions(protocolSwitches(variant), mode),
  ...change,
});

const totals = (groups: readonly RewardGroup[], options: RewardOptions) =>
  batchRewards(groups, options).groups.flatMap((g) => [...g.total]);

const advantages = (groups: readonly RewardGroup[], options: RewardOptions) =>
  groupAdvantages(totals(groups, options), groups.flatMap((g) => g.rollouts.map(() => g.uid)), {
    estimator: "grpo",
    divideByStd: false,
  }).advantages;

/** The vectors of the reference specification: 2 groups of 2 rollouts in the plane. */
function plane(mode: TrainingMode, truncate = false): RewardGroup[] {
  const group = (uid: string, query: number[], rollouts: number[][], negative: number[]) => ({
    uid,
    promptKey: uid,
    query,
    rollouts,
    negatives: mode === "supervised" ? [negative] : [],
    truncated: [false, truncate && uid === "1"],
  });
  return [
    group("1", [1, 0], [[1, 0], [0.6, 0.8]], [0, 1]),
    group("2", [0, 1], [[0, 1], [0.8, 0.6]], [0.6, 0.8]),
  ];
}

const table: [string, TrainingMode, boolean, Partial<RewardOptions>, number[], number[]][] = [
  ["supervised", "supervised", false, {}, [9.6, 5.6, 1.6, -2.4], [2, -2, 2, -2]],
  ["supervised, λ2 = 0", "supervised", false, { lambda2: 0 }, [11.2, 7.2, 3.2, -0.8], [2, -2, 2, -2]],
  ["supervised, λ2 = 1", "supervised", false, { lambda2: 1 }, [3.2, -0.8, -4.8, -8.8], [2, -2, 2, -2]],
  ["supervised, truncated", "supervised", true, {}, [9.6, -1, 1.6, -2.4], [5.3, -5.3, 2, -2]],
  ["unsupervised", "unsupervised", false, {}, [11.2, 5.6, 11.2, 5.6], [2.8, -2.8, 2.8, -2.8]],
  ["unsupervised, λ2 = 0", "unsupervised", false, { lambda2: 0 }, [11.2, 7.2, 11.2, 7.2], [2, -2, 2, -2]],
  ["unsupervised, λ2 = 1", "unsupervised", false, { lambda2: 1 }, [11.2, -0.8, 11.2, -0.8], [6, -6, 6, -6]],
  ["unsupervised, truncated", "unsupervised", true, {}, [11.2, -1, 11.2, 5.6], [6.1, -6.1, 2.8, -2.8]],
];
for (const [name, mode, truncate, change, rewards, advantage] of table) {
  Deno.test(`batchRewards() gives the published vectors of the released code: ${name}`, () => {
    const groups = plane(mode, truncate), options = preset("code", mode, change);
    assertClose(totals(groups, options), rewards, 1e-12);
    assertClose(advantages(groups, options), advantage, 1e-12);
  });
}

interface GoldenGroup {
  prompt: number;
  query: number[];
  negative?: number[];
  rollouts: number[][];
  truncated: boolean[];
}

for (const { name, expected, ...testCase } of golden.cases) {
  const groups: GoldenGroup[] = testCase.groups;
  Deno.test(`batchRewards() agrees with a run of the released code: ${name}`, () => {
    const mode = groups[0]!.negative === undefined ? "unsupervised" : "supervised";
    const options = preset("code", mode, { lambda1: expected.lambda1, lambda2: expected.lambda2 });
    const inputs = groups.map((g, i) => ({
      uid: `${i}`,
      promptKey: `${g.prompt}`,
      query: g.query,
      negatives: g.negative ? [g.negative] : [],
      rollouts: g.rollouts,
      truncated: g.truncated,
    }));
    const { groups: rewards, mergedGroups } = batchRewards(inputs, options);
    const all = (component: "positive" | "negative" | "consistency" | "crossGroup" | "total", factor = 10) =>
      rewards.flatMap((g) => Array.from(g[component], (x) => x * factor));
    assertClose(all("total", 1), expected.total, 1e-5);
    assertClose(all("positive"), expected.positive, 1e-5);
    if (expected.negative) assertClose(all("negative"), expected.negative, 1e-5);
    assertClose(all("consistency"), expected.consistency, 1e-5);
    // The released code logs this term unsigned in unsupervised training and subtracts it.
    assertClose(all("crossGroup", mode === "supervised" ? 10 : -10), expected.crossGroup, 1e-5);
    assert.equal(mergedGroups, groups.length - new Set(groups.map((g) => g.prompt)).size);
  });
}

/** Random batches: 2-4 groups of 2-3 rollouts in 3 dimensions. */
const vector = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 3, maxLength: 3 })
  .filter((v) => Math.hypot(...v) > 0.1);
const batches = (mode: TrainingMode) =>
  fc.array(
    fc.record({
      query: vector,
      negatives: mode === "supervised" ? fc.tuple(vector) : fc.constant([]),
      rollouts: fc.array(vector, { minLength: 2, maxLength: 3 }),
    }),
    { minLength: 2, maxLength: 4 },
  ).map((groups) =>
    groups.map((g, i) => ({ ...g, uid: `${i}`, promptKey: `${i}`, truncated: g.rollouts.map(() => false) }))
  ).filter((groups) =>
    // Rollouts that differ, so that there is something to compare.
    groups.some(({ query, rollouts }) =>
      Math.abs(cosine(query, rollouts[0]!) - cosine(query, rollouts[1]!)) > 1e-3
    )
  );

for (const variant of ["code", "paper"] as const) {
  Deno.test(`batchRewards() cancels λ2 and negatives out of supervised advantages in variant ${variant}`, () => {
    fc.assert(fc.property(batches("supervised"), vector, (groups, other) => {
      // Consistency may flatten a group on purpose; without it the comparison above is what remains.
      const options = preset(variant, "supervised", { lambda1: 0 });
      const expected = advantages(groups, options);
      assertClose(advantages(groups, { ...options, lambda2: 1 }), expected, 1e-9);
      assertClose(advantages(groups, { ...options, lambda2: 0 }), expected, 1e-9);
      const changed = groups.map((g) => ({ ...g, negatives: [other] }));
      assertClose(advantages(changed, options), expected, 1e-9);
    }));
  });
}

Deno.test("batchRewards() lets λ2 through in unsupervised training of the released code, not of the paper", () => {
  const moves = (variant: ProtocolVariant) => {
    const options = preset(variant, "unsupervised"), groups = plane("unsupervised");
    return Math.abs(
      advantages(groups, { ...options, lambda2: 1 })[0]! - advantages(groups, { ...options, lambda2: 0 })[0]!,
    );
  };
  assert.ok(moves("code") > 1 && moves("fixed") > 1);
  assert.ok(moves("paper") < 1e-12);
});

Deno.test("batchRewards() makes supervised advantages depend on λ2 and on negatives in variant fixed", () => {
  const options = preset("fixed", "supervised"), groups = plane("supervised");
  const base = advantages(groups, options);
  assert.ok(Math.abs(advantages(groups, { ...options, lambda2: 1 })[0]! - base[0]!) > 0.1);
  const swapped = groups.map((g) => ({ ...g, negatives: [[1, 0]] }));
  assert.ok(Math.abs(advantages(swapped, options)[0]! - base[0]!) > 0.1);
});

Deno.test("batchRewards() compares each rollout with negatives and other queries when negatives are per rollout", () => {
  const [group] = batchRewards(plane("supervised"), preset("fixed", "supervised")).groups;
  assertClose(group!.negative, [-0, -0.8], 1e-15); // s(d, (0, 1))
  assertClose(group!.crossGroup, [-0, -0.8], 1e-15); // s(d, q2 = (0, 1))
});

Deno.test("batchRewards() takes the mean over other groups of the hardest rollout when negatives are shared", () => {
  const third = { ...plane("supervised")[0]!, uid: "3", promptKey: "3", rollouts: [[-1, 0], [0, -1]] };
  const { groups } = batchRewards([...plane("supervised"), third], preset("paper", "supervised"));
  assertClose(groups[0]!.crossGroup, [-(0.8 + 0) / 2, -(0.8 + 0) / 2], 1e-15);
});

Deno.test("batchRewards() merges equal prompts in variant code and keeps them apart in variant fixed", () => {
  const twins = plane("unsupervised").map((g) => ({ ...g, promptKey: "same" }));
  const third = { ...plane("unsupervised")[0]!, uid: "3" };
  const merged = batchRewards([...twins, third], preset("code", "unsupervised"));
  const apart = batchRewards([...twins, third], preset("fixed", "unsupervised"));
  assert.deepEqual([merged.mergedGroups, apart.mergedGroups], [1, 0]);
  assertClose(merged.groups[0]!.consistency.subarray(0, 1), [(0.6 + 0 + 0.8) / 3], 1e-15);
  assertClose(apart.groups[0]!.consistency.subarray(0, 1), [0.6], 1e-15);
});

Deno.test("batchRewards() sums a set of negatives in variant paper and refuses it in variant code", () => {
  const groups = plane("supervised").map((g) => ({ ...g, negatives: [[0, 1], [0.6, 0.8]] }));
  const { groups: rewards } = batchRewards(groups, preset("paper", "supervised"));
  assertClose(rewards[0]!.negative, [-0.6, -0.6], 1e-15);
  assert.throws(() => batchRewards(groups, preset("code", "supervised")), UsageError);
});

Deno.test("batchRewards() subtracts the penalty in variant fixed, so being cut off never pays", () => {
  const options = preset("fixed", "unsupervised");
  const free = totals(plane("unsupervised"), options), cut = totals(plane("unsupervised", true), options);
  assertClose(cut, [free[0]!, free[1]! - 1, free[2]!, free[3]!], 1e-12);
});

Deno.test("batchRewards() refuses batches on which a weighted term is not defined", () => {
  const options = preset("code", "unsupervised"), groups = plane("unsupervised");
  const lonely = groups.map((g) => ({ ...g, rollouts: [g.rollouts[0]!], truncated: [false] }));
  assert.throws(() => batchRewards(lonely, options), UsageError);
  assert.deepEqual(
    [...batchRewards(lonely, { ...options, lambda1: 0 }).groups[0]!.consistency],
    [0],
  );
  assert.throws(() => batchRewards([groups[0]!], options), UsageError);
  assert.deepEqual([...batchRewards([groups[0]!], { ...options, lambda2: 0 }).groups[0]!.crossGroup], [0, 0]);
  const twins = groups.map((g) => ({ ...g, promptKey: "same" }));
  assert.throws(() => batchRewards(twins, options), UsageError, "one merged group has no other group");
});

Deno.test("batchRewards() refuses groups of the wrong shape", () => {
  const groups = plane("unsupervised");
  const run = (change: Partial<RewardGroup>, mode: TrainingMode = "unsupervised") =>
    batchRewards([{ ...groups[0]!, ...change }, groups[1]!], preset("code", mode));
  assert.throws(() => run({ rollouts: [], truncated: [] }), UsageError);
  assert.throws(() => run({ truncated: [false] }), UsageError);
  assert.throws(() => run({ uid: "2" }), UsageError);
  assert.throws(() => run({ negatives: [[1, 0]] }), UsageError);
  assert.throws(() => run({}, "supervised"), UsageError);
  assert.throws(() => run({ query: [1, 0, 0] }), UsageError);
  assert.throws(() => batchRewards([], preset("code", "unsupervised")), UsageError);
});

Deno.test("batchRewards() refuses embeddings and rewards that are not numbers", () => {
  const groups = plane("supervised");
  const run = (change: Partial<RewardGroup>, options: Partial<RewardOptions> = {}) =>
    batchRewards([{ ...groups[0]!, ...change }, groups[1]!], preset("code", "supervised", options));
  assert.throws(() => run({ query: [NaN, 0] }), NumericError);
  assert.throws(() => run({ negatives: [[0, 0]] }), NumericError);
  assert.throws(() => run({ rollouts: [[1, 0], [0, Infinity]] }), NumericError);
  assert.throws(() => run({}, { lambda1: NaN }), NumericError);
  assert.throws(() => run({}, { gamma: -1 }), UsageError);
});
