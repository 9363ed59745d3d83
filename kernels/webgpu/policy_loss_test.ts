import { UsageError } from "#errors";
import { assert, assertSameBits } from "#test";
import type { PolicyLossSpec } from "../policy_loss.ts";
import { TestRandom } from "../reference/random.ts";
import { limitsTest } from "./_limits_test_helper.ts";

const spec: PolicyLossSpec = {
  surrogate: "ppo-clip",
  clipLow: 0.2,
  clipHigh: 0.2,
  dualClip: 3,
  logRatioClamp: 20,
  scale: 1 / 5000,
};

/** 70,001 tokens are 274 blocks, more than the threads that add them up. */
const tokens = 70_001;

limitsTest(
  "policyLoss() does not depend on what a binding or a dispatch can hold",
  { maxBinding: 9400, maxGroups: 2 },
  async ({ small, large }) => {
    const random = new TestRandom(1), statistics = random.normals(3 * tokens), broken = statistics.slice();
    broken[3 * 69_999] = NaN;
    const sequences = {
      oldLogProbs: random.normals(tokens),
      advantages: random.normals(3),
      offsets: [0, 40_000, 40_001, tokens],
      referenceLogProbs: random.normals(tokens),
    };
    const results = [], kl = { coef: 0.1, estimator: "k3" as const };
    for (const bench of [small, large]) {
      const dLogProb = bench.out(tokens);
      const pending = [broken, statistics].map((values) =>
        bench.device.policyLoss(bench.put(values, tokens, 3), sequences, { ...spec, kl }, dLogProb)
      );
      const [notFinite, sums] = await bench.device.policySums(pending);
      assert.equal(notFinite!.firstNotFinite, 69_999);
      results.push({ sums, gradient: (await bench.read(dLogProb))[0]! });
    }
    const [actual, expected] = results;
    assert.ok(Number.isFinite(expected!.sums!.loss));
    assert.deepEqual(actual!.sums, expected!.sums);
    assertSameBits(actual!.gradient, expected!.gradient);
  },
);

limitsTest("policyLoss() refuses a log ratio that f32 cannot raise e to", {}, async ({ large }) => {
  const statistics = large.put(new Float64Array(3), 1, 3), dLogProb = large.out(1);
  const sequences = { oldLogProbs: [-1], referenceLogProbs: [-1], advantages: [1], offsets: [0, 1] };
  const call = (change: Partial<PolicyLossSpec>) =>
    large.device.policyLoss(statistics, sequences, { ...spec, logRatioClamp: 81, ...change }, dLogProb);
  assert.throws(() => call({}), UsageError);
  assert.throws(() => call({ surrogate: "reinforce", kl: { coef: 0.1, estimator: "k3" } }), UsageError);
  // Without a ratio nothing is raised.
  await large.device.policySums([call({ surrogate: "reinforce" })]);
});
