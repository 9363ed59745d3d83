import { assert, assertClose, assertRelative, assertSameBits } from "#test";
import {
  type GrpoGolden,
  loadModelGolden,
  type LossGolden,
  MODEL_NAMES,
  modelFolder,
} from "../../fixtures/golden/models/read.ts";
import { policyLoss } from "../objective/policy_loss.ts";
import { backboneTest, type Bench, withRandomDecoder } from "./_decoder_bench.ts";
import type { PackedSequence } from "./decoder.ts";
import {
  embeddingLoss,
  type GradientValues,
  logProbLoss,
  type LossOptions,
  nextTokens,
  type Prediction,
} from "./_losses.ts";

/** Of the gradient of any one weight, against float64. */
const tolerance = 2e-5;

function assertGradients(actual: GradientValues, { gradients }: LossGolden): void {
  for (const [name, values] of actual) {
    const expected = gradients.get(name)?.values ?? new Float32Array(values.length);
    assertRelative(values, expected, tolerance, name);
  }
  assert.equal(gradients.size, [...actual.keys()].filter((name) => gradients.has(name)).length);
}

/** A policy-gradient batch in two layouts: each rollout a sequence of its own, or all children of their prompt. */
function rolloutBatch(
  rollouts: GrpoGolden["rollouts"],
  sharePrompts: boolean,
): { sequences: PackedSequence[]; predictions: Prediction[] } {
  const sequences: PackedSequence[] = [], predictions: Prediction[] = [];
  const parents = new Map<string, { index: number; last: number }>();
  let start = 0;
  const push = (sequence: PackedSequence) => {
    start += sequence.ids.length;
    return sequences.push(sequence) - 1;
  };
  for (const { prompt, completion } of rollouts) {
    const key = sharePrompts ? prompt.join() : `${sequences.length}`;
    let parent = parents.get(key);
    if (sharePrompts && !parent) {
      parents.set(key, parent = { index: push({ ids: prompt }), last: start - 1 });
    }
    const first = start + (parent ? 0 : prompt.length);
    const last = parent?.last ?? first - 1;
    push(parent ? { ids: completion, parent: parent.index } : { ids: [...prompt, ...completion] });
    completion.forEach((id, i) => predictions.push({ row: i === 0 ? last : first + i - 1, id }));
  }
  return { sequences, predictions };
}

function grpo(bench: Bench, golden: GrpoGolden, options: LossOptions & { sharePrompts?: boolean } = {}) {
  const { sequences, predictions } = rolloutBatch(golden.rollouts, options.sharePrompts ?? false);
  const offsets = [0];
  for (const { completion } of golden.rollouts) offsets.push(offsets.at(-1)! + completion.length);
  let loss = NaN;
  const derivative = (logProbs: Float32Array) => {
    const result = policyLoss(
      {
        logProbs,
        oldLogProbs: golden.rollouts.flatMap(({ oldLogProbs }) => oldLogProbs),
        advantages: golden.rollouts.map(({ advantage }) => advantage),
        offsets,
      },
      { ...golden, surrogate: "ppo-clip", logRatioClamp: golden.logRatioLimit },
      { kind: "token-mean", tokens: logProbs.length },
    );
    loss = result.loss;
    return Float32Array.from(result.gradient);
  };
  return logProbLoss(bench, sequences, predictions, derivative, options).then((result) => ({
    ...result,
    loss,
  }));
}

