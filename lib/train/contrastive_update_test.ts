import { assert, assertClose, assertRelative, assertSameBits } from "#test";
import { NumericError } from "#errors";
import {
  loadModelGolden,
  MODEL_NAMES,
  modelFolder,
  type PooledSequence,
} from "../../fixtures/golden/models/read.ts";
import { backboneTest, type Bench, withBackbone, withRandomDecoder } from "../backbone/_decoder_bench.ts";
import { embeddingLoss } from "../backbone/_losses.ts";
import { packSequences } from "../backbone/decoder.ts";
import { Weights } from "../backbone/weights.ts";
import { duplicateMask, infoNce } from "../objective/info_nce.ts";
import { tokens } from "../rollout/_rollout_bench.ts";
import {
  type ContrastiveBatch,
  contrastiveGradient,
  type ContrastiveOptions,
  type ContrastiveStatistics,
  type ContrastiveText,
} from "./contrastive_update.ts";

/** Of the gradient of any one weight, against float64. */
const tolerance = 2e-5;

const settings: ContrastiveOptions = { temperature: 0.05, microBatchTokens: 10_000 };

const textOf = ({ ids, start, end }: PooledSequence): ContrastiveText => ({
  ids: Int32Array.from(ids),
  ranges: [{ start, end }],
});

interface Result {
  readonly statistics: ContrastiveStatistics;
  readonly gradients: Map<string, Float32Array>;
}

async function run(
  { device, config, decoder }: Bench,
  batch: ContrastiveBatch,
  options = settings,
): Promise<Result> {
  const weights = Weights.zeros(device, config), gradients = new Map<string, Float32Array>();
  try {
    const statistics = await contrastiveGradient(decoder, batch, options, weights);
    for (const [name, tensor] of weights.tensors) gradients.set(name, await device.read(tensor));
    return { statistics, gradients };
  } finally {
    weights.free();
  }
}

for (const name of MODEL_NAMES) {
  backboneTest(
    `contrastiveGradient() of ${name} is PyTorch's, however the batch is run`,
    modelFolder(name),
    async (bench) => {
      const { infoNce } = loadModelGolden(name);
      const batch: ContrastiveBatch = {
        queries: infoNce.queries.map(textOf),
        positives: infoNce.positives.map(textOf),
        negatives: infoNce.negatives.map(textOf),
      };
      for (const microBatchTokens of [1, 30, 10_000]) {
        for (const checkpointing of [false, true]) {
          const what = `${microBatchTokens} rows`;
          const { statistics, gradients } = await run(bench, batch, {
            ...infoNce,
            microBatchTokens,
            checkpointing,
          });
          assertRelative([statistics.loss], [infoNce.loss], 2e-6, what);
          for (const [weight, values] of gradients) {
            const expected = infoNce.gradients.get(weight)?.values ?? new Float32Array(values.length);
            assertRelative(values, expected, tolerance, `${what}: ${weight}`);
          }
          const correct = infoNce.logits.filter((row, i) =>
            row.every((logit, j) => j === i || logit < row[i]!)
          );
          assert.equal(statistics.accuracy, correct.length / infoNce.logits.length);
        }
      }
    },
  );
}

/** Texts with a common beginning of 12 tokens, pooled from its end on. */
const shared = tokens(70, 12);
const withBeginning = (seed: number): PooledSequence => {
  const ids = [...shared, ...tokens(seed, 3 + seed % 9)];
  return { ids, start: 12, end: ids.length };
};
const [queries, positives, negatives] = [80, 90, 100].map((first) =>
  [0, 1, 2, 3].map((i) => withBeginning(first + i))
);
const batch: ContrastiveBatch = {
  queries: queries!.map(textOf),
  positives: positives!.map(textOf),
  negatives: negatives!.map(textOf),
};

Deno.test("contrastiveGradient() runs a common beginning once, with the gradients of whole texts", () =>
  withRandomDecoder({ qkNorm: true, qkvBias: true }, async (bench) => {
    const whole = await embeddingLoss(bench, queries!, [...positives!, ...negatives!], 0.05);
    const { statistics, gradients } = await run(bench, batch);
    assert.equal(statistics.loss, whole.loss);
    for (const [name, values] of whole.gradients) assertRelative(gradients.get(name)!, values, 1e-5, name);
    const own = [...batch.queries, ...batch.positives, ...batch.negatives].reduce(
      (sum, { ids }) => sum + ids.length - 12,
      0,
    );
    assert.equal(statistics.rows, 12 + own);
  }));

