import { assert, assertRelative, assertSameBits, testWith } from "#test";
import { NumericError, UsageError } from "#errors";
import { engine, withRandomDecoder } from "../backbone/_decoder_bench.ts";
import type { DecoderConfig } from "../backbone/config.ts";
import { Decoder } from "../backbone/decoder.ts";
import { openSafetensors } from "../backbone/safetensors.ts";
import { Weights } from "../backbone/weights.ts";
import { deviceTensors, writeHfFolder } from "../backbone/write.ts";
import { negativeLogLikelihoods } from "./next_token_update.ts";
import {
  pretrain,
  type PretrainDocument,
  type PretrainEvaluation,
  type PretrainOptions,
  type PretrainStep,
} from "./pretrain.ts";

const vocabSize = 32;

/** A toy language: each token follows from the one before it, by the rule of its kind. */
function text(kind: "triple" | "next", start: number, length: number): PretrainDocument {
  const ids = Int32Array.of(kind === "triple" ? 0 : 1, start, ...new Array(length - 2).fill(0));
  for (let i = 2; i < length; i++) {
    ids[i] = 2 + (kind === "triple" ? 3 * ids[i - 1]! : ids[i - 1]! + 1) % (vocabSize - 2);
  }
  // Nothing tells the start.
  return { ids, loss: Uint8Array.from({ length }, (_, i) => +(i >= 2)), kind };
}

const documents = Array.from(
  { length: 60 },
  (_, i) => text(i % 2 ? "triple" : "next", 2 + i % 27, 5 + i % 6),
);
const evaluation = [27, 28, 29].flatMap((
  start,
) => [text("triple", 2 + start, 12), text("next", 2 + start, 12)]);

function options(config: DecoderConfig, changes: Partial<PretrainOptions> = {}): PretrainOptions {
  return {
    device: engine(),
    config,
    documents,
    evaluation,
    seed: 5,
    steps: 60,
    tokensPerStep: 128,
    learningRate: 5e-3,
    schedule: { schedule: "cosine", warmupSteps: 5, finalFraction: 0.1 },
    ...changes,
  };
}

interface Result {
  readonly steps: PretrainStep[];
  readonly evaluations: PretrainEvaluation[];
  readonly weights: Map<string, Float32Array>;
}

async function valuesOf(weights: Weights): Promise<Map<string, Float32Array>> {
  const values = new Map<string, Float32Array>();
  for (const [name, tensor] of weights.tensors) values.set(name, await weights.device.read(tensor));
  return values;
}

async function run(config: DecoderConfig, changes: Partial<PretrainOptions> = {}): Promise<Result> {
  const steps: PretrainStep[] = [], evaluations: PretrainEvaluation[] = [];
  const weights = await pretrain(options(config, {
    onStep: (step) => steps.push(step),
    onEvaluation: (evaluation) => evaluations.push(evaluation),
    ...changes,
  }));
  const values = await valuesOf(weights);
  weights.free();
  return { steps, evaluations, weights: values };
}

/** A test with the config of a small Llama; it fails if it leaves tensors behind. */
const configTest = (name: string, body: (config: DecoderConfig) => Promise<void>) =>
  Deno.test(name, () => withRandomDecoder({ vocabSize }, ({ config }) => body(config)));

configTest("pretrain() learns a toy language, and what it was not shown of it", async (config) => {
  const { steps, evaluations } = await run(config, { evaluateEvery: 20 });
  // Nothing is known at first: the loss is the logarithm of the vocabulary.
  assert.ok(Math.abs(steps[0]!.loss - Math.log(vocabSize)) < 0.1, `${steps[0]!.loss}`);
  assert.ok(steps.at(-1)!.loss < 0.1, `${steps.at(-1)!.loss}`);
  assert.deepEqual(evaluations.map(({ step }) => step), [20, 40, 60]);
  assert.ok(evaluations[0]!.loss > evaluations[2]!.loss);
  const { loss, lossByKind } = evaluations[2]!;
  assert.ok(loss < 0.5, `${loss}`);
  // As many tokens of each kind: the whole is the mean of the parts.
  const parts = [lossByKind.get("triple")!, lossByKind.get("next")!];
  assert.ok(Math.abs((parts[0]! + parts[1]!) / 2 - loss) < 1e-9);
});

