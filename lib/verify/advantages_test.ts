import { assert } from "#test";
import { resolveManifest } from "../manifest/resolve.ts";
import type { AdvantageEstimator } from "../objective/advantage.ts";
import { groupAdvantages } from "../objective/advantage.ts";
import { checkAdvantages, type Placed } from "./advantages.ts";
import { Checking } from "./check.ts";
import type { GraceStep, RationaleRecord } from "./step_schema.ts";

const K = 3, GROUPS = 4;

/** A step of four prompts, the rationales of its first two, and what is told of them after a change. */
function stepOf(estimator: AdvantageEstimator) {
  const { manifest } = resolveManifest({
    advantage: { estimator, divideByStd: false },
    sampling: { k: K },
    train: { promptsPerStep: GROUPS, miniBatches: 1 },
  });
  const rewards = Array.from({ length: GROUPS * K }, (_, i) => Math.sin(3 * i)),
    uids = rewards.map((_, i) => `${i / K | 0}`);
  const lengths = rewards.map((_, i) => 1 + i % 5), baselines = rewards.map((_, i) => Math.cos(i));
  const { advantages, whitening } = groupAdvantages(rewards, uids, { estimator, divideByStd: false }, {
    lengths,
    baselines,
  });
  const needs = { tokens: ["opo", "reinforce++"].includes(estimator), baseline: estimator === "remax" };
  const group = (g: number) =>
    Array.from({ length: K }, (_, j): Placed => {
      const i = g * K + j;
      const rationale = {
        total: rewards[i],
        advantage: advantages[i],
        ...(needs.tokens && { tokens: lengths[i] }),
        ...(needs.baseline && { baseline: baselines[i] }),
      };
      return { rationale: rationale as RationaleRecord, at: `${i}` };
    });
  const squares = advantages.reduce((sum, advantage) => sum + advantage ** 2, 0);
  const step = {
    step: 1,
    advantageStd: Math.sqrt(squares / advantages.length),
    ...(whitening && { whitening }),
  };
  const problems = (groups: readonly number[], change: Partial<typeof step> = {}) => {
    const it = new Checking();
    checkAdvantages(groups.map(group), { ...step, ...change } as GraceStep, manifest, "r", it);
    return it.problems.map(({ field, what = "" }) => `${field}: ${what}`).join("\n");
  };
  return { step, problems };
}

Deno.test("checkAdvantages() finds nothing in what groupAdvantages() gives, of some groups and of all", () => {
  for (const estimator of ["grpo", "rloo", "opo", "reinforce++", "remax", "no-baseline"] as const) {
    const { problems } = stepOf(estimator);
    for (const groups of [[0, 1], [0, 1, 2, 3]]) assert.equal(problems(groups), "", estimator);
  }
});

Deno.test("checkAdvantages() finds a root mean square that is less than the kept groups alone have", () => {
  const { step, problems } = stepOf("rloo"), { advantageStd } = step;
  assert.match(problems([0, 1], { advantageStd: advantageStd / 10 }), /^advantageStd: .* does not go with/);
  // Of groups that are not kept, there may be more.
  assert.equal(problems([0, 1], { advantageStd: advantageStd * 2 }), "");
  assert.match(
    problems([0, 1, 2, 3], { advantageStd: advantageStd * 2 }),
    /^advantageStd: .* does not go with/,
  );
});

Deno.test("checkAdvantages() finds moments that are not those of a whole batch, and advantages that they do not give", () => {
  const { step, problems } = stepOf("reinforce++"), { mean, variance } = step.whitening!;
  const wrong = problems([0, 1, 2, 3], { whitening: { mean: mean + 1e-9, variance } });
  assert.match(wrong, /^advantage: /);
  assert.match(wrong, /whitening: steps\.jsonl has/);
  assert.doesNotMatch(problems([0, 1], { whitening: { mean: mean + 1e-9, variance } }), /whitening:/);
});