for (const name of MODEL_NAMES) {
  const golden = loadModelGolden(name), folder = modelFolder(name);

  backboneTest(
    `Decoder.backward() of ${name} gives the gradients of next-token cross-entropy`,
    folder,
    async (bench) => {
      const sequences = golden.nextToken.sequences.map((ids) => ({ ids }));
      const predictions = nextTokens(sequences), n = predictions.length;
      const { logProbs, gradients } = await logProbLoss(
        bench,
        sequences,
        predictions,
        () => new Float32Array(n).fill(-1 / n),
      );
      assertClose([-logProbs.reduce((a, b) => a + b) / n], [golden.nextToken.loss], 1e-6, "loss");
      assertGradients(gradients, golden.nextToken);
    },
  );

  backboneTest(
    `Decoder.backward() of ${name} gives the gradients of the policy loss`,
    folder,
    async (bench) => {
      for (const sharePrompts of [false, true]) {
        const { logProbs, entropies, loss, gradients } = await grpo(bench, golden.grpo, { sharePrompts });
        assertClose(logProbs, golden.grpo.rollouts.flatMap((r) => r.logProbs), 2e-5, "log-probabilities");
        assertClose(entropies, golden.grpo.rollouts.flatMap((r) => r.entropy), 2e-5, "entropies");
        assertRelative([loss], [golden.grpo.loss], 5e-6, "loss");
        assertGradients(gradients, golden.grpo);
      }
    },
  );

  backboneTest(`Decoder.backward() of ${name} gives the gradients of InfoNCE`, folder, async (bench) => {
    const { queries, positives, negatives, temperature } = golden.infoNce;
    const { loss, gradients } = await embeddingLoss(
      bench,
      queries,
      [...positives, ...negatives],
      temperature,
    );
    assertRelative([loss], [golden.infoNce.loss], 2e-6, "loss");
    assertGradients(gradients, golden.infoNce);
  });

  backboneTest(
    `Decoder.backward() of ${name} gives the same bits with checkpointing`,
    folder,
    async (bench) => {
      const { queries, positives, negatives, temperature } = golden.infoNce;
      const [plain, checkpointed] = [false, true].map((checkpointing) => async () => [
        await grpo(bench, golden.grpo, { checkpointing, sharePrompts: true }),
        await embeddingLoss(bench, queries, [...positives, ...negatives], temperature, { checkpointing }),
      ]);
      const expected = await plain!(), actual = await checkpointed!();
      expected.forEach(({ gradients }, i) => {
        for (const [weight, values] of gradients) {
          assertSameBits(actual[i]!.gradients.get(weight)!, values, weight);
        }
      });
    },
  );

  backboneTest(
    `Decoder.backward() of ${name} gives shared prompts the gradients of whole sequences`,
    folder,
    async (bench) => {
      const whole = await grpo(bench, golden.grpo, { sharePrompts: false });
      const shared = await grpo(bench, golden.grpo, { sharePrompts: true });
      assertSameBits(shared.logProbs, whole.logProbs, "log-probabilities");
      assertSameBits(shared.entropies, whole.entropies, "entropies");
      for (const [weight, values] of whole.gradients) {
        assertRelative(shared.gradients.get(weight)!, values, 1e-5, weight);
      }
    },
  );
}

const longAndShort = [{ ids: Array.from({ length: 150 }, (_, i) => (7 * i) % 300) }, { ids: [1, 2, 3] }];

Deno.test("Decoder.backward() gives the same bits when it runs again, and twice the gradient for twice the loss", () =>
  withRandomDecoder({ hiddenSize: 160, intermediateSize: 300 }, async (bench) => {
    const predictions = nextTokens(longAndShort);
    const run = (factor: number) => logProbLoss(bench, longAndShort, predictions, (p) => p.map(() => factor));
    const [first, second, double] = [await run(-1), await run(-1), await run(-2)];
    for (const [name, values] of first.gradients) {
      assertSameBits(second.gradients.get(name)!, values, name);
      assertSameBits(double.gradients.get(name)!, values.map((x) => 2 * x), name);
    }
  }));

Deno.test("Decoder.backward() adds to the gradients that are there", () =>
  withRandomDecoder({ qkNorm: true, qkvBias: true, tiedEmbeddings: false }, async (bench) => {
    const predictions = nextTokens(longAndShort), derivative = (p: Float32Array) => p.map(() => -1);
    const zero = await logProbLoss(bench, longAndShort, predictions, derivative);
    const one = await logProbLoss(bench, longAndShort, predictions, derivative, { initialGradient: 1 });
    for (const [name, values] of zero.gradients) {
      assertClose(one.gradients.get(name)!, values.map((x) => x + 1), 1e-4, name);
    }
  }));