configTest("pretrain() reports its schedule and its tokens", async (config) => {
  const { steps } = await run(config, {
    steps: 8,
    schedule: { schedule: "linear", warmupSteps: 4, finalFraction: 0.5 },
  });
  assert.deepEqual(steps.map(({ step }) => step), [1, 2, 3, 4, 5, 6, 7, 8]);
  const rates = [0.25, 0.5, 0.75, 1, 1, 0.875, 0.75, 0.625].map((share) => share * 5e-3);
  steps.forEach(({ learningRate }, i) => assert.ok(Math.abs(learningRate - rates[i]!) < 1e-12));
  for (const { tokens, counted, gradNorm } of steps) {
    assert.ok(tokens > 110 && tokens <= 128 && counted < tokens);
    assert.ok(gradNorm > 0);
  }
});

configTest("pretrain() gives the same bits twice, and others with another seed", async (config) => {
  const [one, again, other] = [
    await run(config, { steps: 6 }),
    await run(config, { steps: 6 }),
    await run(config, { steps: 6, seed: 6 }),
  ];
  for (const [name, values] of one.weights) assertSameBits(again.weights.get(name)!, values, name);
  assert.deepEqual(again.evaluations, one.evaluations);
  assert.notDeepEqual(other.evaluations, one.evaluations);
});

configTest("pretrain() differs by rounding alone when a step is cut into micro-batches", async (config) => {
  const [whole, cut] = [
    await run(config, { steps: 3 }),
    await run(config, { steps: 3, microBatchTokens: 40 }),
  ];
  whole.steps.forEach(({ loss }, i) => assert.ok(Math.abs(loss - cut.steps[i]!.loss) < 1e-5));
});

configTest("pretrain() with learning rate 0 leaves the weights it was given as they are", async (config) => {
  const weights = await pretrain(options(config, { steps: 2 }));
  const before = await valuesOf(weights);
  const same = await pretrain(options(config, { steps: 2, weights, learningRate: 0 }));
  assert.equal(same, weights);
  for (const [name, values] of await valuesOf(weights)) assertSameBits(values, before.get(name)!, name);
  weights.free();
});

configTest("pretrain() stops at a signal, between two steps", async (config) => {
  const controller = new AbortController(), seen: number[] = [];
  const onStep = ({ step }: PretrainStep) => {
    seen.push(step);
    if (step === 2) controller.abort(new Error("enough"));
  };
  await assert.rejects(run(config, { onStep, signal: controller.signal }), /enough/);
  assert.deepEqual(seen, [1, 2]);
});

