import { assert, assertClose } from "#test";
import { KL_ESTIMATORS } from "../kl_penalty.ts";
import type { PolicyLossSpec } from "../policy_loss.ts";
import { assertGradient } from "./_gradient_test_helper.ts";
import { policyLoss, policyLossBackward, tokenLoss } from "./policy_loss.ts";

const spec: PolicyLossSpec = {
  surrogate: "ppo-clip",
  clipLow: 0.2,
  clipHigh: 0.3,
  dualClip: 3,
  logRatioClamp: 20,
  scale: 1 / 7,
};

/** Ratios on every piece of the loss, none at a kink. */
const ratios = [0.1, 0.7, 0.9, 1, 1.1, 1.5, 2.9, 3.1, 50];
const both = [...ratios, ...ratios];
const old = Float64Array.from(both, (_, i) => -0.5 - i / 10);
const logProb = Float64Array.from(both, (ratio, i) => old[i]! + Math.log(ratio));
const advantage = Float64Array.from(both, (_, i) => i < ratios.length ? 1.5 : -0.5);

Deno.test("tokenLoss() follows the ratio between the bounds that hold for its advantage", () => {
  const at = (ratio: number, a: number) => tokenLoss(Math.log(ratio), 0, a, spec);
  assertClose([at(0.5, 2), at(1.2, 2), at(9, 2)], [-2 * 0.5, -2 * 1.2, -2 * 1.3], 1e-14);
  assertClose([at(0.5, -2), at(2, -2), at(9, -2)], [2 * 0.8, 2 * 2, 2 * 3], 1e-14);
  assert.equal(tokenLoss(-2, -7, 3, { ...spec, surrogate: "reinforce" }), 6);
});

Deno.test("policyLossBackward() is the gradient of policyLoss(), clipped on both sides and by the dual clip", () => {
  const variants: Partial<PolicyLossSpec>[] = [
    {},
    { dualClip: Infinity },
    { logRatioClamp: 0.3 },
    { surrogate: "reinforce" },
  ];
  for (const change of variants) {
    const one = { ...spec, ...change }, gradient = policyLossBackward(logProb, old, advantage, one);
    assertGradient((x) => policyLoss(x, old, advantage, one), [logProb], [gradient]);
  }
});

Deno.test("policyLossBackward() is the gradient of policyLoss() with a KL term of every estimator, clamped or not", () => {
  const reference = logProb.map((x, i) => x + Math.sin(5 * i)), still = new Float64Array(logProb.length);
  for (const estimator of KL_ESTIMATORS) {
    for (const logRatioClamp of [20, 0.5]) {
      const one: PolicyLossSpec = { ...spec, logRatioClamp, kl: { coef: 0.4, estimator } };
      for (const weights of [advantage, still]) {
        const gradient = policyLossBackward(logProb, old, weights, one, reference);
        assertGradient((x) => policyLoss(x, old, weights, one, reference), [logProb], [gradient]);
        assert.ok(gradient.some((value) => value !== 0));
      }
    }
  }
});
