import { assert, assertClose, assertRelative, assertSameBits } from "#test";
import { NumericError, UsageError } from "#errors";
import {
  type GrpoGolden,
  loadModelGolden,
  MODEL_NAMES,
  modelFolder,
} from "../../fixtures/golden/models/read.ts";
import { profiled } from "../../kernels/profile.ts";
import { backboneTest, type Bench, withRandomDecoder } from "../backbone/_decoder_bench.ts";
import { Decoder } from "../backbone/decoder.ts";
import { Weights } from "../backbone/weights.ts";
import { request, tokens } from "../rollout/_rollout_bench.ts";
import { generate } from "../rollout/generate.ts";
import { roomForActivations } from "../rollout/keep_activations.ts";
import { referenceLogProbs } from "./reference_log_probs.ts";
import {
  policyGradient,
  type PolicyGroup,
  type PolicyOptions,
  type PolicyStatistics,
} from "./policy_update.ts";

/** Of the gradient of any one weight, against float64. */
const tolerance = 2e-5;

const settings: PolicyOptions = {
  surrogate: { surrogate: "ppo-clip", clipLow: 0.2, clipHigh: 0.2, dualClip: 3, logRatioClamp: 20 },
  aggregation: "token-mean",
  entropyCoef: 0,
  temperature: 1,
  microBatchTokens: 10_000,
};

/** The golden rollouts by prompt. */
function groupsOf({ rollouts }: GrpoGolden): PolicyGroup[] {
  const groups = new Map<string, { prompt: Int32Array; rollouts: PolicyGroup["rollouts"][number][] }>();
  for (const { prompt, completion, oldLogProbs, advantage } of rollouts) {
    const key = prompt.join();
    if (!groups.has(key)) groups.set(key, { prompt: Int32Array.from(prompt), rollouts: [] });
    groups.get(key)!.rollouts.push({
      tokens: Int32Array.from(completion),
      oldLogProbs: Float32Array.from(oldLogProbs),
      advantage,
    });
  }
  return [...groups.values()];
}

interface Result {
  readonly statistics: PolicyStatistics;
  readonly gradients: Map<string, Float32Array>;
}

async function run(
  { device, config, decoder }: Bench,
  groups: readonly PolicyGroup[],
  options: PolicyOptions,
): Promise<Result> {
  const weights = Weights.zeros(device, config), gradients = new Map<string, Float32Array>();
  try {
    const statistics = await policyGradient(decoder, groups, options, weights);
    for (const [name, tensor] of weights.tensors) gradients.set(name, await device.read(tensor));
    return { statistics, gradients };
  } finally {
    weights.free();
  }
}

for (const name of MODEL_NAMES) {
  backboneTest(
    `policyGradient() of ${name} is PyTorch's, however the batch is run`,
    modelFolder(name),
    async (bench) => {
      const { grpo } = loadModelGolden(name), groups = groupsOf(grpo);
      const tokensInAll = grpo.tokenLoss.length;
      for (const sharePrompts of [true, false]) {
        for (const microBatchTokens of [1, 22, 40, 10_000]) {
          const what = `${sharePrompts ? "shared" : "repeated"} prompts, ${microBatchTokens} rows`;
          const { statistics, gradients } = await run(bench, groups, {
            ...settings,
            sharePrompts,
            microBatchTokens,
          });
          assertClose([statistics.loss], [grpo.loss], 2e-5, what);
          for (const [weight, { values }] of grpo.gradients) {
            assertRelative(gradients.get(weight)!, values, tolerance, `${what}: ${weight}`);
          }
          assertClose([statistics.clipFraction], [grpo.clippedTokens / tokensInAll], 1e-6, what);
          assertClose([statistics.dualClipFraction], [grpo.dualClippedTokens / tokensInAll], 1e-6, what);
          const entropy = grpo.rollouts.flatMap((r) => r.entropy).reduce((a, b) => a + b) / tokensInAll;
          assertClose([statistics.entropy], [entropy], 1e-5, what);
          assert.equal(statistics.tokens, tokensInAll);
        }
      }
    },
  );
}

const one = loadModelGolden("llama");

