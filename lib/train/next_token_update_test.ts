import { assert, assertClose, assertRelative, assertSameBits } from "#test";
import { NumericError, UsageError } from "#errors";
import { loadModelGolden, MODEL_NAMES, modelFolder } from "../../fixtures/golden/models/read.ts";
import { backboneTest, type Bench, withRandomDecoder } from "../backbone/_decoder_bench.ts";
import { logProbLoss } from "../backbone/_losses.ts";
import { Weights } from "../backbone/weights.ts";
import { tokens } from "../rollout/_rollout_bench.ts";
import {
  checkDocument,
  negativeLogLikelihoods,
  nextTokenGradient,
  type NextTokenStatistics,
  type PretrainDocument,
} from "./next_token_update.ts";

/** Of the gradient of any one weight, against float64. */
const tolerance = 2e-5;

interface Result {
  readonly statistics: NextTokenStatistics;
  readonly gradients: Map<string, Float32Array>;
}

async function run(
  { device, config, decoder }: Bench,
  documents: readonly PretrainDocument[],
  microBatchTokens = 10_000,
): Promise<Result> {
  const weights = Weights.zeros(device, config), gradients = new Map<string, Float32Array>();
  try {
    const statistics = await nextTokenGradient(decoder, documents, microBatchTokens, weights);
    for (const [name, tensor] of weights.tensors) gradients.set(name, await device.read(tensor));
    return { statistics, gradients };
  } finally {
    weights.free();
  }
}

/** All tokens count, but for those of the first `context`. */
function document(ids: ArrayLike<number>, context = 1): PretrainDocument {
  return {
    ids: Int32Array.from(ids),
    loss: Uint8Array.from({ length: ids.length }, (_, i) => +(i >= context)),
  };
}

for (const name of MODEL_NAMES) {
  backboneTest(
    `nextTokenGradient() of ${name} is PyTorch's, however the batch is run`,
    modelFolder(name),
    async (bench) => {
      const { nextToken } = loadModelGolden(name);
      const documents = nextToken.sequences.map((ids) => document(ids));
      for (const microBatchTokens of [1, 30, 10_000]) {
        const { statistics, gradients } = await run(bench, documents, microBatchTokens);
        const what = `${microBatchTokens} tokens`;
        assertClose([statistics.loss], [nextToken.loss], 1e-6, what);
        for (const [weight, values] of gradients) {
          const expected = nextToken.gradients.get(weight)?.values ?? new Float32Array(values.length);
          assertRelative(values, expected, tolerance, `${what}: ${weight}`);
        }
        const predicted = nextToken.sequences.reduce((sum, ids) => sum + ids.length - 1, 0);
        assert.deepEqual([statistics.counted, statistics.rows], [predicted, predicted]);
      }
      const sums = await negativeLogLikelihoods(bench.decoder, documents, 30);
      const mean = sums.reduce((a, b) => a + b) / documents.reduce((sum, { ids }) => sum + ids.length - 1, 0);
      assertClose([mean], [nextToken.loss], 1e-6);
    },
  );
}

Deno.test("nextTokenGradient() is that of the tokens that count, with the others as context", () =>
  withRandomDecoder({}, async (bench) => {
    // In the first document context comes also between and after what counts.
    const documents = [
      { ids: Int32Array.from(tokens(1, 8)), loss: Uint8Array.of(1, 0, 1, 1, 0, 1, 0, 0) },
      document(tokens(2, 7), 5),
      document(tokens(3, 2)),
    ];
    const { statistics, gradients } = await run(bench, documents);
    const sequences = documents.map(({ ids }) => ({ ids }));
    const predictions = [[1, 2], [2, 3], [4, 5], [8 + 4, 8 + 5], [8 + 5, 8 + 6], [15, 16]].map((
      [row, token],
    ) => ({
      row: row!,
      id: documents.flatMap(({ ids }) => [...ids])[token!]!,
    }));
    const expected = await logProbLoss(
      bench,
      sequences,
      predictions,
      () => new Float32Array(6).fill(-1 / 6),
    );
    assertRelative([statistics.loss], [-expected.logProbs.reduce((a, b) => a + b) / 6], 1e-6);
    for (const [name, values] of gradients) {
      assertRelative(values, expected.gradients.get(name)!, 1e-5, name);
    }
    // What follows the last token that counts is not even run.
    assert.deepEqual([statistics.counted, statistics.rows], [6, 5 + 6 + 1]);
  }));

Deno.test("nextTokenGradient() sees masked tokens as context only", () =>
  withRandomDecoder({}, async (bench) => {
    const ids = Int32Array.from(tokens(1, 9)), loss = Uint8Array.of(0, 0, 0, 0, 1, 1, 1, 0, 0);
    const lossOf = async (changed?: number) => {
      const other = ids.slice();
      if (changed !== undefined) other[changed] = (other[changed]! + 1) % 300;
      return (await run(bench, [{ ids: other, loss }])).statistics.loss;
    };
    const original = await lossOf();
    for (const after of [7, 8]) assert.equal(await lossOf(after), original);
    for (const before of [0, 3]) assert.notEqual(await lossOf(before), original);
  }));

Deno.test("negativeLogLikelihoods() gives a document the same bits alone and among others", () =>
  withRandomDecoder({}, async ({ decoder }) => {
    const documents = [1, 2, 3, 4].map((i) => document(tokens(i, 3 * i), i));
    const all = await negativeLogLikelihoods(decoder, documents, 10_000);
    assertSameBits(await negativeLogLikelihoods(decoder, documents, 1), all);
    assertSameBits(await negativeLogLikelihoods(decoder, [documents[2]!], 1), all.subarray(2, 3));
  }));

Deno.test("nextTokenGradient() ends with a NumericError, and frees its memory, when the loss is not a number", () =>
  withRandomDecoder({}, async (bench) => {
    bench.device.fill(bench.weights.get("model.norm.weight"), NaN);
    await assert.rejects(run(bench, [document(tokens(1, 5))]), NumericError);
  }));

Deno.test("checkDocument() refuses what has no loss, another length of mask, unknown tokens, or too many", () =>
  withRandomDecoder({ vocabSize: 4, maxPositions: 2 }, ({ config }) => {
    const check = (ids: number[], loss: number[]) =>
      checkDocument({ ids: Int32Array.from(ids), loss: Uint8Array.from(loss) }, "document 8", config);
    check([1, 2, 3], [0, 0, 1]);
    assert.throws(() => check([1, 2, 3], [0, 1]), /document 8 has 3 tokens and a mask of 2/);
    assert.throws(() => check([1, 2, 4], [0, 1, 1]), UsageError);
    assert.throws(() => check([1, 2, -1], [0, 1, 1]), UsageError);
    assert.throws(() => check([1, 2, 3], [1, 0, 0]), UsageError);
    assert.throws(() => check([1, 2, 3, 1], [0, 1, 1, 1]), UsageError);
    return Promise.resolve();
  }));
