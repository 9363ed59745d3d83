import { assert } from "#test";
import type { RewardOptions } from "../objective/reward.ts";
import {
  advantageOptions,
  PROTOCOL_VARIANTS,
  protocolSwitches,
  rewardOptions,
  surrogateOptions,
} from "../objective/variants.ts";
import { presetManifest } from "./presets.ts";

Deno.test("a preset's sections are the options of the objective for its protocol variant", () => {
  for (const variant of PROTOCOL_VARIANTS) {
    const switches = protocolSwitches(variant);
    for (const mode of ["supervised", "unsupervised"] as const) {
      const { reward: { eosSet, ...rewardSection }, advantage, loss, data, train } = presetManifest(
        variant,
        mode,
      );
      const reward: RewardOptions = { ...rewardSection, mode: data.kind };
      assert.deepEqual(reward, rewardOptions(switches, mode));
      assert.equal(eosSet, switches.eosSet);
      assert.deepEqual(advantage, advantageOptions(switches));
      const { aggregation, klCoef, klEstimator, entropyCoef, ...surrogate } = loss;
      assert.deepEqual(surrogate, surrogateOptions(switches));
      assert.deepEqual([aggregation, klCoef, entropyCoef], [switches.aggregation, switches.klCoefficient, 0]);
      // Read by no preset, since no preset has a KL term.
      assert.deepEqual([klCoef, klEstimator], [0, "k3"]);
      assert.equal(train.miniBatches, switches.updatesPerBatch);
    }
  }
});