backboneTest(
  "policyGradient() gives the same bits with checkpointing",
  modelFolder("llama"),
  async (bench) => {
    const groups = groupsOf(one.grpo);
    const [plain, checkpointed] = [
      await run(bench, groups, settings),
      await run(bench, groups, { ...settings, checkpointing: true }),
    ];
    for (const [name, values] of plain.gradients) {
      assertSameBits(
        checkpointed.gradients.get(name)!,
        values,
        name,
      );
    }
    assert.deepEqual(checkpointed.statistics, plain.statistics);
  },
);

backboneTest(
  "policyGradient() with a KL term pulls each token back by what it moved, and not at all where nothing moved",
  modelFolder("llama"),
  async (bench) => {
    const plain = groupsOf(one.grpo), own = await referenceLogProbs(bench.decoder, plain, settings);
    let next = 0;
    const moved = (by: number): PolicyGroup[] => {
      next = 0;
      return plain.map(({ prompt, rollouts }) => ({
        prompt,
        rollouts: rollouts.map(({ tokens, oldLogProbs }) => ({
          tokens,
          oldLogProbs,
          referenceLogProbs: own[next++]!.map((logProb) => logProb - by),
          advantage: 0,
        })),
      }));
    };
    const kl = { coef: 0.25, estimator: "k2" as const };
    const still = await run(bench, moved(0), { ...settings, kl });
    assert.deepEqual([still.statistics.kl, still.statistics.loss === 0], [0, true]);
    for (const values of still.gradients.values()) assert.ok(values.every((value) => value === 0));
    // With k2, d = 0.5 at every token: the gradient of coef * d * log pi, which REINFORCE has with the advantage -coef * d.
    const reinforce = { ...settings.surrogate, surrogate: "reinforce" as const };
    const pulled = await run(bench, moved(0.5), { ...settings, kl });
    const expected = await run(
      bench,
      moved(0).map(({ prompt, rollouts }) => ({
        prompt,
        rollouts: rollouts.map((rollout) => ({ ...rollout, advantage: -0.25 * 0.5 })),
      })),
      { ...settings, surrogate: reinforce },
    );
    for (const [name, values] of expected.gradients) {
      assertRelative(pulled.gradients.get(name)!, values, tolerance, name);
    }
    assertClose([pulled.statistics.kl!, pulled.statistics.loss], [0.125, 0.25 * 0.125], 1e-5);
    assert.equal(expected.statistics.kl, undefined);
    const cut = await run(bench, moved(0.5), { ...settings, kl, microBatchTokens: 22 });
    assertClose([cut.statistics.kl!], [0.125], 1e-5);
    await assert.rejects(run(bench, moved(NaN), { ...settings, kl }), NumericError);
    for (const coef of [0, -1, NaN, Infinity]) {
      await assert.rejects(run(bench, moved(0), { ...settings, kl: { ...kl, coef } }), UsageError);
    }
    await assert.rejects(run(bench, plain, { ...settings, kl }), UsageError, "no reference");
  },
);

backboneTest(
  "policyGradient() runs the rows of a prompt once for all its rationales",
  modelFolder("llama"),
  async (bench) => {
    const groups = groupsOf(one.grpo), { statistics } = await run(bench, groups, settings);
    const prompts = groups.reduce((sum, { prompt }) => sum + prompt.length, 0);
    const own = groups.flatMap((group) => group.rollouts).reduce(
      (sum, { tokens }) => sum + tokens.length - 1,
      0,
    );
    assert.equal(statistics.rows, prompts + own);
    const repeated = await run(bench, groups, { ...settings, sharePrompts: false });
    assert.equal(repeated.statistics.rows, 3 * prompts + own);
  },
);

backboneTest(
  "policyGradient() looks at results once, however many micro-batches it runs",
  modelFolder("llama"),
  async ({ device: engine, config, backbone }) => {
    const { device, times } = profiled(engine), weights = Weights.read(device, config, backbone.tensors);
    const gradients = Weights.zeros(device, config), options = { ...settings, microBatchTokens: 1 };
    await policyGradient(new Decoder(weights), groupsOf(one.grpo), options, gradients);
    const calls = new Map(times().map(({ op, calls }) => [op, calls]));
    assert.equal(calls.get("policyLoss"), one.grpo.rollouts.length);
    assert.equal(calls.get("policySums"), 1);
    const looks = ["read", "lmHead", "lmHeadSample", "infoNce", "globalNorm"];
    assert.deepEqual(looks.filter((op) => calls.has(op)), []);
    weights.free();
    gradients.free();
  },
);

