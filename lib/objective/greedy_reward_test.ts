import { NumericError, UsageError } from "#errors";
import { assert, assertClose } from "#test";
import { greedyRewards } from "./greedy_reward.ts";
import { batchRewards, type RewardGroup, type RewardOptions } from "./reward.ts";
import { protocolSwitches, rewardOptions } from "./variants.ts";

const options = (change: Partial<RewardOptions> = {}): RewardOptions => ({
  ...rewardOptions(protocolSwitches("fixed"), "supervised"),
  ...change,
});

/** Three groups of three rollouts in space, of which two have one prompt. */
const groups: RewardGroup[] = [
  {
    uid: "1",
    promptKey: "p",
    query: [1, 0, 0],
    negatives: [[0, 0, 1]],
    rollouts: [[1, 0, 1], [2, 1, 0], [0, 1, 3]],
    truncated: [false, true, false],
  },
  {
    uid: "2",
    promptKey: "p",
    query: [0, 1, 0],
    negatives: [[1, 1, 1]],
    rollouts: [[0, 1, 0], [1, 1, 0], [0, 2, 1]],
    truncated: [false, false, false],
  },
  {
    uid: "3",
    promptKey: "q",
    query: [0, 0, 1],
    negatives: [[1, 0, 0]],
    rollouts: [[1, 2, 3], [0, 0, 2], [2, 1, 4]],
    truncated: [false, false, true],
  },
];

const greedy = [
  { embedding: [3, 1, 2], truncated: false },
  { embedding: [1, 5, 1], truncated: true },
  { embedding: [1, 0, 1], truncated: false },
];

Deno.test("greedyRewards() are what batchRewards() gives to the greedy rationale in a rollout's place", () => {
  for (const negatives of ["shared", "per-rollout"] as const) {
    for (const grouping of ["uid", "prompt"] as const) {
      // A maximum over the rollouts of another group does not see who is replaced in this one.
      const one = options({ negatives, grouping });
      const baselines = greedyRewards(groups, greedy, one);
      groups.forEach((group, i) =>
        group.rollouts.forEach((_, k) => {
          const { embedding, truncated } = greedy[i]!;
          const replaced = {
            ...group,
            rollouts: group.rollouts.with(k, embedding),
            truncated: group.truncated.with(k, truncated),
          };
          const expected = batchRewards(groups.with(i, replaced), one).groups[i]!.total[k]!;
          assertClose([baselines[i]![k]!], [expected], 1e-12, `${negatives} ${grouping} ${i} ${k}`);
        })
      );
    }
  }
});

Deno.test("greedyRewards() do not depend on the rollout whose baseline they are", () => {
  const changed = { ...groups[0]!, rollouts: groups[0]!.rollouts.with(1, [-4, 3, 1]) };
  const [before] = greedyRewards(groups, greedy, options());
  const [after] = greedyRewards(groups.with(0, changed), greedy, options());
  assert.equal(before![1], after![1]);
  assert.notEqual(before![0], after![0]);
});

Deno.test("greedyRewards() take shared terms out of the advantage, and leave them in where they are not shared", () => {
  const advantages = (change: Partial<RewardOptions>) => {
    const rewards = batchRewards(groups, options(change)).groups,
      base = greedyRewards(groups, greedy, options(change));
    return rewards.flatMap(({ total }, i) => [...total].map((r, k) => r - base[i]![k]!));
  };
  const shared = (lambda2: number) => advantages({ negatives: "shared", lambda2, lengthPenalty: "subtract" });
  assertClose(shared(0), shared(5), 1e-12);
  const own = (lambda2: number) => advantages({ negatives: "per-rollout", lambda2 });
  assert.ok(own(0).some((a, i) => Math.abs(a - own(5)[i]!) > 0.1));
});

Deno.test("greedyRewards() refuses a group without a greedy rationale, and one that is not finite", () => {
  assert.throws(() => greedyRewards(groups, greedy.slice(1), options()), UsageError);
  const broken = [{ embedding: [NaN, 0, 1], truncated: false }, ...greedy.slice(1)];
  assert.throws(() => greedyRewards(groups, broken, options()), NumericError);
});
