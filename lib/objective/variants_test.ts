import { assert } from "#test";
import {
  advantageOptions,
  PROTOCOL_TABLE,
  PROTOCOL_VARIANTS,
  protocolSwitches,
  rewardOptions,
  surrogateOptions,
} from "./variants.ts";

Deno.test("PROTOCOL_TABLE names a discrepancy wherever the variants differ, and gives a reason everywhere", () => {
  for (const [name, { ids, paper, code, fixed, why }] of Object.entries(PROTOCOL_TABLE)) {
    assert.ok(why.length > 0, name);
    if (paper !== code || code !== fixed) assert.ok(ids.length > 0, `${name} differs without an id`);
    for (const id of ids) assert.match(id, /^(P([1-9]|1[0-7])|B([1-9]|1[0-9]|20))$/);
  }
});

Deno.test("protocolSwitches() resolves every row of the table in every variant", () => {
  for (const variant of PROTOCOL_VARIANTS) {
    const switches = protocolSwitches(variant);
    assert.deepEqual(Object.keys(switches), Object.keys(PROTOCOL_TABLE));
    for (const value of Object.values(switches)) assert.notEqual(value, undefined);
  }
});

Deno.test("protocolSwitches() of variant code are those of the released train.sh", () => {
  const code = protocolSwitches("code");
  assert.deepEqual(rewardOptions(code, "supervised"), {
    mode: "supervised",
    negatives: "shared",
    negativeSet: "single",
    grouping: "prompt",
    rewardMultiplier: 10,
    lambda1: 0.2,
    lambda2: 0.2,
    lengthPenalty: "replace",
    gamma: 1,
  });
  assert.equal(rewardOptions(code, "unsupervised").negatives, "per-rollout");
  assert.deepEqual(advantageOptions(code), { estimator: "grpo", divideByStd: false });
  assert.deepEqual(surrogateOptions(code), {
    surrogate: "ppo-clip",
    clipLow: 0.2,
    clipHigh: 0.2,
    dualClip: 3,
    logRatioClamp: 20,
  });
});

Deno.test("protocolSwitches() of variant fixed undo the defects of the released code", () => {
  const { supervisedNegatives, grouping, lengthPenalty, eosSet, aggregation } = protocolSwitches("fixed");
  assert.deepEqual([supervisedNegatives, grouping, lengthPenalty, eosSet, aggregation], [
    "per-rollout",
    "uid",
    "subtract",
    "all",
    "token-mean",
  ]);
});