/** Rollouts that the decoder itself sampled. */
async function sampledGroups(bench: Bench, temperature: number): Promise<PolicyGroup[]> {
  const requests = [0, 1, 2].map((i) =>
    request(i, tokens(i, 9 + i), { samples: 4, maxNewTokens: 1 + 9 * i })
  );
  const options = { sampling: { temperature, topP: 1, topK: 0 }, eosIds: [] };
  const rollouts = await generate(bench.decoder, requests, options);
  return requests.map(({ prompt }, i) => ({
    prompt: Int32Array.from(prompt),
    rollouts: rollouts[i]!.map(({ tokens, logProbs }, k) => ({
      tokens,
      oldLogProbs: logProbs,
      advantage: [1.5, -0.5, -1, 0][k]!,
    })),
  }));
}

Deno.test("policyGradient() sees a gap of exactly 0 between training and the decoding that sampled", () =>
  withRandomDecoder({ hiddenSize: 160, intermediateSize: 320, vocabSize: 5000 }, async (bench) => {
    for (const temperature of [1, 0.6]) {
      const groups = await sampledGroups(bench, temperature);
      for (const sharePrompts of [true, false]) {
        for (const microBatchTokens of [1, 30, 10_000]) {
          const options = { ...settings, temperature, sharePrompts, microBatchTokens };
          const { statistics } = await run(bench, groups, options);
          assert.equal(statistics.logProbGap, 0);
          assert.equal(statistics.approxKl, 0);
          assert.equal(statistics.clipFraction, 0);
        }
      }
      const wrong = await run(bench, groups, { ...settings, temperature: 0.9 });
      assert.ok(wrong.statistics.logProbGap > 1e-3, "another temperature would show");
    }
  }));

Deno.test("policyGradient() has the same bits with the activations that decoding kept, and runs no forward pass", () =>
  withRandomDecoder({ layers: 3, qkvBias: true }, async ({ device: engine, config, weights }) => {
    const { device, times, reset } = profiled(engine), gradients = Weights.zeros(device, config);
    const decoder = new Decoder(Object.assign(Object.create(weights), { device }) as Weights);
    const requests = [0, 1, 2].map((i) =>
      request(i, tokens(i, 9 + i), { samples: 4, maxNewTokens: 1 + 9 * i })
    );
    const keep = roomForActivations(decoder, requests);
    if (engine.decoding.keptBytes === 0) {
      assert.equal(keep, undefined, "nothing is kept where decoding and training may differ in a bit");
      return gradients.free();
    }
    const rollouts = await generate(decoder, requests, {
      sampling: { temperature: 1, topP: 1, topK: 0 },
      eosIds: [],
      keep,
    });
    const groups = requests.map(({ prompt }, i): PolicyGroup => ({
      prompt: Int32Array.from(prompt),
      rollouts: rollouts[i]!.map(({ tokens, logProbs, rows }, k) => ({
        tokens,
        oldLogProbs: logProbs,
        advantage: [1.5, -0.5, -1, 0][k]!,
        rows: rows!,
      })),
    }));
    const gradientsWith = async (options: PolicyOptions) => {
      gradients.clear();
      reset();
      const statistics = await policyGradient(decoder, groups, options, gradients);
      const forwards = times().find(({ op }) => op === "layerTail")?.calls ?? 0;
      const values = new Map<string, Float32Array>();
      for (const [name, tensor] of gradients.tensors) values.set(name, await device.read(tensor));
      return { statistics, forwards, values };
    };
    for (const microBatchTokens of [1, 30, 10_000]) {
      for (const sharePrompts of [true, false]) {
        const options = { ...settings, entropyCoef: 0.1, microBatchTokens, sharePrompts };
        const plain = await gradientsWith(options), kept = await gradientsWith({ ...options, kept: keep });
        assert.deepEqual(kept.statistics, plain.statistics);
        for (const [name, values] of plain.values) assertSameBits(kept.values.get(name)!, values, name);
        assert.ok(plain.forwards >= config.layers);
        assert.equal(kept.forwards, 0);
      }
    }
    const without = groups.map(({ prompt, rollouts }) => ({
      prompt,
      rollouts: rollouts.map(({ rows: _, ...rollout }) => rollout),
    }));
    await assert.rejects(
      policyGradient(decoder, without, { ...settings, kept: keep }, gradients),
      /activations of 0 of \d+ rows are kept/,
    );
    keep!.free();
    gradients.recycle();
  }));