const inFolder = async (body: (folder: string) => Promise<void>) => {
  const folder = Deno.makeTempDirSync();
  try {
    await body(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
};

/** Stops a training after some steps, as an interrupt does. */
async function interrupted(config: DecoderConfig, folder: string, after: number): Promise<void> {
  const controller = new AbortController();
  const onStep = ({ step }: PretrainStep) => {
    if (step === after) controller.abort(new Error("interrupted"));
  };
  const checkpoints = { folder, every: 2 };
  await assert.rejects(
    run(config, { steps: 7, checkpoints, onStep, signal: controller.signal }),
    /interrupted/,
  );
}

configTest("pretrain() goes on from a checkpoint with the same bits", (config) =>
  inFolder(async (folder) => {
    const whole = await run(config, { steps: 7 });
    await interrupted(config, folder, 3);
    const rest = await run(config, { steps: 7, checkpoints: { folder, every: 2 } });
    assert.deepEqual(rest.steps.map(({ step }) => step), [4, 5, 6, 7]);
    assert.deepEqual(rest.steps.map(({ loss }) => loss), whole.steps.slice(3).map(({ loss }) => loss));
    for (const [name, values] of whole.weights) assertSameBits(rest.weights.get(name)!, values, name);
    // Only the newest is kept, and a finished training is not run again.
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["step-000007"]);
    const again = await run(config, { steps: 7, checkpoints: { folder, every: 2 } });
    assert.deepEqual(again.steps, []);
    for (const [name, values] of whole.weights) assertSameBits(again.weights.get(name)!, values, name);
  }));

configTest(
  "pretrain() goes on after a kill from the last whole checkpoint",
  (config) =>
    inFolder(async (folder) => {
      await interrupted(config, folder, 2);
      Deno.mkdirSync(`${folder}/step-000004.part-1`);
      const rest = await run(config, { steps: 7, checkpoints: { folder, every: 2 } });
      assert.deepEqual(rest.steps.map(({ step }) => step), [3, 4, 5, 6, 7]);
    }),
);

configTest(
  "pretrain() refuses a checkpoint of other settings, documents or starting weights",
  (config) =>
    inFolder(async (folder) => {
      await interrupted(config, folder, 2);
      const checkpoints = { folder, every: 2 };
      for (
        const changes of [
          { seed: 6 },
          { learningRate: 1e-3 },
          { documents: documents.slice(1) },
          { documents: documents.map(({ ids }) => ({ ids, loss: new Uint8Array(ids.length).fill(1) })) },
        ]
      ) {
        await assert.rejects(run(config, { steps: 7, checkpoints, ...changes }), /of a training with other/);
      }
      const weights = await pretrain(options(config, { steps: 1 }));
      await assert.rejects(run(config, { steps: 7, checkpoints, weights }), /of a training with other/);
      weights.free();
    }),
);

configTest("pretrain() ends with a NumericError when the loss is not a number", async (config) => {
  await assert.rejects(run(config, { learningRate: NaN }), NumericError);
});

configTest("pretrain() refuses options and documents that it cannot use", async (config) => {
  for (const changes of [{ steps: 0 }, { tokensPerStep: 0.5 }, { evaluateEvery: -1 }, { documents: [] }]) {
    await assert.rejects(run(config, changes), UsageError);
  }
  const masked = { ids: Int32Array.of(1, 2), loss: new Uint8Array(2) };
  await assert.rejects(run(config, { documents: [masked] }), /document 0 has no token that counts/);
  await assert.rejects(
    run(config, { evaluation: [masked] }),
    /evaluation document 0 has no token that counts/,
  );
});

const python = `${Deno.env.get("HOME")}/.cache/grace-repro-peers/bin/python3`;
const script = `
import json, sys, torch
from transformers import AutoModelForCausalLM
model, info = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32, output_loading_info=True)
losses = []
for ids in json.loads(sys.argv[2]):
  ids = torch.tensor([ids])
  losses.append(model(ids, labels=ids).loss.item() * (ids.shape[1] - 1))
missing = [key for kind in ("missing_keys", "unexpected_keys", "mismatched_keys") for key in info[kind]]
print(json.dumps({"missing": missing, "losses": losses}))
`;

testWith(
  python,
  "a pretrained decoder written in bf16 has the same losses in transformers",
  () =>
    inFolder((parent) =>
      withRandomDecoder({ vocabSize }, async ({ config }) => {
        const trained = await pretrain(options(config, { steps: 20 })), folder = `${parent}/written`;
        await writeHfFolder(folder, {
          config,
          tensors: deviceTensors(trained),
          dtype: "bf16",
          tokenizerFiles: new Map(),
          chatTemplate: "",
          generation: { eosIds: [0], bosId: null },
        });
        trained.free();
        const source = openSafetensors([`${folder}/model.safetensors`]);
        const weights = Weights.read(engine(), config, source);
        source.close();
        // All tokens count: transformers does not mask either.
        const whole = evaluation.map(({ ids }) => ({ ids, loss: new Uint8Array(ids.length).fill(1) }));
        const ours = await negativeLogLikelihoods(new Decoder(weights), whole, 128);
        weights.free();
        const texts = JSON.stringify(whole.map(({ ids }) => [...ids]));
        const output = await new Deno.Command(python, { args: ["-c", script, folder, texts] }).output();
        assert.ok(output.success, new TextDecoder().decode(output.stderr));
        const { missing, losses } = JSON.parse(new TextDecoder().decode(output.stdout));
        assert.deepEqual(missing, []);
        assertRelative(ours, losses, 1e-5);
      })
    ),
);