Deno.test("contrastiveGradient() pools disjoint ranges", () =>
  withRandomDecoder({}, async (bench) => {
    const ranges = [{ start: 1, end: 4 }, { start: 6, end: 13 }];
    const gaps = (texts: readonly ContrastiveText[]) => texts.map(({ ids }) => ({ ids, ranges }));
    const gapped = {
      queries: gaps(batch.queries),
      positives: gaps(batch.positives),
      negatives: gaps(batch.negatives),
    };
    const small = await run(bench, gapped, { ...settings, microBatchTokens: 1 }),
      large = await run(bench, gapped);
    assert.equal(small.statistics.loss, large.statistics.loss);
    assert.notEqual(large.statistics.loss, (await run(bench, batch)).statistics.loss);
    for (const [name, values] of large.gradients) {
      assertRelative(small.gradients.get(name)!, values, 1e-5, name);
    }
  }));

Deno.test("contrastiveGradient() leaves excluded candidates out", () =>
  withRandomDecoder({}, async (bench) => {
    const excluded = new Uint8Array(4 * 8);
    // All mined negatives, for every query: as if there were none.
    for (let i = 0; i < 4; i++) for (let j = 4; j < 8; j++) excluded[i * 8 + j] = 1;
    const without = await run(bench, { ...batch, negatives: [] }),
      actual = await run(bench, { ...batch, excluded });
    assertRelative([actual.statistics.loss], [without.statistics.loss], 1e-12);
    assert.equal(actual.statistics.accuracy, without.statistics.accuracy);
    for (const [name, values] of without.gradients) {
      assertRelative(actual.gradients.get(name)!, values, 1e-5, name);
    }
    assert.ok((await run(bench, batch)).statistics.loss > without.statistics.loss);
  }));

Deno.test("contrastiveGradient() watches the mean cosine of queries", () =>
  withRandomDecoder({}, async (bench) => {
    const same = {
      queries: [batch.queries[0]!, batch.queries[0]!],
      positives: batch.positives.slice(0, 2),
      negatives: [],
    };
    assertClose([(await run(bench, same)).statistics.meanCosine], [1], 1e-6);
    const { meanCosine } = (await run(bench, batch)).statistics;
    assert.ok(meanCosine > -1 && meanCosine < 1);
  }));

Deno.test("contrastiveGradient() gives the same bits when it runs again", () =>
  withRandomDecoder({}, async (bench) => {
    const [first, second] = [await run(bench, batch), await run(bench, batch)];
    for (const [name, values] of first.gradients) assertSameBits(second.gradients.get(name)!, values, name);
  }));

Deno.test("contrastiveGradient() refuses a loss that is not a number, and leaves no tensors behind", () =>
  withRandomDecoder({}, async (bench) => {
    bench.device.fill(bench.weights.get("model.norm.weight"), NaN);
    for (const microBatchTokens of [1, 10_000]) {
      await assert.rejects(run(bench, batch, { ...settings, microBatchTokens }), NumericError);
    }
  }));

Deno.test("contrastiveGradient() has the loss, accuracy and mask of the objective's pure function", async () => {
  await withBackbone(modelFolder("llama-tied"), async ({ device, decoder, weights, config }) => {
    const text = (...ids: number[]) => ({
      ids: Int32Array.from(ids),
      ranges: [{ start: 1, end: ids.length }],
    });
    const batch = {
      queries: [text(5, 6, 7), text(5, 30, 31, 32), text(5, 50, 51)],
      positives: [text(5, 8, 9), text(5, 33, 34), text(5, 8, 9)],
      negatives: [text(5, 60, 61, 62), text(5, 8, 9)],
    };
    const keys = { positiveKeys: ["a", "b", "a"], negativeKeys: ["c", "a"] };
    const gradients = Weights.zeros(device, config);
    const result = await contrastiveGradient(
      decoder,
      { ...batch, excluded: duplicateMask(keys) },
      { temperature: 0.1, microBatchTokens: 512 },
      gradients,
    );
    gradients.free();
    const vectors = async (texts: readonly { ids: Int32Array }[]) => {
      const rows: number[] = [];
      for (const { ids } of texts) {
        const hidden = decoder.forward(packSequences([{ ids }]));
        const values = await device.read(hidden);
        device.free(hidden);
        const dim = config.hiddenSize;
        const sum = Array.from({ length: dim }, (_, x) => {
          let total = 0;
          for (let row = 1; row < ids.length; row++) total += values[row * dim + x]!;
          return total;
        });
        const norm = Math.hypot(...sum);
        rows.push(...sum.map((x) => x / norm));
      }
      return rows;
    };
    const expected = infoNce({
      queries: await vectors(batch.queries),
      positives: await vectors(batch.positives),
      negatives: await vectors(batch.negatives),
      dim: weights.config.hiddenSize,
    }, { temperature: 0.1, maskDuplicates: keys });
    assert.equal(expected.masked, 4);
    assert.ok(
      Math.abs(result.loss - expected.loss) < 1e-4 * expected.loss,
      `${result.loss} ${expected.loss}`,
    );
    assert.equal(result.accuracy, expected.accuracy);
  });
});