/** Loss with the gradients' direction added to the weights, `amount` times. */
async function lossAt(
  bench: Bench,
  direction: ReadonlyMap<string, Float32Array>,
  amount: number,
  groups: readonly PolicyGroup[],
  options: PolicyOptions,
): Promise<number> {
  const kept = new Map<string, Float32Array>();
  for (const [name, tensor] of bench.weights.tensors) {
    const values = await bench.device.read(tensor);
    kept.set(name, values);
    bench.device.write(tensor, values.map((x, i) => x + amount * direction.get(name)![i]!));
  }
  const { statistics } = await run(bench, groups, options);
  for (const [name, tensor] of bench.weights.tensors) bench.device.write(tensor, kept.get(name)!);
  return statistics.loss;
}

for (const aggregation of ["token-mean", "token-mean-micro", "seq-sum"] as const) {
  Deno.test(`policyGradient() is the derivative of its loss with ${aggregation}, entropy bonus and temperature`, () =>
    withRandomDecoder({ tiedEmbeddings: false }, async (bench) => {
      const groups = await sampledGroups(bench, 1);
      // Without the ratio: its clipped pieces have kinks that a finite difference would straddle.
      const surrogate = { ...settings.surrogate, surrogate: "reinforce" } as const;
      const options = {
        ...settings,
        surrogate,
        aggregation,
        entropyCoef: 0.1,
        temperature: 0.8,
        microBatchTokens: 40,
      };
      const { gradients } = await run(bench, groups, options);
      let squares = 0;
      for (const values of gradients.values()) for (const x of values) squares += x * x;
      const norm = Math.sqrt(squares), direction = new Map<string, Float32Array>();
      for (const [name, values] of gradients) direction.set(name, values.map((x) => x / norm));
      const step = 2e-3;
      const slope = (await lossAt(bench, direction, step, groups, options) -
        await lossAt(bench, direction, -step, groups, options)) / (2 * step);
      assertRelative([slope], [norm], 1e-3, "slope along the gradient");
    }));
}

backboneTest("policyGradient() adds to the gradients that are there", modelFolder("llama"), async (bench) => {
  const { device, config, decoder } = bench, groups = groupsOf(one.grpo);
  const once = await run(bench, groups, settings), weights = Weights.zeros(device, config);
  for (let i = 0; i < 2; i++) await policyGradient(decoder, groups, settings, weights);
  for (const [name, tensor] of weights.tensors) {
    assertRelative(await device.read(tensor), once.gradients.get(name)!.map((x) => 2 * x), 1e-6, name);
  }
  weights.free();
});

backboneTest("policyGradient() is 0 where all advantages are", modelFolder("llama"), async (bench) => {
  const groups = groupsOf(one.grpo).map(({ prompt, rollouts }) => ({
    prompt,
    rollouts: rollouts.map((rollout) => ({ ...rollout, advantage: 0 })),
  }));
  const { statistics, gradients } = await run(bench, groups, settings);
  assert.ok(Math.abs(statistics.loss) === 0);
  for (const [name, values] of gradients) assert.ok(values.every((x) => x === 0), name);
});

backboneTest(
  "policyGradient() refuses numbers that are not, and leaves no tensors behind",
  modelFolder("llama"),
  async (bench) => {
    const [group] = groupsOf(one.grpo), [rollout] = group!.rollouts;
    for (const wrong of [{ advantage: NaN }, { oldLogProbs: rollout!.oldLogProbs.map(() => NaN) }]) {
      const groups = [{ prompt: group!.prompt, rollouts: [{ ...rollout!, ...wrong }] }];
      await assert.rejects(run(bench, groups, settings), NumericError);
    }
    const groups = groupsOf(one.grpo), { head } = bench.weights, values = await bench.device.read(head);
    bench.device.write(head, values.map(() => NaN));
    for (const microBatchTokens of [1, 10_000]) {
      await assert.rejects(run(bench, groups, { ...settings, microBatchTokens }), NumericError);
    }
    bench.device.write(head, values);
  },
);
