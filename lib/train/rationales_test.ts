import { assert, assertClose } from "#test";
import { UsageError } from "#errors";
import { openGraceWorkload } from "../../fixtures/bench/grace_workload.ts";
import { modelFolder } from "../../fixtures/golden/models/read.ts";
import { createCpuDevice } from "../../kernels/cpu/mod.ts";
import { Decoder } from "../backbone/decoder.ts";
import { openBackbone } from "../backbone/open.ts";
import { Weights } from "../backbone/weights.ts";
import type { Manifest } from "../manifest/schema.ts";
import {
  greedyBaselines,
  rewardGroups,
  rewardOptionsOf,
  rollOutExamples,
  tokenizerEos,
} from "./rationales.ts";

Deno.test("rollOutExamples() adds a rationale that no random number goes into where the baseline is a greedy one", async () => {
  const workload = await openGraceWorkload(), { backbone } = workload, device = createCpuDevice();
  const weights = Weights.read(device, backbone.config, backbone.tensors), decoder = new Decoder(weights);
  const settings = {
    ...workload.manifest,
    advantage: { estimator: "remax", divideByStd: false } as const,
    sampling: { ...workload.manifest.sampling, k: 2, maxNewTokens: 6 },
  };
  const sessionOf = (manifest: Manifest) => ({ ...workload, manifest, decoder });
  const session = sessionOf(settings), ids = (rollout: { tokens: Int32Array }) => [...rollout.tokens];
  try {
    const [first, second] = [
      await rollOutExamples(session, 1, [3, 5]),
      await rollOutExamples(session, 2, [3, 5]),
    ];
    for (const [i, { greedy, main, others, index }] of first.examples.entries()) {
      const again = second.examples[i]!;
      assert.deepEqual(ids(greedy!), ids(again.greedy!));
      assert.notDeepEqual(main.rollouts.map(ids), again.main.rollouts.map(ids));
      assert.deepEqual([index, main.rollouts.length, others.length], [[3, 5][i], 2, 2]);
    }
    const plain = sessionOf({ ...settings, advantage: { ...settings.advantage, estimator: "rloo" } });
    const [without] = (await rollOutExamples(plain, 1, [3, 5])).examples;
    assert.equal(without!.greedy, undefined);
    assert.deepEqual(without!.main.rollouts.map(ids), first.examples[0]!.main.rollouts.map(ids));

    // The workload stops at no token, so that all of the first step are cut off, and none where there is more room.
    const options = { ...rewardOptionsOf(settings), lengthPenalty: "subtract", gamma: 0.5 } as const;
    const baselines = (maxNewTokens: number) => {
      const roomy = sessionOf({ ...settings, sampling: { ...settings.sampling, maxNewTokens } });
      return greedyBaselines(roomy, first.examples, rewardGroups(roomy, first.examples), options)!;
    };
    const cut = baselines(6), whole = baselines(7);
    assert.equal(cut.length, 4);
    assertClose(cut, whole.map((baseline) => baseline - 0.5), 1e-12);
    assert.equal(greedyBaselines(plain, [without!], rewardGroups(plain, [without!]), options), undefined);
  } finally {
    weights.free();
    backbone.close();
    device.dispose();
  }
});

Deno.test("tokenizerEos() is the tokenizer's own token, wherever generation_config.json lists it", async () => {
  const backbone = await openBackbone(modelFolder("llama-tied"));
  try {
    const own = backbone.tokenizer.tokenToId(backbone.chatTemplate.specialTokens.eos_token!)!;
    const reversed = [...backbone.eosIds].reverse();
    assert.equal(reversed.length, 2);
    for (const eosIds of [backbone.eosIds, reversed, [own + 100]]) {
      assert.equal(tokenizerEos({ ...backbone, eosIds }, "tokenizer"), own);
    }
  } finally {
    backbone.close();
  }
});

Deno.test("tokenizerEos() fails where the tokenizer has none and the length penalty asks for it", async () => {
  const backbone = await openBackbone(modelFolder("llama-tied"));
  try {
    const chatTemplate = Object.assign(Object.create(Object.getPrototypeOf(backbone.chatTemplate)), {
      specialTokens: {},
    });
    assert.throws(() => tokenizerEos({ ...backbone, chatTemplate }, "tokenizer"), UsageError);
    assert.equal(tokenizerEos({ ...backbone, chatTemplate }, "all"), backbone.eosIds[0]);
  } finally {
    backbone.close();
  }
});
