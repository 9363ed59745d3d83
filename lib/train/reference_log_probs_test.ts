import { assert, assertSameBits } from "#test";
import { modelFolder } from "../../fixtures/golden/models/read.ts";
import { backboneTest } from "../backbone/_decoder_bench.ts";
import { Decoder } from "../backbone/decoder.ts";
import { Weights } from "../backbone/weights.ts";
import { request, tokens } from "../rollout/_rollout_bench.ts";
import { generate } from "../rollout/generate.ts";
import { referenceLogProbs } from "./reference_log_probs.ts";

backboneTest(
  "referenceLogProbs() of the model that sampled are those it sampled with, to the bit, however they are cut into passes",
  modelFolder("llama"),
  async ({ device, config, decoder, backbone }) => {
    const requests = [0, 1, 2].map((i) =>
      request(i, tokens(i, 9 + i), { samples: 3, maxNewTokens: 1 + 5 * i })
    );
    // As it is kept beside a model in training: matrices as they are stored, where the engine reads such.
    const frozen = Weights.read(device, config, backbone.tensors, { keepStored: true });
    const before = device.memory.current;
    for (const temperature of [1, 0.6]) {
      const sampling = { temperature, topP: 1, topK: 0 };
      const rollouts = await generate(decoder, requests, { sampling, eosIds: [] });
      const groups = requests.map(({ prompt }, i) => ({
        prompt: Int32Array.from(prompt),
        rollouts: rollouts[i]!,
      }));
      for (const microBatchTokens of [1, 17, 10_000]) {
        let rows = 0;
        const options = { temperature, microBatchTokens, onTokens: (count: number) => rows += count };
        const found = await referenceLogProbs(new Decoder(frozen), groups, options);
        assert.equal(found.length, 9);
        for (const [i, { logProbs }] of rollouts.flat().entries()) {
          assertSameBits(found[i]!, logProbs, `rollout ${i}, passes of ${microBatchTokens}`);
        }
        assert.ok(rows > 0);
      }
    }
    decoder.weights.unpack();
    assert.equal(device.memory.current, before, "bytes in tensors");
    frozen.free();
  },
);
